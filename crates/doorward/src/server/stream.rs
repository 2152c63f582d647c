//! A connection's bytes, plain or by TLS: sent together at the end of each turn, noted when they come in,
//! and read on for a moment at the connection's end.
//!
//! Answers to pipelined requests go out in one write. hyper's own `pipeline_flush` does that too, but
//! holds an answer back for as long as anything unread lies in its buffer, and drops it if the connection
//! then closes: the answer to a refused header, or to a request with a stray line end after it, is lost.
//!
//! What comes in passes the gate; what it holds back is kept for the next look.
//!
//! Reading on at the end spares the caller a reset, which would destroy the answer it has not read yet.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use doorward_api::layers::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::bare::dress;
use super::gate::Gate;
use super::signs::Signs;

/// For how long a closed connection is read on, and for how many bytes.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// How many bytes wait for the end of the turn.
const UNSENT_BYTES: usize = 64 * 1024;

/// How many bytes may come without a new request among them. All that a connection may have open at once is less.
const BARREN_BYTES: usize = 8 * 1024 * 1024;

/// How much room an idle connection keeps for its next answer.
const KEPT_BYTES: usize = 8 * 1024;

/// The transport under HTTP.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The side of a connection's bytes that hyper reads and writes.
pub(super) struct Stream(Arc<Mutex<Line>>);

/// The side that sends at the end of each turn.
pub(super) struct Outlet(Arc<Mutex<Line>>);

struct Line {
    transport: Transport,
    signs: Arc<Signs>,
    frame: Frame,
    gate: Gate,
    /// What has come in and may not be read yet.
    held: Vec<u8>,
    /// The bytes that came since the last request, and which one that was.
    since: (u64, usize),
    unsent: Vec<u8>,
    /// Nothing more is written.
    parted: bool,
    farewell: Option<Farewell>,
}

/// Our side is closed; what still comes is thrown away until `end`.
struct Farewell {
    end: Pin<Box<Sleep>>,
    bytes: usize,
}

/// Both sides of a new connection.
pub(super) fn stream(transport: Transport, signs: Arc<Signs>, frame: Frame) -> (Stream, Outlet) {
    let line = Line { transport, signs, frame, gate: Gate::new(), held: Vec::new(), since: (0, 0), unsent: Vec::new(), parted: false, farewell: None };
    let line = Arc::new(Mutex::new(line));
    (Stream(Arc::clone(&line)), Outlet(line))
}

impl Outlet {
    /// Sends what was written in this turn.
    pub(super) fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_send(cx)
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut sent = 0;
        let polled = loop {
            match self.transport.poll_write(cx, &self.unsent[sent..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => sent += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
            if sent == self.unsent.len() {
                break Poll::Ready(Ok(()));
            }
        };
        self.unsent.drain(..sent);
        if self.unsent.is_empty() && self.unsent.capacity() > KEPT_BYTES {
            self.unsent = Vec::new();
        }
        ready!(polled)?;
        self.transport.poll_flush(cx)
    }

    /// Makes room for more, if there is too much already.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unsent.len() < UNSENT_BYTES { Poll::Ready(Ok(())) } else { self.poll_send(cx) }
    }

    /// Reads what the gate lets pass.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.held.is_empty() {
            ready!(self.transport.poll_read(cx, buffer))?;
            self.count(buffer.filled().len() - before)?;
        } else {
            let count = self.held.len().min(buffer.remaining());
            buffer.put_slice(&self.held[..count]);
            self.held.drain(..count);
        }
        let announced = self.signs.announced.swap(0, Ordering::Relaxed);
        if announced > 0 {
            self.gate.announce(announced);
        }
        let came = &mut buffer.filled_mut()[before..];
        if came.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let passed = self.gate.pass(came);
        if passed < came.len() {
            self.held.splice(..0, came[passed..].iter().copied());
            buffer.set_filled(before + passed);
        }
        self.signs.arrived.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }

    /// Counts what came in. A caller that sends on and on and asks nothing is cut off, whatever it is that it sends.
    fn count(&mut self, came: usize) -> io::Result<()> {
        let requests = self.signs.requests.load(Ordering::Relaxed);
        let before = if self.since.0 == requests { self.since.1 } else { 0 };
        self.since = (requests, before + came);
        if self.since.1 > BARREN_BYTES { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let farewell = self.farewell.get_or_insert_with(|| Farewell { end: Box::pin(tokio::time::sleep(LINGER_TIME)), bytes: LINGER_BYTES });
        let mut space = [0; 8 * 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match self.transport.poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && farewell.bytes > 0 => {
                    farewell.bytes = farewell.bytes.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return farewell.end.as_mut().poll(cx).map(Ok),
            }
        }
    }
}

impl Transport {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // The kernel has it.
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut line = lock(&self.0);
        ready!(line.poll_room(cx))?;
        let before = line.unsent.len();
        for slice in slices {
            line.unsent.extend_from_slice(slice);
        }
        Poll::Ready(Ok(line.unsent.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Only makes room: the outlet sends at the end of the turn.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).poll_room(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.0);
        if line.farewell.is_none() {
            if !line.parted {
                line.parted = true;
                let Line { unsent, frame, .. } = &mut *line;
                dress(unsent, frame);
            }
            ready!(line.poll_send(cx))?;
            ready!(line.transport.poll_shutdown(cx))?;
            if line.signs.ending.load(Ordering::Relaxed) && !line.signs.refused.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        line.poll_farewell(cx)
    }
}
