//! A flight: statements sent all at once and answered all at once, with every answer checked.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use deadpool_postgres::{ClientWrapper, Object};
use futures_util::StreamExt as _;
use futures_util::future::maybe_done;
use tokio_postgres::Row as DatabaseRow;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::fault::Fault;
use crate::StoreError;
use crate::row::{Cells, Row, Table, Value};
use crate::seal::Seal;

/// How long a flight may take before it is given up; the server gives up a statement earlier.
const PATIENCE: Duration = Duration::from_secs(15);

/// How a statement's parameter is written.
pub(super) fn parameter(at: usize) -> String {
    format!("${at}")
}

/// A statement and its parameters.
#[derive(Clone)]
pub(super) struct Ask {
    sql: Cow<'static, str>,
    parameters: Vec<Value>,
    /// Whether a write of it must change exactly one row.
    pub(super) one: bool,
}

impl Ask {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>, parameters: Vec<Value>) -> Self {
        Self { sql: sql.into(), parameters, one: true }
    }

    /// As a write, it may change any number of rows.
    pub(super) fn of_any_number(self) -> Self {
        Self { one: false, ..self }
    }
}

/// What a statement came to.
pub(super) struct Answer {
    pub(super) rows: Vec<DatabaseRow>,
    pub(super) affected: u64,
}

impl Answer {
    /// The rows, as cells.
    pub(super) fn cells(&self) -> Result<Vec<Vec<Value>>, StoreError> {
        self.rows.iter().map(|row| cells(row, 0, row.len())).collect()
    }

    /// The rows, decoded.
    pub(super) fn decode<R: Row>(&self, seal: Seal<'_>) -> Result<Vec<R>, StoreError> {
        self.rows.iter().map(|row| decode(row, seal, 0, row.len())).collect()
    }

    /// The rows of a table, undecoded.
    pub(super) fn opened(&self, seal: Seal<'_>, table: &Table) -> Result<Vec<Vec<Value>>, StoreError> {
        self.rows.iter().map(|row| seal.open(table, cells(row, 0, row.len())?)).collect()
    }
}

/// A thing from `width` cells of a row, from `from` on.
pub(super) fn decode<R: Row>(row: &DatabaseRow, seal: Seal<'_>, from: usize, width: usize) -> Result<R, StoreError> {
    R::decode(&mut Cells::new(R::TABLE, seal.open(R::TABLE, cells(row, from, width)?)?))
}

fn cells(row: &DatabaseRow, from: usize, width: usize) -> Result<Vec<Value>, StoreError> {
    (from..from + width).map(|at| row.try_get(at).map_err(|error| Fault::from(error).into())).collect()
}

/// A connection out of the pool.
pub(super) struct Conn {
    /// There until it is dropped.
    object: Option<Object>,
    /// Whether a transaction may be open on it, or an answer be on its way: then nobody else may have it.
    engaged: bool,
}

impl Conn {
    pub(super) fn new(object: Object) -> Self {
        Self { object: Some(object), engaged: false }
    }

    /// From here on the connection is closed rather than given back, until [`Conn::free`].
    pub(super) fn engage(&mut self) {
        self.engaged = true;
    }

    /// Nothing is open on the connection any more.
    pub(super) fn free(&mut self) {
        self.engaged = false;
    }

    pub(super) fn client(&self) -> Result<&ClientWrapper, Fault> {
        self.object.as_deref().ok_or_else(|| StoreError::Unavailable("the connection is gone".to_owned()).into())
    }

    /// Sends the statements at once, in order, and awaits every answer. The first failure is the flight's.
    pub(super) async fn fly(&mut self, asks: &[Ask]) -> Result<Vec<Answer>, Fault> {
        let flown = tokio::time::timeout(PATIENCE, fly(self.client()?, asks)).await;
        flown.unwrap_or_else(|_| {
            self.engaged = true;
            Err(Fault::Silence)
        })
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let Some(object) = self.object.take().filter(|_| self.engaged) {
            drop(Object::take(object));
        }
    }
}

async fn fly(client: &ClientWrapper, asks: &[Ask]) -> Result<Vec<Answer>, Fault> {
    // After the first time each of these is at hand.
    let statements = in_order(asks.iter().map(|ask| client.prepare_cached(&ask.sql))).await;
    let statements = statements.into_iter().collect::<Result<Vec<_>, _>>()?;
    // The driver sends a statement when it is first polled, and these are first polled in order.
    let answers = in_order(statements.iter().zip(asks).map(|(statement, ask)| async move {
        let mut stream = Box::pin(client.query_raw(statement, ask.parameters.iter().map(Parameter)).await?);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row?);
        }
        Ok(Answer { rows, affected: stream.rows_affected().unwrap_or(0) })
    }));
    answers.await.into_iter().collect()
}

/// Polls the futures from the first to the last at every turn, until all are done.
async fn in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        // No short cut: each is to be polled.
        let waiting = pending.iter_mut().filter_map(|future| future.as_mut().poll(context).is_pending().then_some(())).count();
        if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    pending.iter_mut().filter_map(|future| future.as_mut().take_output()).collect()
}

/// A value as the driver takes it. It prints as nothing, since the driver prints parameters when it is asked to log.
struct Parameter<'a>(&'a Value);

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

type Unfit = Box<dyn std::error::Error + Sync + Send>;

impl ToSql for Parameter<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Unfit> {
        match (self.0, of) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(value), &Type::INT8) => value.to_sql(of, out),
            (Value::Text(value), &Type::TEXT) => value.to_sql(of, out),
            (Value::Blob(value), &Type::BYTEA) => value.to_sql(of, out),
            _ => Err(format!("a parameter isn't of the type {of}").into()),
        }
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self, Unfit> {
        match *of {
            Type::INT8 => i64::from_sql(of, raw).map(Self::Int),
            Type::TEXT => String::from_sql(of, raw).map(Self::Text),
            _ => Vec::from_sql(of, raw).map(Self::Blob),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Unfit> {
        Ok(Self::Null)
    }

    fn accepts(of: &Type) -> bool {
        matches!(*of, Type::INT8 | Type::TEXT | Type::BYTEA)
    }
}
