//! An account's head, the raises of its generations, and the security events reported under the host's own ids.

use doorward_domain::{AccountId, Cause, DataKey, Ending, Generation, Head, Raise, Reported, SecurityEvent, SessionId, Shard, TenantId, UserId};

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, private, text};

impl Row for Head {
    const TABLE: &'static Table = &Table {
        name: "account",
        scope: Scope::Shard,
        key: 1,
        primary_key: None,
        columns: &[
            blob("id"),
            text("tenant"),
            text("user_id"),
            private(blob("data_key")),
            maybe(int("disabled_at")),
            int("sessions_gen"),
            int("trust_gen"),
            int("sign_ins_gen"),
            maybe(int("factors_changed_at")),
            maybe(int("credentials_changed_at")),
            int("last_event"),
            int("created_at"),
        ],
        indexes: &[("account_of_user", true, "(shard, tenant, user_id)")],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.id.0.cell(),
            self.tenant.as_str().cell(),
            self.user.as_str().cell(),
            self.data_key.expose()[..].cell(),
            self.disabled_at.cell(),
            self.sessions_gen.cell(),
            self.trust_gen.cell(),
            self.sign_ins_gen.cell(),
            self.factors_changed_at.cell(),
            self.credentials_changed_at.cell(),
            self.last_event.cell(),
            self.created_at.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let id = AccountId(cells.uuid()?);
        let tenant = cells.text()?;
        let tenant = TenantId::new(&tenant).ok_or_else(|| cells.corrupt())?;
        let user = cells.text()?;
        let user = UserId::new(&user).ok_or_else(|| cells.corrupt())?;
        Ok(Self {
            shard: Shard::of(&tenant, &user),
            id,
            tenant,
            user,
            data_key: DataKey::new(cells.blob()?.try_into().map_err(|_| cells.corrupt())?),
            disabled_at: cells.maybe(Cells::time)?,
            sessions_gen: cells.int()?,
            trust_gen: cells.int()?,
            sign_ins_gen: cells.int()?,
            factors_changed_at: cells.maybe(Cells::time)?,
            credentials_changed_at: cells.maybe(Cells::time)?,
            last_event: cells.int()?,
            created_at: cells.time()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Row for Raise {
    const TABLE: &'static Table = &Table {
        name: "raise",
        scope: Scope::Account,
        key: 2,
        primary_key: None,
        columns: &[int("generation"), int("raised_to"), int("at"), int("cause"), text("actor")],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![self.of.code().cell(), self.to.cell(), self.ending.at.cell(), self.ending.cause.code().cell(), self.actor.cell()]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            of: cells.code(Generation::from_code)?,
            to: cells.int()?,
            ending: Ending { at: cells.time()?, cause: cells.code(Cause::from_code)? },
            actor: cells.text()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        (self.of, self.to) == (other.of, other.to)
    }
}

impl Row for Reported {
    const TABLE: &'static Table = &Table {
        name: "reported_event",
        scope: Scope::Account,
        key: 2,
        primary_key: None,
        columns: &[
            text("event_id"),
            int("type"),
            int("at"),
            int("devices_untrusted"),
            int("sessions_ended"),
            int("activations_cancelled"),
            maybe(blob("kept")),
            maybe(blob("access_token")),
        ],
        indexes: &[("reported_event_by_age", false, "(at)")],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.event_id.cell(),
            self.event.code().cell(),
            self.at.cell(),
            self.devices_untrusted.cell(),
            self.sessions_ended.cell(),
            self.activations_cancelled.cell(),
            self.kept.map(|session| session.0).cell(),
            self.access_token.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            event_id: cells.text()?,
            event: cells.code(SecurityEvent::from_code)?,
            at: cells.time()?,
            devices_untrusted: cells.int()?,
            sessions_ended: cells.int()?,
            activations_cancelled: cells.int()?,
            kept: cells.maybe(Cells::uuid)?.map(SessionId),
            access_token: cells.maybe(Cells::hash)?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        (&self.event_id, self.event) == (&other.event_id, other.event)
    }
}
