//! What is small and not sharded: tenants with their policies, API keys, the server keys seen, and facts about the store.

use doorward_domain::{
    ApiKey, ApiKeyId, Binding, FeedEpoch, KeyRequest, KeyedHash, Limits, PastLimits, Policy, Preset, Role, Rule, RuleChanges, Tenant, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, text};

/// The server keys that the store has been used with, and their check values.
pub(super) static SERVER_KEY: &Table =
    &Table { name: "server_key", scope: Scope::Everywhere, key: 1, primary_key: None, columns: &[int("id"), blob("check_value")], indexes: &[] };

/// Facts about the store itself, by name.
pub(super) static META: &Table =
    &Table { name: "meta", scope: Scope::Everywhere, key: 1, primary_key: None, columns: &[text("name"), text("value")], indexes: &[] };

/// A policy as it is stored: its preset, and the rules that differ from it. Versioned: a released rule is never renamed or given
/// another meaning.
#[derive(Serialize, Deserialize)]
struct PolicyDocument {
    version: u8,
    preset: String,
    rules: Map<String, serde_json::Value>,
}

fn policy_text(policy: &Policy) -> String {
    let custom = policy.name() == Preset::Custom;
    let kept = policy.overrides().chain(Rule::ALL.iter().filter(|_| custom));
    let rules = kept.map(|rule| (rule.name.to_owned(), rule.value(policy.rules()))).collect();
    let document = PolicyDocument { version: 1, preset: policy.name().as_str().to_owned(), rules };
    serde_json::to_string(&document).expect("a policy is plain data")
}

/// A preset reads as today's preset, so that a release can tighten it; the rules of `custom` read as written.
fn policy_from(text: &str) -> Option<Policy> {
    let document: PolicyDocument = serde_json::from_str(text).ok().filter(|document: &PolicyDocument| document.version == 1)?;
    let mut changes = RuleChanges::default();
    for (name, value) in &document.rules {
        Rule::named(name)?.read(&mut changes, value).ok()?;
    }
    Some(Policy::stored(Preset::from_word(&document.preset)?, &changes))
}

/// The limits of a policy that was replaced, as they are stored; moments in microseconds.
#[derive(Serialize, Deserialize)]
struct PastLimitsDocument {
    since: i64,
    replaced_at: i64,
    device_trust: bool,
    trust_binding: String,
    trust_for_s: u32,
    trust_max_s: u32,
    fingerprint_trust_max_s: u32,
    activation_ttl_s: u32,
    session_idle_s: u32,
    session_absolute_s: u32,
}

fn past_limits_text(past: &[PastLimits]) -> String {
    let document = |past: &PastLimits| PastLimitsDocument {
        since: past.since.micros(),
        replaced_at: past.replaced_at.micros(),
        device_trust: past.limits.device_trust,
        trust_binding: past.limits.trust_binding.as_str().to_owned(),
        trust_for_s: past.limits.trust_for_s,
        trust_max_s: past.limits.trust_max_s,
        fingerprint_trust_max_s: past.limits.fingerprint_trust_max_s,
        activation_ttl_s: past.limits.activation_ttl_s,
        session_idle_s: past.limits.session_idle_s,
        session_absolute_s: past.limits.session_absolute_s,
    };
    serde_json::to_string(&past.iter().map(document).collect::<Vec<_>>()).expect("limits are plain data")
}

fn past_limits_from(text: &str) -> Option<Vec<PastLimits>> {
    let past = |document: PastLimitsDocument| {
        let limits = Limits {
            device_trust: document.device_trust,
            trust_binding: Binding::from_word(&document.trust_binding)?,
            trust_for_s: document.trust_for_s,
            trust_max_s: document.trust_max_s,
            fingerprint_trust_max_s: document.fingerprint_trust_max_s,
            activation_ttl_s: document.activation_ttl_s,
            session_idle_s: document.session_idle_s,
            session_absolute_s: document.session_absolute_s,
        };
        Some(PastLimits { limits, since: Timestamp::from_micros(document.since), replaced_at: Timestamp::from_micros(document.replaced_at) })
    };
    serde_json::from_str::<Vec<PastLimitsDocument>>(text).ok()?.into_iter().map(past).collect()
}

