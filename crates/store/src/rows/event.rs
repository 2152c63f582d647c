//! An event's row.

use doorward_domain::{Cause, DeviceId, Event, EventId, EventKind, SessionId, SignInId};

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, private, text};

impl Row for Event {
    const TABLE: &'static Table = &Table {
        name: "event",
        scope: Scope::Account,
        key: 1,
        primary_key: None,
        columns: &[
            int("number"),
            blob("id"),
            int("kind"),
            int("at"),
            text("actor"),
            maybe(int("cause")),
            maybe(blob("device")),
            maybe(blob("session")),
            maybe(blob("sign_in")),
            private(maybe(text("data"))),
        ],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.number.cell(),
            self.id.0.cell(),
            self.kind.code().cell(),
            self.at.cell(),
            self.actor.cell(),
            self.cause.map(Cause::code).cell(),
            self.device.map(|device| device.0).cell(),
            self.session.map(|session| session.0).cell(),
            self.sign_in.map(|sign_in| sign_in.0).cell(),
            self.data.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            number: cells.int()?,
            id: EventId(cells.uuid()?),
            kind: cells.code(EventKind::from_code)?,
            at: cells.time()?,
            actor: cells.text()?,
            cause: cells.maybe(|cells| cells.code(Cause::from_code))?,
            device: cells.maybe(Cells::uuid)?.map(DeviceId),
            session: cells.maybe(Cells::uuid)?.map(SessionId),
            sign_in: cells.maybe(Cells::uuid)?.map(SignInId),
            data: cells.map()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
