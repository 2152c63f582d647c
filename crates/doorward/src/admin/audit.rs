//! `doorward audit`: whether the feed of events is as it was written, where it stands, and all of it as lines of JSON.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use doorward_api::shown;
use doorward_domain::{FeedFault, Lane, Link};
use doorward_service::{FEED_WAIT_S, FeedRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tell::Column;
use super::{Act, Desk, Said};
use crate::failure::Failure;

/// Events in one request of an export.
const PAGE: u16 = 1_000;

/// What is done with the trail of events.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Audit {
    /// Shows where the feed stands: keep it in another place (--json), and give it to verify later
    Head,
    /// Checks that no event was removed, changed, moved or inserted since it was written; exit code 1 if one was
    Verify {
        /// What `audit head --json` printed before: finds also what was cut off at the end, and another history
        #[arg(long, value_name = "FILE")]
        head: Option<PathBuf>,
    },
    /// Prints the events, one JSON object on a line, the oldest first; at the end it says where to go on
    Export {
        /// Go on where an export before ended
        #[arg(long, value_name = "CURSOR", conflicts_with = "state")]
        since: Option<String>,
        /// A file that holds where to go on: read if it is there, written after each page that was printed
        #[arg(long, value_name = "FILE")]
        state: Option<PathBuf>,
        /// Wait for what comes next, until it is stopped
        #[arg(long)]
        follow: bool,
    },
    /// A stretch of a verification.
    #[command(skip)]
    Compare {
        /// Where to begin.
        from: Option<Place>,
        /// Where the feed stood before.
        known: Vec<Place>,
    },
    /// A stretch of an export.
    #[command(skip)]
    Read {
        /// After what.
        cursor: Option<String>,
        /// For how long to wait for it.
        wait_s: u32,
    },
}

/// A place in a lane, as it is printed and kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    lane: u8,
    position: i64,
    chain: String,
}

/// Where the feed stood, as `audit head` prints it.
#[derive(Deserialize)]
struct Kept {
    tenant: String,
    feed_epoch: String,
    items: Vec<Place>,
}

/// The columns of a list of heads.
pub(super) const COLUMNS: &[Column] = &[("LANE", "/lane"), ("POSITION", "/position"), ("CHAIN", "/chain"), ("OLDEST KEPT", "/oldest")];

impl Place {
    fn of((lane, link): (Lane, Link)) -> Self {
        let chain = link.chain.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { lane: lane.number(), position: link.position, chain }
    }

    fn read(&self) -> Result<(Lane, Link), Said> {
        let digit = |at: usize| self.chain.get(2 * at..2 * at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let bytes: Option<Vec<u8>> = (0..32).map(digit).collect();
        let chain = bytes.filter(|_| self.chain.len() == 64).and_then(|bytes| bytes.try_into().ok());
        let place = Lane::new(self.lane).zip(chain).map(|(lane, chain)| (lane, Link { position: self.position, chain }));
        place.ok_or_else(|| Said::asked("The file holds a place that is none. Give what `doorward audit head --json` printed, unchanged."))
    }
}

impl Audit {
    /// Whether it takes more than one request.
    pub(super) fn is_long(&self) -> bool {
        matches!(self, Self::Verify { .. } | Self::Export { .. })
    }

    /// Makes the requests of a long one, and gives what is to be told in the end.
    pub(super) async fn go_through(self, ask: impl AsyncFn(Act) -> Result<Value, Failure>) -> Result<Option<Value>, Failure> {
        match self {
            Self::Verify { head } => verify(head.as_deref(), ask).await.map(Some),
            Self::Export { since, state, follow } => export(since, state.as_deref(), follow, ask).await.map(|()| None),
            short => ask(Act::Audit(short)).await.map(Some),
        }
    }

