//! A device's row.

use doorward_domain::{
    Binding, Cause, Device, DeviceId, DeviceTokens, Ending, Factor, Fingerprint, Grant, KeptToken, KeyedHash, MfaMethod, Seen, Timestamp, TokenState,
};

use crate::StoreError;
use crate::row::{Cells, Column, Row, Scope, Table, ToCell, Value, blob, int, maybe, private, text};

/// The columns of a [`Seen`].
pub(super) const SEEN: [Column; 4] =
    [private(blob("ip")), private(text("user_agent")), private(maybe(text("client_hints"))), private(maybe(text("device_info")))];

pub(super) fn encode_seen(seen: &Seen) -> [Value; 4] {
    [seen.ip.cell(), seen.user_agent.cell(), seen.client_hints.cell(), seen.device_info.cell()]
}

pub(super) fn decode_seen(cells: &mut Cells) -> Result<Seen, StoreError> {
    Ok(Seen { ip: cells.ip()?, user_agent: cells.text()?, client_hints: cells.maybe(Cells::text)?, device_info: cells.maybe(Cells::text)? })
}

pub(super) fn encode_factor(factor: Option<Factor>) -> [Value; 2] {
    [factor.map(|factor| factor.method.code()).cell(), factor.map(|factor| factor.verified_at).cell()]
}

pub(super) fn decode_factor(cells: &mut Cells) -> Result<Option<Factor>, StoreError> {
    let method = cells.maybe(|cells| cells.code(MfaMethod::from_code))?;
    let verified_at = cells.maybe(Cells::time)?;
    Ok(method.zip(verified_at).map(|(method, verified_at)| Factor { method, verified_at }))
}

pub(super) fn encode_ending(ending: Option<Ending>) -> [Value; 2] {
    [ending.map(|ending| ending.at).cell(), ending.map(|ending| ending.cause.code()).cell()]
}

pub(super) fn decode_ending(cells: &mut Cells) -> Result<Option<Ending>, StoreError> {
    let at = cells.maybe(Cells::time)?;
    let cause = cells.maybe(|cells| cells.code(Cause::from_code))?;
    Ok(at.zip(cause).map(|(at, cause)| Ending { at, cause }))
}

pub(super) fn decode_fingerprint(cells: &mut Cells) -> Result<Fingerprint, StoreError> {
    let bytes = cells.blob()?;
    Fingerprint::from_bytes(&bytes).ok_or_else(|| cells.corrupt())
}

fn decode_grant(cells: &mut Cells) -> Result<Option<Grant>, StoreError> {
    let given_at = cells.maybe(Cells::time)?;
    let until = cells.maybe(Cells::time)?;
    let binding = cells.maybe(|cells| cells.code(Binding::from_code))?;
    let trust_gen = cells.maybe(Cells::int)?;
    let tenant_trust_gen = cells.maybe(Cells::int)?;
    match (given_at, until, binding, trust_gen, tenant_trust_gen) {
        (Some(given_at), Some(until), Some(binding), Some(trust_gen), Some(tenant_trust_gen)) => {
            Ok(Some(Grant { given_at, until, binding, trust_gen, tenant_trust_gen }))
        }
        (None, None, None, None, None) => Ok(None),
        _ => Err(cells.corrupt()),
    }
}

