//! The rows of feeds: entries in their order, and where each lane begins and ends.

use doorward_domain::{AccountId, FeedEntry, FeedHead, Lane, Link, Shard, TenantId};

use crate::StoreError;
use crate::row::{Cells, Row, Scope, Table, ToCell, Value, blob, int, text};

impl ToCell for Lane {
    fn cell(&self) -> Value {
        Value::Int(i64::from(self.number()))
    }
}

fn tenant(cells: &mut Cells) -> Result<TenantId, StoreError> {
    let tenant = cells.text()?;
    TenantId::new(&tenant).ok_or_else(|| cells.corrupt())
}

fn lane(cells: &mut Cells) -> Result<Lane, StoreError> {
    let number = cells.int()?;
    u8::try_from(number).ok().and_then(Lane::new).ok_or_else(|| cells.corrupt())
}

fn chain(cells: &mut Cells) -> Result<[u8; 32], StoreError> {
    cells.blob()?.try_into().map_err(|_| cells.corrupt())
}

impl Row for FeedEntry {
    const TABLE: &'static Table = &Table {
        name: "feed",
        scope: Scope::Everywhere,
        key: 3,
        primary_key: None,
        columns: &[
            text("tenant"),
            int("lane"),
            int("position"),
            blob("chain"),
            int("at_shard"),
            blob("at_account"),
            int("last_number"),
            int("events"),
            int("at"),
            blob("digest"),
        ],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.tenant.as_str().cell(),
            self.lane.cell(),
            self.link.position.cell(),
            self.link.chain[..].cell(),
            i64::from(self.shard.0).cell(),
            self.account.0.cell(),
            self.last_number.cell(),
            self.events.cell(),
            self.at.cell(),
            self.digest.cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: tenant(cells)?,
            lane: lane(cells)?,
            link: Link { position: cells.int()?, chain: chain(cells)? },
            shard: u16::try_from(cells.int()?).map(Shard).map_err(|_| cells.corrupt())?,
            account: AccountId(cells.uuid()?),
            last_number: cells.int()?,
            events: cells.int()?,
            at: cells.time()?,
            digest: cells.hash()?,
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        (&self.tenant, self.lane, self.link.position) == (&other.tenant, other.lane, other.link.position)
    }
}

impl Row for FeedHead {
    const TABLE: &'static Table = &Table {
        name: "feed_head",
        scope: Scope::Everywhere,
        key: 2,
        primary_key: None,
        columns: &[text("tenant"), int("lane"), int("position"), blob("chain"), int("anchor_position"), blob("anchor_chain")],
        indexes: &[],
    };

    fn encode(&self) -> Vec<Value> {
        vec![
            self.tenant.as_str().cell(),
            self.lane.cell(),
            self.head.position.cell(),
            self.head.chain[..].cell(),
            self.anchor.position.cell(),
            self.anchor.chain[..].cell(),
        ]
    }

    fn decode(cells: &mut Cells) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: tenant(cells)?,
            lane: lane(cells)?,
            head: Link { position: cells.int()?, chain: chain(cells)? },
            anchor: Link { position: cells.int()?, chain: chain(cells)? },
        })
    }

    fn same_row(&self, other: &Self) -> bool {
        (&self.tenant, self.lane) == (&other.tenant, other.lane)
    }
}
