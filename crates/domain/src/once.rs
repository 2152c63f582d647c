//! Once: a request that is sent again under its key has one effect. What it made is remembered for a day.

use crate::event::About;
use crate::token::{OfferRef, Secret, Token};
use crate::{
    AccessToken, Account, AccountId, Activated, ActivationToken, DeviceId, DeviceToken, EventKind, KeyRing, KeyedHash, Moment, OfferId, Opened, Refusal,
    SessionId, SessionStatus, Shard, SignInId, SteppedUp, TenantId, Timestamp, TokenState,
};

/// How long a request is remembered, in seconds.
pub const ONCE_S: u32 = 86_400;

/// A request that may come again, as hashes under each server key, the active one's first: a key may be guessable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// Of the caller's key for it.
    pub keys: Vec<KeyedHash>,
    /// Of what it asks.
    pub requests: Vec<KeyedHash>,
}

/// What a request made: as much as it takes to answer it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// A sign-in.
    pub sign_in: Option<SignInId>,
    /// A session.
    pub session: Option<SessionId>,
    /// The device that the answer showed.
    pub device: Option<DeviceId>,
    /// An offer of trust.
    pub offer: Option<OfferId>,
    /// The hash of the access token that the answer bore.
    pub access_token: Option<KeyedHash>,
    /// The hash of the device token that it bore.
    pub device_token: Option<KeyedHash>,
}

impl Made {
    /// What a rule has just made, and the answer's own tokens with it: a newer one that another answer bore is none of its.
    #[must_use]
    pub fn with_tokens(keys: &KeyRing, session: Option<SessionId>, device: DeviceId, tokens: &Tokens) -> Self {
        Self {
            sign_in: None,
            session,
            device: Some(device),
            offer: tokens.activation.as_ref().map(|token| token.at.id),
            access_token: tokens.access_token.as_ref().map(|token| keys.hash(token)),
            device_token: tokens.device_token.as_ref().map(|token| keys.hash(token)),
        }
    }
}

/// The record of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Whose it is: keys of two tenants are apart.
    pub tenant: TenantId,
    /// The hash of the caller's key for it.
    pub key: KeyedHash,
    /// The hash of what it asked.
    pub request: KeyedHash,
    /// Where its account lies.
    pub shard: Shard,
    /// The account that it went to.
    pub account: AccountId,
    /// What it made.
    pub made: Made,
    /// When it had its effect.
    pub created_at: Timestamp,
}

impl Once {
    /// When it is forgotten.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.created_at.plus_s(ONCE_S)
    }
}

/// The tokens that an answer bears.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of the session.
    pub access_token: Option<AccessToken>,
    /// Of the device.
    pub device_token: Option<DeviceToken>,
    /// Of the offer.
    pub activation: Option<ActivationToken>,
}

impl Account {
    /// The record of this request, or of another one under its key, if there is one at this moment.
    #[must_use]
    pub fn record_of(&self, asked: &Repeatable, now: Timestamp) -> Option<&Once> {
        self.once.iter().find(|once| asked.keys.contains(&once.key) && now < once.ends_at())
    }

    /// The record of this very request; `None` if it is new.
    ///
    /// # Errors
    /// `IdempotencyKeyReused` where its key stood for another request; `IdempotencyKeyUsed` where the account of then is gone.
    pub fn before(&self, asked: &Repeatable, now: Timestamp) -> Result<Option<Once>, Refusal> {
        let Some(once) = self.record_of(asked, now) else { return Ok(None) };
        if !asked.requests.contains(&once.request) {
            return Err(Refusal::IdempotencyKeyReused);
        }
        // The same words lead to the same account, unless that was erased since.
        if (once.shard, once.account) == (self.head.shard, self.head.id) { Ok(Some(once.clone())) } else { Err(Refusal::IdempotencyKeyUsed) }
    }

    /// Remembers what a request made: of then, if it came again, else of now.
    pub fn remember(&mut self, moment: &Moment<'_>, asked: &Repeatable, made: Made) {
        let now = moment.now;
        let known = self.record_of(asked, now).cloned();
        let once = Once {
            tenant: self.head.tenant.clone(),
            key: known.as_ref().map_or_else(|| asked.keys[0].clone(), |known| known.key.clone()),
            request: known.as_ref().map_or_else(|| asked.requests[0].clone(), |known| known.request.clone()),
            shard: self.head.shard,
            account: self.head.id,
            created_at: known.map_or(now, |known| known.created_at),
            made,
        };
        if let Some(session) = once.made.session.filter(|_| once.made.access_token.is_some())
            && let Ok(session) = self.session_mut(session)
        {
            session.unused_until = Some(once.ends_at());
        }
        if let Some((id, bore)) = once.made.device.zip(once.made.device_token.as_ref())
            && let Ok(device) = self.device_mut(id)
        {
            device.tokens.await_use(bore);
        }
        // A record whose day is over gives way to the new one.
        match self.once.iter_mut().find(|known| known.key == once.key) {
            Some(known) => *known = once,
            None => self.once.push(once),
        }
    }

