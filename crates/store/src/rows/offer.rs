//! An offer's row.

use doorward_domain::{DeviceId, Offer, OfferId, OfferState, SessionId};

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe};

impl Row for Offer {
    const TABLE: &'static Table = &Table {
        name: "offer",
        scope: Scope::Account,
        key: 1,
        primary_key: None,
        columns: &[
            blob("id"),
            blob("device"),
            blob("session"),
            blob("token"),
            int("trust_gen"),
            int("tenant_trust_gen"),
            int("state"),
            int("created_at"),
            int("expires_at"),
            maybe(int("settled_at")),
        ],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.id.0.cell(),
            self.device.0.cell(),
            self.session.0.cell(),
            self.token.cell(),
            self.trust_gen.cell(),
            self.tenant_trust_gen.cell(),
            self.state.code().cell(),
            self.created_at.cell(),
            self.expires_at.cell(),
            self.settled_at.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            id: OfferId(cells.uuid()?),
            device: DeviceId(cells.uuid()?),
            session: SessionId(cells.uuid()?),
            token: cells.hash()?,
            trust_gen: cells.int()?,
            tenant_trust_gen: cells.int()?,
            state: cells.code(OfferState::from_code)?,
            created_at: cells.time()?,
            expires_at: cells.time()?,
            settled_at: cells.maybe(Cells::time)?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
