//! A session's row, and the narrow row of its last activity.

use doorward_domain::{Binding, DeviceId, Session, SessionId};

use super::device::{decode_ending, decode_factor, encode_ending, encode_factor};
use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, private, text};

/// When a session was last heard of, where that is later than its beginning. Narrow and without an index,
/// since it alone changes often: a heartbeat rewrites 50 bytes and no index.
pub(crate) static ACTIVITY: &Table =
    &Table { name: "activity", scope: Scope::Account, key: 1, primary_key: None, columns: &[blob("session"), int("at")], indexes: &[] };

impl Row for Session {
    const TABLE: &'static Table = &Table {
        name: "session",
        scope: Scope::Account,
        key: 1,
        primary_key: None,
        columns: &[
            blob("id"),
            blob("device"),
            int("identified_by"),
            blob("token"),
            maybe(blob("former")),
            int("sessions_gen"),
            int("tenant_sessions_gen"),
            int("device_gen"),
            private(maybe(text("external_id"))),
            private(blob("ip")),
            text("login_method"),
            text("amr"),
            maybe(int("factor_method")),
            maybe(int("factor_verified_at")),
            int("skipped_factor"),
            int("trust_refused"),
            int("authenticated_at"),
            int("created_at"),
            int("expires_at"),
            maybe(int("unused_until")),
            maybe(int("ended_at")),
            maybe(int("ended_cause")),
        ],
        // What rules judge by, without the sessions of years.
        indexes: &[("session_standing", false, "(shard, account, sessions_gen, id) WHERE ended_at IS NULL")],
    };

    fn encode(&self) -> Vec<Value> {
        let mut cells = vec![
            self.id.0.cell(),
            self.device.0.cell(),
            self.identified_by.code().cell(),
            self.token.cell(),
            self.former.cell(),
            self.sessions_gen.cell(),
            self.tenant_sessions_gen.cell(),
            self.device_gen.cell(),
            self.external_id.cell(),
            self.ip.cell(),
            self.login_method.cell(),
            self.amr.join(" ").cell(),
        ];
        cells.extend(encode_factor(self.factor));
        cells.extend([
            self.skipped_factor.cell(),
            self.trust_refused.cell(),
            self.authenticated_at.cell(),
            self.created_at.cell(),
            self.expires_at.cell(),
            self.unused_until.cell(),
        ]);
        cells.extend(encode_ending(self.ended));
        cells
    }

    /// Reads one cell more than the table has: the last activity, NULL where nothing came after the beginning.
    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let mut session = Self {
            id: SessionId(cells.uuid()?),
            device: DeviceId(cells.uuid()?),
            identified_by: cells.code(Binding::from_code)?,
            token: cells.hash()?,
            former: cells.maybe(Cells::hash)?,
            sessions_gen: cells.int()?,
            tenant_sessions_gen: cells.int()?,
            device_gen: cells.int()?,
            external_id: cells.maybe(Cells::text)?,
            ip: cells.ip()?,
            login_method: cells.text()?,
            amr: cells.words()?,
            factor: decode_factor(cells)?,
            skipped_factor: cells.flag()?,
            trust_refused: cells.flag()?,
            authenticated_at: cells.time()?,
            created_at: cells.time()?,
            expires_at: cells.time()?,
            unused_until: cells.maybe(Cells::time)?,
            ended: decode_ending(cells)?,
            last_activity_at: doorward_domain::Timestamp::from_micros(0),
        };
        session.last_activity_at = cells.maybe(Cells::time)?.unwrap_or(session.created_at);
        Ok(session)
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
