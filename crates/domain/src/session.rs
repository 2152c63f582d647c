//! A session: its stored facts, and what they amount to at a moment.

use std::net::IpAddr;

use crate::codes::closed_set;
use crate::{AccessToken, Account, Binding, Cause, Credential, Device, DeviceId, Ending, Factor, KeyRing, KeyedHash, Refusal, SessionId, Timestamp};

/// A signed-in period on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The device it is on.
    pub device: DeviceId,
    /// What told the device at the sign-in.
    pub identified_by: Binding,
    /// The hash of its access token.
    pub token: KeyedHash,
    /// The hash of the one that it replaced, if it did: who still holds that isn't taken for one who guesses.
    pub former: Option<KeyedHash>,
    /// The account's sessions generation that it lives under.
    pub sessions_gen: i64,
    /// The tenant's.
    pub tenant_sessions_gen: i64,
    /// The device's.
    pub device_gen: i64,
    /// The host's own name for it.
    pub external_id: Option<String>,
    /// The person's address at sign-in.
    pub ip: IpAddr,
    /// How the person signed in, in the host's words.
    pub login_method: String,
    /// The first factors' references (RFC 8176); Doorward alone adds the second.
    pub amr: Vec<String>,
    /// The second factor that was verified in this session, if any.
    pub factor: Option<Factor>,
    /// Whether device trust replaced the second factor.
    pub skipped_factor: bool,
    /// Whether the host asked that no trust be given in it.
    pub trust_refused: bool,
    /// When the first factor was verified.
    pub authenticated_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// Its absolute end, set when it began; never grows.
    pub expires_at: Timestamp,
    /// Until when its token may be given anew to a request that comes again; none once the token, or its offer's, was used.
    pub unused_until: Option<Timestamp>,
    /// How it was ended, if it was ended by itself.
    pub ended: Option<Ending>,
    /// When it was last heard of. Kept apart from the rest, since it alone changes often.
    pub last_activity_at: Timestamp,
}

closed_set! {
    /// A session's state as lists show it.
    pub enum SessionStatus {
        /// Live.
        Active = 1 "active",
        /// Past its idle limit: not live, and it never comes back.
        Inactive = 2 "inactive",
        /// Its device was reported hijacked.
        Blocked = 3 "blocked",
        /// Over.
        Ended = 4 "ended",
    }
}

