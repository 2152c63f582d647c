//! Which server keys are still needed: counts of what lies under each, and the accounts in which it does.

use std::collections::BTreeMap;

use doorward_domain::{AccountId, DeviceTokens, KeyId, ONCE_S, OfferState, Shard, Timestamp, TokenState};

use super::device::TOKEN;
use crate::row::{ToCell as _, Value};
use crate::seal::SEALED;

/// How much lies under one server key. Nothing of it can be checked, or read, without the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// Accounts whose data key is wrapped under it.
    pub accounts: u64,
    /// API keys that are good, with the texts that a rotation replaced and left good for a while.
    pub api_keys: u64,
    /// Sessions that weren't ended and haven't reached their end.
    pub sessions: u64,
    /// Device tokens that still work, of devices that hold trust.
    pub trusted_devices: u64,
    /// The same of devices that hold none, and each other value that a device remembers. A hijacked device's aren't counted: whoever
    /// names one is denied, with the key and without it.
    pub other_device_tokens: u64,
    /// Offers that are open.
    pub offers: u64,
    /// Requests whose idempotency keys are still remembered.
    pub requests: u64,
}

impl KeyUsage {
    /// Whether dropping the key would be felt by anybody: all but the wrapping of data keys, which can be moved, and device
    /// tokens without trust, which only tell a device from a new one.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.api_keys + self.sessions + self.trusted_devices + self.offers + self.requests > 0
    }

    /// Whether anything at all lies under it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.is_needed() && self.accounts + self.other_device_tokens == 0
    }

    fn add(&mut self, other: &Self) {
        self.accounts += other.accounts;
        self.api_keys += other.api_keys;
        self.sessions += other.sessions;
        self.trusted_devices += other.trusted_devices;
        self.other_device_tokens += other.other_device_tokens;
        self.offers += other.offers;
        self.requests += other.requests;
    }
}

/// What is under each server key, by its id.
pub type KeysUsed = BTreeMap<KeyId, KeyUsage>;

/// One count: a statement that answers the four bytes of a key's id, whether it counts as live, and how many; its parameters;
/// and where the count belongs.
pub(crate) struct Question {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Value>,
    place: fn(bool, u64) -> KeyUsage,
}

/// Bytes of a server key's id, which is in front of each hash and each wrapped text.
const ID: usize = 4;

/// The places that tokens of a device can have. Both engines step through the packed values alike.
fn places() -> String {
    format!("WITH RECURSIVE place (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM place WHERE i + 1 < {})", DeviceTokens::REMEMBERED)
}

/// A kept token's server key, its state, or since when that is: in this order of bytes times compare as numbers do.
fn kept(part: &str) -> String {
    let (at, length) = match part {
        "key" => (10, ID),
        "since" => (2, 8),
        _ => (1, 1),
    };
    format!("substr(t.tokens, place.i * {TOKEN} + {at}, {length})")
}

/// The code of a state as the one byte that is kept.
fn state(state: TokenState) -> Value {
    Value::Blob(vec![u8::try_from(state.code()).expect("codes of states are small")])
}

/// What is asked to count everything.
pub(crate) fn questions(now: Timestamp, parameter: fn(usize) -> String) -> Vec<Question> {
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(parameter);
    let live_key = format!("t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > {a})");
    let simple = |table: &str, hash: &str, condition: &str| {
        format!("SELECT substr({hash}, 1, {ID}), CAST(1 AS BIGINT), count(*) FROM {table} WHERE {condition} GROUP BY 1")
    };
    let api_keys = |_, count| KeyUsage { api_keys: count, ..KeyUsage::default() };
    let standing = "account a ON a.shard = t.shard AND a.id = t.account JOIN tenant n ON n.id = a.tenant";
    let works = format!("({state} IN ({b}, {c}) OR ({state} = {d} AND {} > {e}))", kept("since"), state = kept("state"));
    let trust = format!("t.trust_until > {a} AND t.trust_gen = a.trust_gen AND t.tenant_trust_gen = n.trust_gen AND {works}");
    let overlap = now.minus_s(DeviceTokens::OVERLAP_S).micros().to_be_bytes();
    vec![
        Question {
            sql: format!("SELECT substr(t.sealed, 2, {ID}), CAST(1 AS BIGINT), count(*) FROM account t WHERE substr(t.sealed, 1, 1) = {a} GROUP BY 1"),
            parameters: vec![Value::Blob(vec![SEALED])],
            place: |_, count| KeyUsage { accounts: count, ..KeyUsage::default() },
        },
        Question { sql: simple("api_key t", "t.hash", &live_key), parameters: vec![now.cell()], place: api_keys },
        Question { sql: simple("api_key t", "t.former_hash", &format!("{live_key} AND t.former_until > {a}")), parameters: vec![now.cell()], place: api_keys },
        Question {
            sql: simple(
                &format!("session t JOIN {standing}"),
                "t.token",
                &format!("t.ended_at IS NULL AND t.expires_at > {a} AND t.sessions_gen = a.sessions_gen AND t.tenant_sessions_gen = n.sessions_gen"),
            ),
            parameters: vec![now.cell()],
            place: |_, count| KeyUsage { sessions: count, ..KeyUsage::default() },
        },
        Question {
            sql: format!(
                "{} SELECT {}, CAST(CASE WHEN {trust} THEN 1 ELSE 0 END AS BIGINT), count(*) \
                 FROM device t JOIN {standing} JOIN place ON length(t.tokens) > place.i * {TOKEN} \
                 WHERE t.hijacked_at IS NULL GROUP BY 1, 2",
                places(),
                kept("key")
            ),
            parameters: vec![now.cell(), state(TokenState::Present), state(TokenState::Unused), state(TokenState::Overtaken), Value::Blob(overlap.to_vec())],
            place: |live, count| match live {
                true => KeyUsage { trusted_devices: count, ..KeyUsage::default() },
                false => KeyUsage { other_device_tokens: count, ..KeyUsage::default() },
            },
        },
        Question {
            sql: simple("offer t", "t.token", &format!("t.state = {b} AND t.expires_at > {a}")),
            parameters: vec![now.cell(), OfferState::Open.code().cell()],
            place: |_, count| KeyUsage { offers: count, ..KeyUsage::default() },
        },
        Question {
            sql: simple("once t", "t.hash", &format!("t.created_at > {a}")),
            parameters: vec![now.minus_s(ONCE_S).cell()],
            place: |_, count| KeyUsage { requests: count, ..KeyUsage::default() },
        },
    ]
}

