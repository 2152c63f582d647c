//! What retention and exports ask of PostgreSQL: where accounts lie, what one holds, and what of it goes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use doorward_domain::{AccountId, Head, Shard};
use uuid::Uuid;

use super::flight::{Answer, Ask, parameter};
use super::load::{self, Loaded, Lock};
use super::pool::Step;
use super::{PostgresStore, message, write};
use crate::changes::pruning;
use crate::pruning::accounts;
use crate::row::{Row as _, ToCell as _};
use crate::rows::of_accounts;
use crate::seal::Seal;
use crate::{AccountKey, Decision, Held, Need, StoreError, Verdict};

impl PostgresStore {
    pub(super) async fn accounts_after(&self, after: Option<(Shard, AccountId)>, limit: u16) -> Result<Vec<(Shard, AccountId)>, StoreError> {
        let (shard, id) = after.map_or((-1, Uuid::nil()), |(shard, id)| (i64::from(shard.0), id.0));
        let answer = self.one(Ask::new(accounts(parameter), vec![shard.cell(), id.cell(), i64::from(limit).cell()])).await?;
        let place = |row: &tokio_postgres::Row| {
            let shard = row.try_get::<_, i64>(0).ok().and_then(|shard| u16::try_from(shard).ok());
            let id = row.try_get::<_, &[u8]>(1).ok().and_then(|id| Uuid::from_slice(id).ok());
            shard.map(Shard).zip(id.map(AccountId)).ok_or_else(|| StoreError::corrupt("account", "id"))
        };
        answer.rows.iter().map(place).collect()
    }

    pub(super) async fn prune_one(&self, at: AccountKey, need: Need, decision: Decision) -> Result<bool, StoreError> {
        let keys = self.keys()?;
        let (loading, first) = load::asks(&at, &Need { create: None, ..need }, Lock::Yes);
        let judge = move |answers: &[Answer]| {
            let Loaded::There(before) = loading.assemble(&keys, answers)? else { return Ok(Step { answer: false, writes: vec![] }) };
            let mut account = before.clone();
            let verdict = catch_unwind(AssertUnwindSafe(|| decision(&mut account))).map_err(|panic| StoreError::Panicked(message(&*panic)))?;
            let writes = match verdict {
                Verdict::Commit => pruning(&before, &account, &keys).into_iter().map(write).collect(),
                Verdict::Refuse => vec![],
            };
            Ok(Step { answer: true, writes })
        };
        self.database.change(Some(at.shard()), first, judge).await
    }

    pub(super) async fn all_held(&self, shard: Shard, id: AccountId) -> Result<Option<Vec<Held>>, StoreError> {
        let keys = self.keys()?;
        let place = || vec![i64::from(shard.0).cell(), id.0.cell()];
        let asks = of_accounts().map(|(table, account)| Ask::new(table.of_account(account, parameter), place())).collect();
        let answers = self.database.read(asks).await?;
        let Some(head) = answers.first().map(|head| head.decode::<Head>(Seal::Server(&keys))).transpose()?.and_then(|mut heads| heads.pop()) else {
            return Ok(None);
        };
        let all = of_accounts().zip(&answers).map(|((table, _), answer)| {
            let seal = if table.name == Head::TABLE.name { Seal::Server(&keys) } else { Seal::Account(&head.data_key) };
            Ok(Held { table, rows: answer.opened(seal, table)? })
        });
        all.collect::<Result<_, _>>().map(Some)
    }
}
