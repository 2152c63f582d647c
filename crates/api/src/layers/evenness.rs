//! Evenness: what says that a secret fits nothing is answered after the same time, wherever the secret was looked for.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::Request;
use axum::response::Response;
use tokio::sync::oneshot;

use crate::problem::Problem;

/// So long after the request was here in whole.
const EVEN_TIME: Duration = Duration::from_millis(5);

/// Marks an answer that says, but for a refusal, that a token is a wrong secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrongSecret;

impl WrongSecret {
    /// The mark, where it is so.
    pub(crate) fn mark(so: bool) -> Option<Extension<Self>> {
        so.then_some(Extension(Self))
    }
}

/// Whether an answer says that a secret fits nothing.
pub(super) fn is_due(response: &Response) -> bool {
    let extensions = response.extensions();
    extensions.get::<WrongSecret>().is_some() || extensions.get::<Problem>().is_some_and(Problem::is_of_wrong_secret)
}

/// When a request was here: its headers, and its body where that is read. A caller that sends the body late must not take the time
/// between them for the look-up's.
#[derive(Clone)]
pub(super) struct Arrival {
    headers: Instant,
    body: Arc<OnceLock<Instant>>,
}

impl Arrival {
    /// Of a request whose headers are here.
    pub(super) fn of(request: &mut Request) -> Self {
        let arrival = Self { headers: Instant::now(), body: Arc::default() };
        request.extensions_mut().insert(arrival.clone());
        arrival
    }

    /// Its body is here, too.
    pub(super) fn complete(&self) {
        let _ = self.body.set(Instant::now());
    }
}

/// Lets answers go at their time, by a thread of its own. The runtime's timers wouldn't do: they end whole milliseconds after the moment at
/// which the runtime found nothing else to do, so that the microseconds of the look-up would be told all the same.
#[derive(Clone)]
pub(super) struct Releases(Sender<(Instant, oneshot::Sender<()>)>);

impl Releases {
    /// Starts the thread. It ends with the last of these.
    ///
    /// # Panics
    /// If the system starts no thread.
    pub(super) fn start() -> Self {
        let (sender, due) = channel();
        std::thread::Builder::new().name("evenness".to_owned()).spawn(move || release(&due)).expect("the system starts threads");
        Self(sender)
    }

    /// Waits until what says that a secret fits nothing may go out.
    pub(super) async fn wait(&self, arrival: &Arrival) {
        let (answer, released) = oneshot::channel();
        let at = *arrival.body.get().unwrap_or(&arrival.headers) + EVEN_TIME;
        if self.0.send((at, answer)).is_ok() {
            let _ = released.await;
        }
    }
}

fn release(due: &Receiver<(Instant, oneshot::Sender<()>)>) {
    let mut waiting: BTreeMap<(Instant, u64), oneshot::Sender<()>> = BTreeMap::new();
    for number in 0_u64.. {
        let next = match waiting.first_key_value() {
            None => due.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some((&(at, _), _)) => match at.saturating_duration_since(Instant::now()) {
                Duration::ZERO => Err(RecvTimeoutError::Timeout),
                left => due.recv_timeout(left),
            },
        };
        match next {
            Ok((at, answer)) => drop(waiting.insert((at, number), answer)),
            // Who gave up waiting isn't missed.
            Err(RecvTimeoutError::Timeout) => drop(waiting.pop_first().map(|(_, answer)| answer.send(()))),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