    /// Replaces the tokens of a lost answer; the old values are dead. Nothing is judged anew: no right comes of it that the first
    /// answer didn't give.
    ///
    /// # Errors
    /// `IdempotencyKeyUsed` if one of them was ever used or replaced, which shows that the answer arrived; or if what it was for is over.
    pub fn reissue(&mut self, moment: &mut Moment<'_>, once: &Once) -> Result<Tokens, Refusal> {
        let (now, made) = (moment.now, &once.made);
        self.still_unused(once, now).ok_or(Refusal::IdempotencyKeyUsed)?;
        let mut reissued = Tokens::default();
        if let Some(id) = made.session.filter(|_| made.access_token.is_some()) {
            reissued.access_token = Some(self.replace_access_token(moment, id, true)?);
        }
        if let Some((id, lost)) = made.device.zip(made.device_token.as_ref()) {
            let token = self.mint_device_token(moment, id);
            // What the lost one superseded stays superseded.
            self.device_mut(id)?.tokens.replace_lost(lost, moment.keys.hash(&token));
            reissued.device_token = Some(token);
        }
        let open = self.offers.iter().position(|offer| Some(offer.id) == made.offer && offer.is_open(self, now));
        if let Some(at) = open {
            let id = self.offers[at].id;
            let token = Token { at: OfferRef { shard: self.head.shard, account: self.head.id, id }, secret: Secret::new(moment.mint.secret()) };
            self.offers[at].token = moment.keys.hash(&token);
            reissued.activation = Some(token);
        }
        if reissued != Tokens::default() {
            let about = About { session: made.session, device: made.device, ..About::default() };
            self.record(moment, EventKind::TokensReissued, about);
        }
        Ok(reissued)
    }

    /// The answer to a completion, or to a session opened directly, once more.
    ///
    /// # Errors
    /// As [`Account::reissue`].
    pub fn open_again(&mut self, moment: &mut Moment<'_>, once: &Once) -> Result<Opened, Refusal> {
        let tokens = self.reissue(moment, once)?;
        let made = once.made.session.zip(once.made.device).zip(tokens.access_token);
        let ((session, device), access_token) = made.ok_or(Refusal::IdempotencyKeyUsed)?;
        Ok(Opened { session, device, access_token, device_token: tokens.device_token, activation: tokens.activation })
    }

    /// The answer to a step-up once more.
    ///
    /// # Errors
    /// As [`Account::reissue`].
    pub fn stepped_up_again(&mut self, moment: &mut Moment<'_>, once: &Once) -> Result<SteppedUp, Refusal> {
        let tokens = self.reissue(moment, once)?;
        Ok(SteppedUp { access_token: tokens.access_token.ok_or(Refusal::IdempotencyKeyUsed)?, activation: tokens.activation })
    }

    /// The answer to an activation once more.
    ///
    /// # Errors
    /// As [`Account::reissue`].
    pub fn activated_again(&mut self, moment: &mut Moment<'_>, once: &Once) -> Result<Activated, Refusal> {
        let tokens = self.reissue(moment, once)?;
        let (device, device_token) = once.made.device.zip(tokens.device_token).ok_or(Refusal::IdempotencyKeyUsed)?;
        Ok(Activated { device, device_token })
    }

    /// Whether every token of the answer is still the one that it bore, live, and never presented.
    fn still_unused(&self, once: &Once, now: Timestamp) -> Option<()> {
        let made = &once.made;
        if let Some(bore) = &made.access_token {
            let session = self.session(made.session?).ok()?;
            let live = session.status(self.device_of(session).ok()?, self, now) == SessionStatus::Active;
            (live && session.token == *bore && session.may_be_reissued(now)).then_some(())?;
        }
        if let Some(bore) = &made.device_token {
            let device = self.device(made.device?).ok()?;
            // A hijacked device's token must go on being denied, and so stay known.
            (device.hijacked_at.is_none() && device.tokens.state_of(bore) == Some(TokenState::Unused)).then_some(())?;
        }
        Some(())
    }
}
