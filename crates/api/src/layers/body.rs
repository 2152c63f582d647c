//! A request's body on loan to its handler: bounded, watched, and read to its end if it was refused.
//!
//! A server that answers and closes while the caller still sends destroys its own answer: the
//! caller's kernel drops what it has received when the reset comes. So what a handler leaves unread
//! is read and thrown away, within bounds, before the answer goes out.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use http_body_util::{BodyExt, Limited};

use super::evenness::Arrival;
use crate::problem::{Kind, Problem};

/// How much of a refused body is read.
const REFUSED_BYTES: usize = 1024 * 1024;

/// For how long a refused body is read.
const REFUSED_TIME: Duration = Duration::from_secs(1);

/// A whole body, once the guard's limit let it pass: what every other reading of a body is built on.
#[derive(Clone, Debug)]
pub struct WholeBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.extensions().get::<TooLong>().is_some() {
            return Err(Problem::new(Kind::BodyTooLarge));
        }
        let arrival = request.extensions().get::<Arrival>().cloned();
        let read = Bytes::from_request(request, state).await;
        if let Some(arrival) = arrival {
            arrival.complete();
        }
        match read {
            Ok(bytes) => Ok(Self(bytes)),
            Err(refusal) if refusal.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::new(Kind::BodyTooLarge)),
            Err(_) => Err(Problem::new(Kind::InvalidRequest).detail("The body broke off before its end.")),
        }
    }
}

/// The body says itself that it is longer than the guard lets pass: it is refused before any of it is read.
#[derive(Clone, Copy)]
struct TooLong;

/// What the guard keeps of a body that it lent to a handler.
pub(super) struct Lender {
    ledger: Arc<Ledger>,
    asks_first: bool,
}

#[derive(Default)]
struct Ledger {
    returned: Mutex<Option<Body>>,
    begun: AtomicBool,
    awaited: AtomicBool,
}

/// The body as the handler sees it.
struct Lent {
    body: Body,
    ended: bool,
    ledger: Arc<Ledger>,
}

/// Lends the request's body, of at most `limit` bytes; a request without one is left alone.
pub(super) fn lend(mut request: Request, limit: usize) -> (Request, Option<Lender>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    if usize::try_from(request.body().size_hint().lower()).map_or(true, |least| least > limit) {
        request.extensions_mut().insert(TooLong);
    }
    let asks_first = request.headers().contains_key(header::EXPECT);
    let ledger = Arc::new(Ledger::default());
    let lender = Lender { ledger: Arc::clone(&ledger), asks_first };
    let request = request.map(|body| {
        let lent = Lent { body, ended: false, ledger };
        Body::new(Limited::new(lent, limit))
    });
    (request, Some(lender))
}

impl Lender {
    /// Whether the handler waits for the caller to send more.
    pub(super) fn waits(&self) -> bool {
        self.ledger.awaited.load(Ordering::Relaxed)
    }

    /// Reads what the handler left; false where the caller sends on, so that the connection is of
    /// no further use.
    pub(super) async fn read_rest(&self) -> bool {
        let returned = self.ledger.returned.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = returned else {
            return true;
        };
        if self.asks_first && !self.ledger.begun.load(Ordering::Relaxed) {
            // The caller waits to be told to send: reading would tell it so.
            return false;
        }
        let reading = async {
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.data_ref().map_or(0, Bytes::len);
                if bytes > REFUSED_BYTES {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(REFUSED_TIME, reading).await.unwrap_or(false)
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        this.ledger.begun.store(true, Ordering::Relaxed);
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.ledger.awaited.store(polled.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            this.ended = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            *self.ledger.returned.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::mem::take(&mut self.body));
        }
    }
}
