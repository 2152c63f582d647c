//! `doorward explain`: why a user was asked for the second factor, or wasn't, in sentences.

use doorward_api::shown;
use doorward_domain::Language;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tell::Column;
use super::{Desk, Said, Stretch, id, user};

/// The question why.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Explain {
    /// The user's id, as the host says it
    user: String,
    /// One sign-in, with all that is known of it [default: the last ones]
    sign_in: Option<String>,
    /// The language of the sentences
    #[arg(long, default_value = "en", value_parser = ["en", "es"])]
    lang: String,
    #[command(flatten)]
    #[serde(flatten)]
    stretch: Stretch,
}

/// The columns of a list of sign-ins.
pub(super) const COLUMNS: &[Column] =
    &[("SIGN-IN", "/id"), ("AT", "/created_at"), ("DECISION", "/decision"), ("BECAME", "/status"), ("ADDRESS", "/ip_address"), ("WHY", "/why")];

impl Explain {
    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let operator = desk.operator().await?;
        let language = Language::from_word(&self.lang).unwrap_or(Language::English);
        let (access, now) = (operator.user(user(&self.user)?), desk.service.now());
        let (whose, tenant) = (self.user, operator.tenant.clone());
        if let Some(sign_in) = self.sign_in {
            let missing = |error| Said::of(error, || format!("{whose} has no sign-in {sign_in} in the tenant {tenant}."));
            let found = desk.service.get_user_sign_in(&access, id(&sign_in)?).await.map_err(missing)?;
            return Ok(shown::sign_in(found, now, language));
        }
        Ok(shown::sign_ins(desk.service.list_sign_ins(&access, &self.stretch.request()).await?, now, language))
    }
}