/// Adds one row of an answer.
pub(crate) fn count(used: &mut KeysUsed, question: &Question, key: &[u8], live: i64, count: i64) {
    if let Ok(id) = <[u8; ID]>::try_from(key) {
        let count = (question.place)(live != 0, u64::try_from(count).unwrap_or(0));
        used.entry(KeyId(u32::from_be_bytes(id))).or_default().add(&count);
    }
}

/// A place among all accounts, in the order of their keys: where a walk in small batches goes on.
pub type AccountPlace = (Shard, AccountId);

/// The accounts after a place, so many at most, each with whether it holds a session, an offer or a device token under a server
/// key. Some may hold nothing any more that counts: the rule that is run over them judges.
pub(crate) fn holders(key: KeyId, now: Timestamp, after: Option<AccountPlace>, limit: u16, parameter: fn(usize) -> String) -> (String, Vec<Value>) {
    let [id, shard, account, limited, at] = [1, 2, 3, 4, 5].map(parameter);
    let own = "t.shard = h.shard AND t.account = h.id";
    let token = format!("substr(t.token, 1, {ID}) = {id}");
    let sql = format!(
        "{} SELECT h.shard, h.id, CAST(CASE \
         WHEN EXISTS (SELECT 1 FROM device t JOIN place ON length(t.tokens) > place.i * {TOKEN} WHERE {own} AND t.hijacked_at IS NULL AND {} = {id}) \
         OR EXISTS (SELECT 1 FROM session t WHERE {own} AND {token} AND t.ended_at IS NULL AND t.expires_at > {at}) \
         OR EXISTS (SELECT 1 FROM offer t WHERE {own} AND {token} AND t.expires_at > {at}) THEN 1 ELSE 0 END AS BIGINT) \
         FROM (SELECT t.shard, t.id FROM account t WHERE (t.shard, t.id) > ({shard}, {account}) ORDER BY t.shard, t.id LIMIT {limited}) h \
         ORDER BY h.shard, h.id",
        places(),
        kept("key"),
    );
    let [shard, account] = place(after);
    (sql, vec![Value::Blob(key.0.to_be_bytes().to_vec()), shard, account, i64::from(limit).cell(), now.cell()])
}

/// Forgets the requests that are remembered under a server key, and that the store was used with it.
pub(crate) fn forget(key: KeyId, parameter: fn(usize) -> String) -> [(String, Vec<Value>); 2] {
    let id = parameter(1);
    [
        (format!("DELETE FROM once WHERE substr(hash, 1, {ID}) = {id}"), vec![Value::Blob(key.0.to_be_bytes().to_vec())]),
        (format!("DELETE FROM server_key WHERE id = {id}"), vec![i64::from(key.0).cell()]),
    ]
}

/// The heads of the accounts after a place, so many at most: shard, id and what is sealed of each.
pub(crate) fn heads(after: Option<AccountPlace>, limit: u16, parameter: fn(usize) -> String) -> (String, Vec<Value>) {
    let [shard, account, limited] = [1, 2, 3].map(parameter);
    let sql = format!("SELECT t.shard, t.id, t.sealed FROM account t WHERE (t.shard, t.id) > ({shard}, {account}) ORDER BY t.shard, t.id LIMIT {limited}");
    let [shard, account] = place(after);
    (sql, vec![shard, account, i64::from(limit).cell()])
}

/// Replaces what is sealed of an account's head, unless somebody else did since it was read.
pub(crate) fn reseal(parameter: fn(usize) -> String) -> String {
    let [new, shard, id, old] = [1, 2, 3, 4].map(parameter);
    format!("UPDATE account SET sealed = {new} WHERE shard = {shard} AND id = {id} AND sealed = {old}")
}

/// Before the first: no shard is negative.
fn place(after: Option<AccountPlace>) -> [Value; 2] {
    after.map_or_else(|| [Value::Int(-1), Value::Blob(vec![])], |(shard, account)| [i64::from(shard.0).cell(), account.0.cell()])
}
