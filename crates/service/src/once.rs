//! Once: a request that is sent again under the caller's key for it has one effect, and is answered again.

use std::sync::Arc;

use doorward_domain::{AccessToken, Account, Actor, KeyRing, Made, Moment, NoLocations, Once, Refusal, Repeatable, TenantId, Timestamp};
use doorward_store::{AccountKey, Need};

use crate::access::{Access, Own, scope_of};
use crate::sessions::Found;
use crate::{Error, Service};

/// How often one looks again, where a request like this one was just let in.
const TRIES: u32 = 8;

/// A caller's key for a request, and what the request asks, in a form that is the same when it comes again.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// 1 to 64 visible ASCII characters, which the surface has checked.
    pub key: String,
    /// Method, path and body.
    pub request: String,
}

impl IdempotencyKey {
    /// As hashes, for what is a whole tenant's.
    pub(crate) fn of_tenant(&self, keys: &KeyRing, tenant: &TenantId) -> Repeatable {
        self.hashed(keys, &scope_of(tenant))
    }

    /// Keys of two tenants, and those of two people who call by themselves, are apart.
    fn hashed(&self, keys: &KeyRing, scope: &str) -> Repeatable {
        let hashes = |label, text: &str| keys.hashes(label, &[scope.as_bytes(), text.as_bytes()]).collect();
        Repeatable { keys: hashes("once-key", &self.key), requests: hashes("once-request", &self.request) }
    }
}

/// What a request came to: its answer, and what it made.
pub(crate) type Effect<T> = Result<(T, Made), Refusal>;

impl Service {
    /// Changes an account as [`Service::change`] does, once under the caller's key. The rule is told of the record of the request,
    /// where it came before: then it answers again what was made. The record is written in the same commit; a refusal is none.
    pub(crate) async fn change_once<T: Send + 'static>(
        self: &Arc<Self>,
        access: &Access,
        key: Option<&IdempotencyKey>,
        need: impl Fn(Timestamp) -> Need + Clone,
        rule: impl Fn(&mut Account, &mut Moment<'_>, Option<Own>, Option<&Once>) -> Effect<T> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let Some(key) = key else {
            return self.change(access, need, move |account, moment, own| rule(account, moment, own, None).map(|(answer, _)| answer)).await;
        };
        let asked = key.hashed(&self.keys, &access.scope());
        let rule = Arc::new(rule);
        for _ in 0..TRIES {
            // What the record names is needed to answer again, so it is looked up before; inside the transaction it counts.
            let records = Need { once: asked.keys.clone(), ..Need::default() };
            let found = self.store.account(access.at.clone(), records).await?;
            let known = found.and_then(|account| account.record_of(&asked, self.clock.now()).cloned());
            let (asked_here, needed) = (asked.clone(), known.clone());
            let need = |now| Need {
                once: asked.keys.clone(),
                ..match &needed {
                    None => need(now),
                    Some(once) => again(once, now),
                }
            };
            let rule = Arc::clone(&rule);
            let change = move |account: &mut Account, moment: &mut Moment<'_>, own: Option<Own>| {
                let before = account.before(&asked_here, moment.now)?;
                if before.as_ref().map(|once| once.created_at) != known.as_ref().map(|once| once.created_at) {
                    return Ok(None);
                }
                let (answer, made) = rule(account, moment, own, before.as_ref())?;
                account.remember(moment, &asked_here, made);
                Ok(Some(answer))
            };
            if let Some(answer) = self.change(access, need, change).await? {
                return Ok(answer);
            }
        }
        Err(Error::Unavailable)
    }

    /// Looks at the sessions of tokens as [`Service::look`] does, and notes the first use of each whose token might else be given anew.
    pub(crate) async fn look_at_used<T: AsRef<str>>(&self, tenant: &TenantId, tokens: &[T]) -> Result<(Timestamp, Vec<Found>), Error> {
        let (now, mut found) = self.look(tenant, tokens).await?;
        for (place, token) in tokens.iter().enumerate() {
            let Found::Live(account, at) = &found[place] else { continue };
            let Ok(token) = AccessToken::parse(token.as_ref()) else { continue };
            if account.session(at.id).is_ok_and(|session| session.may_be_reissued(now)) && !self.note_use(&token).await? {
                found[place] = self.look(tenant, &tokens[place..=place]).await?.1.pop().ok_or(Error::Internal)?;
            }
        }
        Ok((now, found))
    }

    /// Notes that a token was used. `false` if it opens nothing any more: it was replaced, or its session ended, just now.
    pub(crate) async fn note_use(&self, token: &AccessToken) -> Result<bool, Error> {
        let (now, mint, keys, token) = (self.clock.now(), self.entropy.mint(), Arc::clone(&self.keys), token.clone());
        let need = Need { session: Some(token.at.id), ..Need::default() };
        let at = AccountKey::Id(token.at.shard, token.at.account);
        let rule = move |account: &mut Account| {
            account.note_use(&Moment { now, actor: Actor::System, mint: mint.clone(), keys: &keys, locations: &NoLocations }, &token)
        };
        match self.store.update(at, need, rule).await {
            Ok(Some(noted)) => match noted {
                Ok(()) => Ok(true),
                Err(Refusal::Unauthenticated | Refusal::WrongSecret(_)) => Ok(false),
                Err(refusal) => Err(refusal.into()),
            },
            Ok(None) => Ok(false),
            // The look stands without it; the next use is noted.
            Err(error) => {
                tracing::warn!(%error, "the first use of a token could not be noted");
                Ok(true)
            }
        }
    }
}

/// What answering again needs.
fn again(once: &Once, now: Timestamp) -> Need {
    let made = &once.made;
    Need { session: made.session, device: made.device, sign_in: made.sign_in, ..Need::standing(now) }
}

/// What was made and has to be shown again is gone.
pub(crate) fn gone(_: Refusal) -> Refusal {
    Refusal::IdempotencyKeyUsed
}
