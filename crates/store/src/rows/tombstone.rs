//! A tombstone's row: what stays of an account that was erased.

use doorward_domain::{AccountId, Shard, TenantId, Tombstone};
use uuid::Uuid;

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, text};

impl Row for Tombstone {
    const TABLE: &'static Table = &Table {
        name: "tombstone",
        scope: Scope::Everywhere,
        key: 2,
        primary_key: None,
        columns: &[int("shard"), blob("account"), text("tenant"), blob("pseudonym"), int("sessions_gen"), int("trust_gen"), int("erased_at")],
        indexes: &[("tombstone_by_age", false, "(erased_at)")],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            i64::from(self.shard.0).cell(),
            self.account.0.cell(),
            self.tenant.as_str().cell(),
            self.pseudonym[..].cell(),
            self.sessions_gen.cell(),
            self.trust_gen.cell(),
            self.erased_at.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let shard = u16::try_from(cells.int()?).map(Shard).map_err(|_| cells.corrupt())?;
        let account = AccountId(Uuid::from_slice(&cells.blob()?).map_err(|_| cells.corrupt())?);
        let tenant = cells.text()?;
        Ok(Self {
            shard,
            account,
            tenant: TenantId::new(&tenant).ok_or_else(|| cells.corrupt())?,
            pseudonym: cells.blob()?.try_into().map_err(|_| cells.corrupt())?,
            sessions_gen: cells.int()?,
            trust_gen: cells.int()?,
            erased_at: cells.time()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        (self.shard, self.account) == (other.shard, other.account)
    }
}