impl Row for Device {
    const TABLE: &'static Table = &Table {
        name: "device",
        scope: Scope::Account,
        key: 1,
        primary_key: None,
        columns: &[
            blob("id"),
            maybe(blob("tokens")),
            int("generation"),
            private(maybe(text("name"))),
            maybe(int("trust_given_at")),
            maybe(int("trust_until")),
            maybe(int("trust_binding")),
            maybe(int("trust_gen")),
            maybe(int("tenant_trust_gen")),
            maybe(blob("trust_granted_on")),
            maybe(int("trust_ended_at")),
            maybe(int("trust_ended_cause")),
            maybe(int("factor_method")),
            maybe(int("factor_verified_at")),
            SEEN[0],
            SEEN[1],
            SEEN[2],
            SEEN[3],
            private(blob("fingerprint")),
            private(maybe(text("given_fingerprint"))),
            maybe(blob("looks_like")),
            private(maybe(text("metadata"))),
            maybe(int("declined_at")),
            maybe(int("hijacked_at")),
            maybe(int("released_at")),
            maybe(int("forgotten_at")),
            int("created_at"),
            int("last_seen_at"),
        ],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        let grant = self.grant;
        let mut cells = vec![
            self.id.0.cell(),
            encode_tokens(&self.tokens),
            self.generation.cell(),
            self.name.cell(),
            grant.map(|grant| grant.given_at).cell(),
            grant.map(|grant| grant.until).cell(),
            grant.map(|grant| grant.binding.code()).cell(),
            grant.map(|grant| grant.trust_gen).cell(),
            grant.map(|grant| grant.tenant_trust_gen).cell(),
            self.granted_on.map(|device| device.0).cell(),
        ];
        cells.extend(encode_ending(self.trust_ended));
        cells.extend(encode_factor(self.last_factor));
        cells.extend(encode_seen(&self.seen));
        cells.extend([
            self.fingerprint.to_bytes()[..].cell(),
            self.given_fingerprint.cell(),
            self.looks_like.map(|device| device.0).cell(),
            self.metadata.cell(),
            self.declined_at.cell(),
            self.hijacked_at.cell(),
            self.released_at.cell(),
            self.forgotten_at.cell(),
            self.created_at.cell(),
            self.last_seen_at.cell(),
        ]);
        cells
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeviceId(cells.uuid()?),
            tokens: decode_tokens(cells)?,
            generation: cells.int()?,
            name: cells.maybe(Cells::text)?,
            grant: decode_grant(cells)?,
            granted_on: cells.maybe(Cells::uuid)?.map(DeviceId),
            trust_ended: decode_ending(cells)?,
            last_factor: decode_factor(cells)?,
            seen: decode_seen(cells)?,
            fingerprint: decode_fingerprint(cells)?,
            given_fingerprint: cells.maybe(Cells::text)?,
            looks_like: cells.maybe(Cells::uuid)?.map(DeviceId),
            metadata: cells.map()?,
            declined_at: cells.maybe(Cells::time)?,
            hijacked_at: cells.maybe(Cells::time)?,
            released_at: cells.maybe(Cells::time)?,
            forgotten_at: cells.maybe(Cells::time)?,
            created_at: cells.time()?,
            last_seen_at: cells.time()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// [`Device::stands`], of a row `t`.
pub(crate) const STANDS: &str = "(t.forgotten_at IS NULL OR (t.hijacked_at IS NOT NULL AND t.released_at IS NULL))";

/// Bytes of one kept token: its state, since when, and its hash.
pub(super) const TOKEN: usize = 1 + 8 + 36;

/// NULL once they are retired.
fn encode_tokens(tokens: &DeviceTokens) -> Value {
    let bytes = |kept: &KeptToken| {
        let mut bytes = [0; TOKEN];
        bytes[0] = u8::try_from(kept.state.code()).expect("codes of states are small");
        bytes[1..9].copy_from_slice(&kept.since.micros().to_be_bytes());
        bytes[9..].copy_from_slice(&kept.hash.to_bytes());
        bytes
    };
    if tokens.are_retired() { Value::Null } else { Value::Blob(tokens.kept().iter().flat_map(bytes).collect()) }
}

fn decode_tokens(cells: &mut Cells) -> Result<DeviceTokens, StoreError> {
    let bytes = cells.maybe(Cells::blob)?.unwrap_or_default();
    let (kept, rest) = bytes.as_chunks::<TOKEN>();
    let kept = kept.iter().map(|kept| {
        let state = TokenState::from_code(i64::from(kept[0]))?;
        let since = Timestamp::from_micros(i64::from_be_bytes(kept[1..9].try_into().ok()?));
        Some(KeptToken { hash: KeyedHash::from_bytes(&kept[9..])?, state, since })
    });
    let kept = kept.collect::<Option<Vec<_>>>().filter(|_| rest.is_empty());
    kept.map(DeviceTokens::of).ok_or_else(|| cells.corrupt())
}