impl Session {
    /// The session that an access token is of, live or not, and its account. `account` is the one that the token names, if there is one; the same
    /// work is done where there is none.
    ///
    /// # Errors
    /// `WrongSecret` where the token fits no session; `Unauthenticated` where another has replaced it, and where the session is
    /// over though its hash is under a server key that this ring lacks; `Unavailable` if it is live and that is so.
    pub fn of_token<'a>(keys: &KeyRing, token: &AccessToken, account: Option<&'a Account>, now: Timestamp) -> Result<(&'a Account, &'a Self), Refusal> {
        let hashes = keys.hashes_of(token);
        let wrong = Err(Refusal::WrongSecret(Credential::AccessToken));
        let Some((account, session)) = account.and_then(|account| Some((account, account.session(token.at.id).ok()?))) else { return wrong };
        match hashes.fit(&session.token) {
            Ok(true) => Ok((account, session)),
            // Whatever the token is: no server key is needed to say so.
            Err(_) if account.live_session(session.id, now).is_none() => Err(Refusal::Unauthenticated),
            Err(unknowable) => Err(unknowable),
            Ok(false) => match &session.former {
                Some(former) if hashes.fit(former).unwrap_or(true) => Err(Refusal::Unauthenticated),
                _ => wrong,
            },
        }
    }

    /// Puts another token in the place of its own, which opens nothing from now on. One whose answer was `lost` was nobody's, so
    /// that the one before it goes on being known.
    pub(crate) fn replace_token(&mut self, by: KeyedHash, lost: bool) {
        let replaced = std::mem::replace(&mut self.token, by);
        self.former = self.former.take().filter(|_| lost).or(Some(replaced));
    }

    /// Its state. `device` is the one it is on.
    #[must_use]
    pub fn status(&self, device: &Device, account: &Account, now: Timestamp) -> SessionStatus {
        if let Some(ending) = self.ended {
            return match ending.cause {
                // Reported hijacked: what ended by that report shows as blocked, what ended before it as ended.
                Cause::DeviceHijacked => SessionStatus::Blocked,
                // Idle, and marked so in passing: the same as if nobody had passed.
                Cause::Idle => SessionStatus::Inactive,
                _ => SessionStatus::Ended,
            };
        }
        let overtaken = self.sessions_gen != account.head.sessions_gen || self.tenant_sessions_gen != account.tenant.sessions_gen;
        if overtaken || now >= self.expires_at(account) || account.tenant.skip_ended_at(self).is_some() {
            SessionStatus::Ended
        } else if device.hijacked_at.is_some() {
            SessionStatus::Blocked
        } else if self.device_gen != device.generation || device.forgotten_at.is_some() {
            SessionStatus::Ended
        } else if now >= self.idle_expires_at(account) {
            SessionStatus::Inactive
        } else {
            SessionStatus::Active
        }
    }

    /// How it ended, where [`Session::status`] says that it did. Needs the account's raises for what ended many at once.
    #[must_use]
    pub fn ending(&self, device: &Device, account: &Account, now: Timestamp) -> Option<Ending> {
        let over = |at, cause| Some(Ending { at, cause });
        if self.ended.is_some() {
            return self.ended;
        }
        match self.status(device, account, now) {
            SessionStatus::Active => return None,
            SessionStatus::Inactive => return over(self.idle_expires_at(account), Cause::Idle),
            SessionStatus::Blocked => return over(device.hijacked_at.unwrap_or(now), Cause::DeviceHijacked),
            SessionStatus::Ended => {}
        }
        let mut endings = Vec::with_capacity(4);
        if self.sessions_gen != account.head.sessions_gen {
            endings.extend(account.sessions_raised_after(self.sessions_gen).or_else(|| over(now, Cause::SignedOutEverywhere)));
        }
        if self.tenant_sessions_gen != account.tenant.sessions_gen {
            endings.extend(over(account.tenant.fenced_at.unwrap_or(now), Cause::TenantFenced));
        }
        if let Some(at) = device.forgotten_at {
            endings.extend(over(at, Cause::DeviceForgotten));
        } else if self.device_gen != device.generation {
            endings.extend(over(now, Cause::DeviceSignedOut));
        }
        if let Some(at) = account.tenant.skip_ended_at(self) {
            endings.extend(over(at, Cause::PolicyChanged));
        }
        if now >= self.expires_at(account) {
            endings.extend(over(self.expires_at(account), Cause::Expired));
        }
        endings.into_iter().min_by_key(|ending| ending.at)
    }

    /// Its absolute end: the one set when it began, or an earlier one that a stricter policy sets, or has brought about.
    #[must_use]
    pub fn expires_at(&self, account: &Account) -> Timestamp {
        account.tenant.session_end(self)
    }

    /// When it becomes inactive unless it is heard of again; never later than its absolute end.
    #[must_use]
    pub fn idle_expires_at(&self, account: &Account) -> Timestamp {
        account.tenant.session_idle_end(self)
    }

    /// Its second factor, unless a security event took its freshness since.
    #[must_use]
    pub fn fresh_factor(&self, account: &Account) -> Option<Factor> {
        self.factor.filter(|factor| account.head.factors_changed_at.is_none_or(|change| factor.verified_at > change))
    }

    /// Whether its token may still be given anew to a request that comes again, so that its first use is to be noted.
    #[must_use]
    pub fn may_be_reissued(&self, now: Timestamp) -> bool {
        self.unused_until.is_some_and(|until| now < until)
    }

    /// What was proved in it: the first factors, and the second with `mfa` where one was verified (RFC 8176).
    #[must_use]
    pub fn amr(&self) -> Vec<String> {
        let mut amr = self.amr.clone();
        for reference in self.factor.iter().flat_map(|factor| [factor.method.amr(), "mfa"]) {
            if !amr.iter().any(|have| have == reference) {
                amr.push(reference.to_owned());
            }
        }
        amr
    }

    /// The assurance that it reached by itself: `aal2` with a second factor of its own, else `aal1`. Trust raises nothing.
    #[must_use]
    pub const fn acr(&self) -> &'static str {
        if self.factor.is_some() { "aal2" } else { "aal1" }
    }
}
