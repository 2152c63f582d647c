//! The row of a request that may come again: unsharded, since its key is the tenant's and the account isn't known by it.

use doorward_domain::{AccountId, DeviceId, Made, OfferId, Once, SessionId, Shard, SignInId, TenantId};

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, maybe, text};

impl Row for Once {
    const TABLE: &'static Table = &Table {
        name: "once",
        scope: Scope::Everywhere,
        key: 1,
        primary_key: None,
        columns: &[
            blob("hash"),
            text("tenant"),
            blob("request"),
            int("at_shard"),
            blob("at_account"),
            maybe(blob("sign_in")),
            maybe(blob("session")),
            maybe(blob("device")),
            maybe(blob("offer")),
            maybe(blob("access_token")),
            maybe(blob("device_token")),
            int("created_at"),
        ],
        indexes: &[("once_by_age", false, "(created_at)")],
    };

    fn encode(&self) -> Vec<Value> {
        let made = &self.made;
        vec![
            self.key.cell(),
            self.tenant.as_str().cell(),
            self.request.cell(),
            i64::from(self.shard.0).cell(),
            self.account.0.cell(),
            made.sign_in.map(|id| id.0).cell(),
            made.session.map(|id| id.0).cell(),
            made.device.map(|id| id.0).cell(),
            made.offer.map(|id| id.0).cell(),
            made.access_token.cell(),
            made.device_token.cell(),
            self.created_at.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        let key = cells.hash()?;
        let tenant = cells.text()?;
        let tenant = TenantId::new(&tenant).ok_or_else(|| cells.corrupt())?;
        let request = cells.hash()?;
        let shard = u16::try_from(cells.int()?).map_err(|_| cells.corrupt())?;
        Ok(Self {
            tenant,
            key,
            request,
            shard: Shard(shard),
            account: AccountId(cells.uuid()?),
            made: Made {
                sign_in: cells.maybe(Cells::uuid)?.map(SignInId),
                session: cells.maybe(Cells::uuid)?.map(SessionId),
                device: cells.maybe(Cells::uuid)?.map(DeviceId),
                offer: cells.maybe(Cells::uuid)?.map(OfferId),
                access_token: cells.maybe(Cells::hash)?,
                device_token: cells.maybe(Cells::hash)?,
            },
            created_at: cells.time()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
