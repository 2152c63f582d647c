//! Exports: everything that is held of a person, row by row as the tables describe it, so that nothing can be forgotten.

use std::net::IpAddr;

use doorward_domain::{
    Binding, Cause, Decision, EventKind, Generation, MfaMethod, OfferState, Presented, Refusal, SecondFactor, SecurityEvent, SignInState, TenantId, Timestamp,
    UserId, kept_address,
};
use doorward_store::row::{Column, Table, Value};
use doorward_store::{AccountKey, Held, Need};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use crate::access::Access;
use crate::{Error, Service};

/// What is held and not told: keys, and keyed digests of secrets and of looks. They say nothing to a person, and might help a thief.
pub const UNTOLD: [&str; 6] = ["access_token", "data_key", "fingerprint", "former", "token", "tokens"];

/// Everything that is held of a person.
#[derive(Debug, Clone)]
pub struct PersonExport {
    /// Whose it is: the tenant.
    pub tenant: TenantId,
    /// Whose it is: the user.
    pub user: UserId,
    /// When it was taken.
    pub at: Timestamp,
    /// Table by table, a list of rows, each with the names of its columns. A user never seen has none of any.
    pub held: Map<String, Json>,
}

impl Service {
    /// Everything that is held of a person, but for keys and digests.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn export(&self, access: &Access) -> Result<PersonExport, Error> {
        let AccountKey::User(tenant, user) = access.at.clone() else { return Err(Refusal::NotFound.into()) };
        let found = self.read(access, |_| Need::default(), |account, _, _| Ok((account.head.shard, account.head.id))).await;
        let held = match found {
            Ok(place) => self.store.held(place).await?,
            Err(Error::Refused(Refusal::NotFound)) => None,
            Err(error) => return Err(error),
        };
        let held = held.unwrap_or_default().iter().map(|held| (held.table.name.to_owned(), rows(held))).collect();
        Ok(PersonExport { tenant, user, at: self.clock.now(), held })
    }
}

fn rows(held: &Held) -> Json {
    let row = |cells: &Vec<Value>| -> Map<String, Json> {
        let told = held.table.columns.iter().zip(cells).filter(|(column, _)| !UNTOLD.contains(&column.name));
        told.filter_map(|(column, cell)| Some((column.name.to_owned(), told_as(held.table, column, cell)?))).collect()
    };
    held.rows.iter().map(row).map(Json::Object).collect()
}

/// A cell in words that a person can read. `None` for bytes that mean nothing to anybody.
fn told_as(table: &Table, column: &Column, cell: &Value) -> Option<Json> {
    Some(match cell {
        Value::Null => Json::Null,
        Value::Int(number) => match (word(table.name, column.name, *number), is_flag(column.name), is_time(column.name)) {
            (Some(word), ..) => json!(word),
            (_, true, _) => json!(*number != 0),
            (.., true) => json!(Timestamp::from_micros(*number).to_string()),
            _ => json!(number),
        },
        // What hosts and apps keep as JSON is told as such.
        Value::Text(text) => serde_json::from_str::<Map<String, Json>>(text).map_or_else(|_| json!(text), Json::Object),
        Value::Blob(bytes) if ["ip", "travelled_from"].contains(&column.name) => json!(address(bytes)),
        Value::Blob(bytes) => json!(Uuid::from_slice(bytes).ok()?.to_string()),
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let ip = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()?;
    kept_address(ip).map(|ip| ip.to_string())
}

fn is_time(column: &str) -> bool {
    column == "at" || column.ends_with("_at") || column.ends_with("_until")
}

fn is_flag(column: &str) -> bool {
    matches!(column, "skipped_factor" | "trust_refused" | "require_mfa")
}

/// The word that a code stands for.
fn word(table: &str, column: &str, code: i64) -> Option<&'static str> {
    match (table, column) {
        (_, "cause" | "ended_cause" | "trust_ended_cause") => Cause::from_code(code).map(Cause::as_str),
        (_, "factor_method") => MfaMethod::from_code(code).map(MfaMethod::as_str),
        (_, "trust_binding") => Binding::from_code(code).map(Binding::as_str),
        ("raise", "generation") => Generation::from_code(code).map(Generation::as_str),
        ("offer", "state") => OfferState::from_code(code).map(OfferState::as_str),
        ("sign_in", "state") => SignInState::from_code(code).map(SignInState::as_str),
        ("sign_in", "second_factor") => SecondFactor::from_code(code).map(SecondFactor::as_str),
        ("sign_in", "decision") => Decision::from_code(code).map(Decision::as_str),
        ("sign_in", "presented") => Presented::from_code(code).map(Presented::as_str),
        ("reported_event", "type") => SecurityEvent::from_code(code).map(SecurityEvent::as_str),
        ("event", "kind") => EventKind::from_code(code).map(EventKind::as_str),
        _ => None,
    }
}