    pub(super) async fn perform(self, desk: &Desk) -> Result<Value, Said> {
        let tenant = desk.operator().await?.tenant;
        match self {
            Self::Head | Self::Verify { .. } | Self::Export { .. } => {
                let (found, heads) = desk.service.feed_heads(tenant).await?;
                let items: Vec<Value> = heads
                    .iter()
                    .map(|head| {
                        let place = Place::of((head.lane, head.head));
                        json!({ "lane": place.lane, "position": place.position, "chain": place.chain, "oldest": head.anchor.position + 1 })
                    })
                    .collect();
                let (epoch, at) = (found.feed_epoch.to_string(), desk.service.now().to_string());
                Ok(json!({ "tenant": found.id.as_str(), "feed_epoch": epoch, "at": at, "items": items, "next_cursor": null }))
            }
            Self::Compare { from, known } => {
                let from = from.map(|place| place.read()).transpose()?;
                let known: Vec<(Lane, Link)> = known.iter().map(Place::read).collect::<Result<_, _>>()?;
                let audited = desk.service.audit_feed(tenant, from, &known).await?;
                let fault = audited.fault.map(|(lane, position, fault)| json!({ "lane": lane.number(), "position": position, "fault": fault.as_str() }));
                let words = audited.fault.map(|(lane, position, fault)| in_words(lane, position, fault));
                Ok(json!({
                    "next": audited.next.map(Place::of), "compared": audited.compared, "not_compared": audited.not_compared, "fault": fault, "words": words,
                }))
            }
            Self::Read { cursor, wait_s } => {
                let page = desk.service.read_feed(&tenant, &FeedRequest { cursor, limit: PAGE, wait_s }).await?;
                Ok(shown::feed(page))
            }
        }
    }
}

fn in_words(lane: Lane, position: i64, fault: FeedFault) -> String {
    let lane = lane.number();
    match fault {
        FeedFault::Missing if position == 0 => format!("Events of lane {lane} that the feed knows of are in no trail any more."),
        FeedFault::Missing => format!("The entry at position {position} of lane {lane} is missing."),
        FeedFault::Changed => format!("The events at position {position} of lane {lane} are not those that were written."),
        FeedFault::Displaced => format!("What stands at position {position} of lane {lane} was not written there."),
        FeedFault::Truncated => format!("Lane {lane} ends before position {position}: what was written from there on is gone."),
        FeedFault::HeadChanged => format!("The head of lane {lane} was changed: the entries end before position {position}."),
        FeedFault::OtherHistory => format!("Lane {lane} is another than it was: it had another hash at position {position}."),
        FeedFault::Inserted => format!("There are events in the trails of lane {lane} that the feed does not know of: they were inserted."),
    }
}

async fn verify(head: Option<&Path>, ask: impl AsyncFn(Act) -> Result<Value, Failure>) -> Result<Value, Failure> {
    let mut known = vec![];
    if let Some(file) = head {
        let unreadable =
            |error: String| Failure::of_settings(format!("{} can't be read: {error}. Give what `doorward audit head --json` printed.", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
        let kept: Kept = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let now = ask(Act::Audit(Audit::Head)).await?;
        if now["tenant"] != kept.tenant.as_str() {
            return Err(Failure::of_settings(format!("{} is of the tenant {}. Name it: --tenant {}", file.display(), kept.tenant, kept.tenant)));
        }
        if now["feed_epoch"] != kept.feed_epoch.as_str() {
            return Err(Failure::new(format!(
                "{} was taken before the database was restored from a backup, and what came after the backup is not in it. Take a new one: doorward audit head --json",
                file.display()
            )));
        }
        known = kept.items;
    }
    let (mut from, mut compared, mut not_compared) = (None, 0, 0);
    loop {
        let found = ask(Act::Audit(Audit::Compare { from, known: known.clone() })).await?;
        compared += found["compared"].as_u64().unwrap_or(0);
        not_compared += found["not_compared"].as_u64().unwrap_or(0);
        if let Some(words) = found["words"].as_str() {
            return Err(Failure::new(format!(
                "The feed is not as it was written. {words} What is before it in its lane, {compared} events in all, is whole. \
                 Keep the database as it is, and see docs/operations.md, \"The audit trail\"."
            )));
        }
        from = serde_json::from_value(found["next"].clone()).unwrap_or(None);
        if from.is_none() {
            return Ok(json!({ "feed": "as it was written", "events_compared": compared, "events_not_compared": not_compared, "heads_known": known.len() }));
        }
    }
}

async fn export(since: Option<String>, state: Option<&Path>, follow: bool, ask: impl AsyncFn(Act) -> Result<Value, Failure>) -> Result<(), Failure> {
    let kept = |path: &Path| match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::of_settings(format!("{} can't be read: {error}", path.display()))),
    };
    let mut cursor = match state {
        Some(path) => kept(path)?,
        None => since,
    };
    loop {
        let wait_s = if follow { FEED_WAIT_S } else { 0 };
        let page = ask(Act::Audit(Audit::Read { cursor: cursor.clone(), wait_s })).await?;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let lines: String = items.iter().map(|event| format!("{event}\n")).collect();
        let mut out = std::io::stdout().lock();
        out.write_all(lines.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::new(format!("The events can't be printed: {error}")))?;
        drop(out);
        let next = page["next_cursor"].as_str().ok_or_else(|| Failure::new("The running server answers in a form that this program doesn't know."))?;
        if cursor.as_deref() != Some(next) {
            if let Some(path) = state {
                keep(path, next)?;
            }
            cursor = Some(next.to_owned());
        }
        if items.is_empty() && !follow {
            break;
        }
    }
    if let (None, Some(cursor)) = (state, cursor) {
        // A closed stderr sees nothing.
        let _ = writeln!(std::io::stderr(), "Go on with: --since {cursor}");
    }
    Ok(())
}

/// Writes it beside the file and renames, so that a stop in between leaves the one before.
fn keep(path: &Path, cursor: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let kept = std::fs::write(&beside, format!("{cursor}\n")).and_then(|()| std::fs::rename(&beside, path));
    kept.map_err(|error| Failure::new(format!("{} can't be written, so the next export would print events again: {error}", path.display())))
}
