//! The location database: readable, whole, and not old.

use std::path::Path;

use doorward_domain::Timestamp;
use doorward_locations::Edition;

use super::Outcome;

/// From this age on its places are worth a warning, in seconds: 60 days.
const OLD_S: u32 = 60 * 86_400;

/// What is wrong with the file.
pub(super) fn fault(path: &Path, now: Timestamp) -> Option<(Outcome, String)> {
    match Edition::read(path) {
        Err(error) => Some((Outcome::Fail, format!("{error}: put another file there, or take the setting away"))),
        Ok(edition) => {
            let (shown, sort, built_at) = (path.display(), edition.sort(), edition.built_at());
            let message = format!("{shown} ({sort}) was built at {built_at}, and networks move: replace it, no restart is needed");
            (now >= built_at.plus_s(OLD_S)).then_some((Outcome::Warn, message))
        }
    }
}
