//! A line of the log that is written at most once a minute, however often its cause comes.

use std::time::Duration;

use tokio::time::Instant;

/// How long it is silent after it was written.
const SILENT: Duration = Duration::from_secs(60);

/// When the line was written last, and what was kept back since then.
#[derive(Default)]
pub(super) struct Seldom {
    told: Option<Instant>,
    untold: u64,
}

impl Seldom {
    /// Whether to write it now; if so, how often its cause came, this time with it.
    pub(super) fn tell(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now < told + SILENT) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_at_once_and_then_once_a_minute() {
        let mut line = Seldom::default();
        let now = Instant::now();
        assert_eq!(line.tell(now), Some(1));
        for _ in 0..1_000 {
            assert_eq!(line.tell(now), None);
        }
        let later = now + SILENT;
        assert_eq!((line.tell(later), line.tell(later)), (Some(1_001), None));
    }
}
