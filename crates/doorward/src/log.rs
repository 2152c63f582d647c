//! The log: one line for each event on stderr, as JSON for machines or as text for people.
//!
//! A line written while a request is answered bears that request's ids, whoever writes it.

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::sync::OnceLock;

use doorward_api::context::RequestContext;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::config::LogConfig;

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object.
    Json,
    /// Words, in colour on a terminal.
    Text,
}

impl LogFormat {
    /// The format of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Starts the log; panics are logged from then on, with their place. Called once, before anything logs.
pub(crate) fn start(config: &LogConfig) {
    let terminal = std::io::stderr().is_terminal();
    let format = config.format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(&config.filter))
        .event_format(Line { format, colour: terminal && format == LogFormat::Text })
        .with_filter_reloading();
    let filter = subscriber.reload_handle();
    if tracing::subscriber::set_global_default(subscriber.finish()).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
        // The log is started once, so it is set once.
        let _ = FILTER.set(Box::new(move |text| filter.reload(EnvFilter::new(text)).is_ok()));
    }
}

/// Puts another filter in the place of the one in force; `false` if it can't.
type SetFilter = Box<dyn Fn(&str) -> bool + Send + Sync>;

static FILTER: OnceLock<SetFilter> = OnceLock::new();

/// Logs by another filter from now on, which was checked.
pub(crate) fn set_filter(filter: &str) {
    if let Some(set) = FILTER.get()
        && !set(filter)
    {
        tracing::warn!("the log goes on by its old filter");
    }
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let message = panic.payload_as_str().unwrap_or("(no words)");
    tracing::error!(target: "doorward::panic", place, "panicked: {}", message.chars().take(200).collect::<String>());
}

/// Writes events as lines.
struct Line {
    format: LogFormat,
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let metadata = event.metadata();
        let mut fields = Fields { format: self.format, message: String::new(), rest: String::new(), has_request: false };
        event.record(&mut fields);
        if let Some(context) = RequestContext::current().filter(|_| !fields.has_request) {
            fields.add("request_id", &Shown::Text(&context.request_id().to_string()));
            fields.add("trace_id", &Shown::Text(&context.trace().trace_id.to_string()));
        }
        let (level, target) = (metadata.level(), metadata.target());
        match self.format {
            LogFormat::Json => {
                write!(writer, "{{\"timestamp\":\"{time}\",\"level\":\"{level}\",\"target\":\"{target}\",\"message\":")?;
                writeln!(writer, "{}{}}}", json_text(&fields.message), fields.rest)
            }
            LogFormat::Text => {
                let (on, off) = if self.colour { (colour_of(*level), "\x1b[0m") } else { ("", "") };
                let message = visible(&fields.message);
                writeln!(writer, "{time} {on}{level:>5}{off} {target}: {message}{}", fields.rest)
            }
        }
    }
}

const fn colour_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// An event's fields, written as they come.
struct Fields {
    format: LogFormat,
    message: String,
    rest: String,
    has_request: bool,
}

enum Shown<'a> {
    Text(&'a str),
    Bare(&'a dyn fmt::Display),
}

impl Fields {
    fn add(&mut self, name: &str, value: &Shown<'_>) {
        if name == "message" {
            self.message = match value {
                Shown::Text(text) => (*text).to_owned(),
                Shown::Bare(value) => value.to_string(),
            };
            return;
        }
        self.has_request |= name == "request_id";
        let written = match (self.format, value) {
            (LogFormat::Json, Shown::Text(text)) => write!(self.rest, ",{}:{}", json_text(name), json_text(text)),
            (LogFormat::Json, Shown::Bare(value)) => write!(self.rest, ",{}:{value}", json_text(name)),
            (LogFormat::Text, Shown::Text(text)) => write!(self.rest, " {name}={}", visible(text)),
            (LogFormat::Text, Shown::Bare(value)) => write!(self.rest, " {name}={value}"),
        };
        written.expect("a String takes what is written");
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), &Shown::Text(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), &Shown::Text(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), &Shown::Bare(&value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), &Shown::Bare(&value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), &Shown::Bare(&value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field.name(), &Shown::Text(&value.to_string()));
    }
}

fn json_text(text: &str) -> serde_json::Value {
    serde_json::Value::from(text)
}

/// The text as it is where it can't be mistaken for more than one word or line, else quoted.
fn visible(text: &str) -> std::borrow::Cow<'_, str> {
    if text.chars().any(char::is_control) { format!("{text:?}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panics here").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).event_format(Line { format, colour: false }).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "doorward::test", number = 7u64, yes = true, name = "a \"b\"", none = Option::<u64>::None, debugged = ?Some(1), "two\nlines");
        });
        String::from_utf8(kept.0.lock().expect("no panics here").clone()).expect("UTF-8")
    }

    #[test]
    fn a_json_line_is_one_object() {
        let line = logged(LogFormat::Json);
        assert_eq!(line.matches('\n').count(), 1);
        let mut value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert!(value["timestamp"].take().as_str().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(
            value,
            serde_json::json!({
                "timestamp": null, "level": "WARN", "target": "doorward::test", "message": "two\nlines",
                "number": 7, "yes": true, "name": "a \"b\"", "debugged": "Some(1)",
            })
        );
    }

    #[test]
    fn a_text_line_is_one_line() {
        let line = logged(LogFormat::Text);
        assert!(line.ends_with(" WARN doorward::test: \"two\\nlines\" number=7 yes=true name=a \"b\" debugged=Some(1)\n"), "{line}");
        assert_eq!(line.matches('\n').count(), 1);
    }
}
