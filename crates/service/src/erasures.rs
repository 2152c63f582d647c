//! Erasures: everything held of a person goes, and the list that is kept apart from the database learns of it first.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use doorward_domain::{Account, AccountId, Actor, Erasure, Refusal, Shard, Timestamp};
use doorward_store::{AccountKey, Need};
use serde_json::{Value, json};

use crate::access::Access;
use crate::{Error, Service};

/// One line of the erasure list: which account, and nothing of whose it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Where the account lay.
    pub shard: Shard,
    /// Its id.
    pub account: AccountId,
    /// Whose user it was: the tenant's id.
    pub tenant: String,
    /// When its erasure began.
    pub at: Timestamp,
}

impl fmt::Display for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", json!({ "shard": self.shard.0, "account": self.account.to_string(), "tenant": self.tenant, "at": self.at.to_string() }))
    }
}

impl FromStr for Erased {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let object: Value = serde_json::from_str(line).map_err(|_| "is no JSON")?;
        let text = |name: &str| object[name].as_str();
        Ok(Self {
            shard: object["shard"].as_u64().and_then(|shard| u16::try_from(shard).ok()).map(Shard).ok_or("has no shard")?,
            account: text("account").and_then(|text| text.parse().ok()).ok_or("has no account")?,
            tenant: text("tenant").ok_or("has no tenant")?.to_owned(),
            at: text("at").and_then(Timestamp::parse).ok_or("has no time")?,
        })
    }
}

/// Where erasures are written down, apart from the database: a restored backup would bring the erased back, so a restore
/// erases them again by this list.
pub trait ErasureList: Send + Sync {
    /// Writes it down. Once it answers, the line survives a power cut.
    fn record(&self, erased: Erased) -> Listed<'_, ()>;

    /// Everything that was written down. An unreadable line is an error: whoever it names would stay.
    fn lines(&self) -> Listed<'_, Vec<Erased>>;
}

/// What the erasure list will answer.
pub type Listed<'a, T> = Pin<Box<dyn Future<Output = std::io::Result<T>> + Send + 'a>>;

impl Service {
    /// Erases a person: their account, devices, sessions, sign-ins and offers are deleted and their data key destroyed; their
    /// events stay and name nobody. `None` if nothing is held of them, so it may be repeated.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unavailable` where the erasure list can't be written: then nothing is erased.
    pub async fn erase(self: &Arc<Self>, access: &Access) -> Result<Option<Erasure>, Error> {
        let found = self.read(access, |_| Need::default(), |account, moment, _| Ok((account.head.clone(), moment.now))).await;
        let (head, now) = match found {
            Err(Error::Refused(Refusal::NotFound)) => return Ok(None),
            found => found?,
        };
        // First of all: an erasure that is on no list would be undone by a restore. One that is, and then fails, is done again.
        let erased = Erased { shard: head.shard, account: head.id, tenant: head.tenant.to_string(), at: now };
        self.erasures.record(erased).await.map_err(|error| {
            tracing::error!(%error, "the erasure list can't be written, so nobody is erased");
            Error::Unavailable
        })?;
        let (service, entering, mint) = (Arc::clone(self), access.clone(), self.entropy.mint());
        let rule = move |account: &mut Account| {
            let mut moment = service.moment_of(now, Actor::System, mint.clone());
            entering.enter(account, &mut moment)?;
            Ok::<_, Refusal>(account.erase(&mut moment))
        };
        let outcome = self.store.erase(AccountKey::Id(head.shard, head.id), Need::standing(now), rule).await?;
        Ok(outcome.transpose()?)
    }

    /// Erases everybody on the erasure list whom a restored backup brought back, and says how many they were.
    ///
    /// # Errors
    /// `Unavailable`, also where the list can't be read.
    pub async fn erase_listed(self: &Arc<Self>) -> Result<usize, Error> {
        let listed = self.erasures.lines().await.map_err(|error| {
            tracing::error!(%error, "the erasure list can't be read, so whom a backup brought back stays");
            Error::Unavailable
        })?;
        let mut again = 0;
        for erased in &listed {
            again += usize::from(self.erase_again(erased).await?);
        }
        Ok(again)
    }

    /// Erases an account again that a restored backup brought back. `false` if it isn't there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn erase_again(self: &Arc<Self>, erased: &Erased) -> Result<bool, Error> {
        let (service, now, mint) = (Arc::clone(self), self.clock.now(), self.entropy.mint());
        let rule = move |account: &mut Account| {
            let mut moment = service.moment_of(now, Actor::System, mint.clone());
            Ok::<_, Refusal>(account.erase(&mut moment))
        };
        let outcome = self.store.erase(AccountKey::Id(erased.shard, erased.account), Need::standing(now), rule).await?;
        Ok(outcome.transpose()?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_reads_as_it_was_written_and_garbage_says_what_is_missing() {
        let line = r#"{"account":"0190b4e2-7b6a-7c3e-8f21-0242ac120002","at":"2027-01-15T08:00:00Z","shard":48879,"tenant":"acme"}"#;
        let erased: Erased = line.parse().expect("a line");
        assert_eq!((erased.shard, erased.tenant.as_str()), (Shard(0xbeef), "acme"));
        assert_eq!(erased.to_string().parse(), Ok(erased.clone()));
        assert!(!erased.to_string().contains('\n'));
        for (garbage, fault) in [("", "is no JSON"), ("{}", "has no shard"), (r#"{"shard":65536}"#, "has no shard"), (r#"{"shard":1}"#, "has no account")] {
            assert_eq!(garbage.parse::<Erased>(), Err(fault), "{garbage}");
        }
    }
}