impl Row for Tenant {
    const TABLE: &'static Table = &Table {
        name: "tenant",
        scope: Scope::Everywhere,
        key: 1,
        primary_key: None,
        columns: &[
            text("id"),
            int("sessions_gen"),
            int("trust_gen"),
            maybe(int("fenced_at")),
            text("policy"),
            int("policy_revision"),
            text("past_limits"),
            int("last_event"),
            blob("feed_epoch"),
            int("created_at"),
        ],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.id.as_str().cell(),
            self.sessions_gen.cell(),
            self.trust_gen.cell(),
            self.fenced_at.cell(),
            policy_text(&self.policy).cell(),
            self.policy_revision.cell(),
            past_limits_text(&self.past_limits).cell(),
            self.last_event.cell(),
            self.feed_epoch.0.cell(),
            self.created_at.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let id = cells.text()?;
        let id = TenantId::new(&id).ok_or_else(|| cells.corrupt())?;
        let (sessions_gen, trust_gen, fenced_at) = (cells.int()?, cells.int()?, cells.maybe(Cells::time)?);
        let policy = cells.text()?;
        let policy = policy_from(&policy).ok_or_else(|| cells.corrupt())?;
        let policy_revision = cells.int()?;
        let past_limits = cells.text()?;
        let past_limits = past_limits_from(&past_limits).ok_or_else(|| cells.corrupt())?;
        Ok(Self {
            id,
            sessions_gen,
            trust_gen,
            fenced_at,
            policy,
            policy_revision,
            past_limits,
            last_event: cells.int()?,
            feed_epoch: FeedEpoch(cells.uuid()?),
            created_at: cells.time()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Bytes of one request: whether its answer may be lost, when it was, and its two hashes.
const REQUEST: usize = 1 + 8 + 2 * 36;

fn encode_requests(requests: &[KeyRequest]) -> Value {
    let bytes = |request: &KeyRequest| {
        let mut bytes = [0; REQUEST];
        bytes[0] = u8::from(request.unused);
        bytes[1..9].copy_from_slice(&request.at.micros().to_be_bytes());
        bytes[9..45].copy_from_slice(&request.key.to_bytes());
        bytes[45..].copy_from_slice(&request.request.to_bytes());
        bytes
    };
    if requests.is_empty() { Value::Null } else { Value::Blob(requests.iter().flat_map(bytes).collect()) }
}

fn decode_requests(cells: &mut Cells) -> Result<Vec<KeyRequest>, StoreError> {
    let bytes = cells.maybe(Cells::blob)?.unwrap_or_default();
    let (requests, rest) = bytes.as_chunks::<REQUEST>();
    let request = |bytes: &[u8; REQUEST]| {
        Some(KeyRequest {
            key: KeyedHash::from_bytes(&bytes[9..45])?,
            request: KeyedHash::from_bytes(&bytes[45..])?,
            at: Timestamp::from_micros(i64::from_be_bytes(bytes[1..9].try_into().ok()?)),
            unused: bytes[0] == 1,
        })
    };
    requests.iter().map(request).collect::<Option<_>>().filter(|_| rest.is_empty()).ok_or_else(|| cells.corrupt())
}

impl Row for ApiKey {
    const TABLE: &'static Table = &Table {
        name: "api_key",
        scope: Scope::Everywhere,
        key: 1,
        primary_key: None,
        columns: &[
            blob("id"),
            text("tenant"),
            text("name"),
            text("role"),
            blob("hash"),
            maybe(blob("former_hash")),
            maybe(int("former_until")),
            int("created_at"),
            maybe(int("expires_at")),
            maybe(int("revoked_at")),
            maybe(int("last_used_at")),
            maybe(blob("requests")),
        ],
        indexes: &[("api_key_by_hash", true, "(hash)"), ("api_key_by_former_hash", true, "(former_hash)")],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.id.0.cell(),
            self.tenant.as_str().cell(),
            self.name.cell(),
            self.role.as_str().cell(),
            self.hash.cell(),
            self.former.as_ref().map(|(hash, _)| hash.clone()).cell(),
            self.former.as_ref().map(|(_, until)| *until).cell(),
            self.created_at.cell(),
            self.expires_at.cell(),
            self.revoked_at.cell(),
            self.last_used_at.cell(),
            encode_requests(&self.requests),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let id = ApiKeyId(cells.uuid()?);
        let tenant = cells.text()?;
        let tenant = TenantId::new(&tenant).ok_or_else(|| cells.corrupt())?;
        let name = cells.text()?;
        let role = cells.text()?;
        let role = Role::from_word(&role).ok_or_else(|| cells.corrupt())?;
        Ok(Self {
            id,
            tenant,
            name,
            role,
            hash: cells.hash()?,
            former: cells.maybe(Cells::hash)?.zip(cells.maybe(Cells::time)?),
            created_at: cells.time()?,
            expires_at: cells.maybe(Cells::time)?,
            revoked_at: cells.maybe(Cells::time)?,
            last_used_at: cells.maybe(Cells::time)?,
            requests: decode_requests(cells)?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
