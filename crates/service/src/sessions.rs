//! Sessions: verify, list, get, end, heartbeat, step up.

use std::sync::Arc;

use doorward_domain::{
    AccessToken, Account, ActivationToken, Cause, Count, DeviceStatus, Factor, MfaMethod, Moment, Refusal, SessionId, SessionStatus, TenantId, Timestamp,
    UserId,
};
use doorward_store::{AccountKey, Need, Page, Rows};

use crate::access::{Access, Backend, Own};
use crate::pages::List;
use crate::{Error, PageRequest, Paged, Service, SessionView};

/// Activity is noted at most once in so many seconds by `verify`.
const ACTIVITY_EVERY_S: u32 = 60;

/// A session by its id, or the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionName {
    /// By id.
    Id(SessionId),
    /// The caller's own; a key has none.
    Current,
}

impl SessionName {
    fn resolve(self, own: Option<Own>) -> Result<SessionId, Refusal> {
        match self {
            Self::Id(id) => Ok(id),
            Self::Current => own.map(|own| own.session).ok_or(Refusal::NotFound),
        }
    }
}

/// What checking an access token comes to.
#[derive(Debug, Clone)]
pub enum Verified {
    /// The session is live.
    Active(Box<ActiveSession>),
    /// It isn't; the word says why, to the host alone. `unknown` stands for every token that proves nothing.
    Inactive(&'static str),
}

/// A live session, as a host learns of it.
#[derive(Debug, Clone)]
pub struct ActiveSession {
    /// The session.
    pub session: SessionView,
    /// Whose it is.
    pub tenant: TenantId,
    /// Whose it is.
    pub user: UserId,
    /// Its device's state.
    pub device_status: DeviceStatus,
}

/// What a heartbeat answers.
#[derive(Debug, Clone, Copy)]
pub struct KeptAlive {
    /// The session's absolute end.
    pub expires_at: Timestamp,
    /// When it becomes inactive unless it is heard of again.
    pub idle_expires_at: Timestamp,
}

/// What a step-up gives.
#[derive(Debug, Clone)]
pub struct SessionSteppedUp {
    /// The session.
    pub session: SessionView,
    /// Its new token; the old one is dead.
    pub access_token: AccessToken,
    /// The chance to trust the device, and when it ends.
    pub activation: Option<(ActivationToken, Timestamp)>,
}

/// Why a token opens nothing, where it proves nothing either.
const UNKNOWN: Verified = Verified::Inactive("unknown");

impl Service {
    /// Checks an access token for a host. With `touch`, the check counts as activity.
    ///
    /// # Errors
    /// `Unavailable` where it can't be known: never "active", and never a false "inactive".
    pub async fn verify(&self, backend: &Backend, token: &str, touch: bool) -> Result<Verified, Error> {
        let Ok(token) = AccessToken::parse(token) else { return Ok(UNKNOWN) };
        let Some(account) = self.store.session(token.at).await? else { return Ok(UNKNOWN) };
        let now = self.clock.now();
        let Ok(session) = account.session(token.at.id) else { return Ok(UNKNOWN) };
        if account.head.tenant != backend.tenant || !self.keys.matches(&token, &session.token)? {
            return Ok(UNKNOWN);
        }
        let device = account.device_of(session)?;
        match session.status(device, &account, now) {
            SessionStatus::Active => {}
            SessionStatus::Inactive => return Ok(Verified::Inactive(Cause::Idle.as_str())),
            SessionStatus::Blocked | SessionStatus::Ended => return self.why_ended(&account, token.at.id, now).await,
        }
        let due = touch && now >= session.last_activity_at.plus_s(ACTIVITY_EVERY_S);
        if due {
            match self.store.touch(token.at, now, ACTIVITY_EVERY_S).await {
                Ok(Some(touched)) => return active(&touched, token.at.id, now),
                // It ended between the two looks.
                Ok(None) => return Box::pin(self.verify(backend, &token.reveal(), false)).await,
                // The check stands without it: only "last active" is older than it might be.
                Err(error) => tracing::warn!(%error, "activity could not be noted"),
            }
        }
        active(&account, token.at.id, now)
    }

    /// Why a session of which the token is known ended: a second look, at the raises.
    async fn why_ended(&self, account: &Account, id: SessionId, now: Timestamp) -> Result<Verified, Error> {
        let at = AccountKey::Id(account.head.shard, account.head.id);
        let need = Need { session: Some(id), raises: true, ..Need::default() };
        let Some(account) = self.store.account(at, need).await? else { return Ok(UNKNOWN) };
        let Ok(session) = account.session(id) else { return Ok(UNKNOWN) };
        let ending = session.ending(account.device_of(session)?, &account, now);
        Ok(Verified::Inactive(ending.map_or("ended", |ending| ending.cause.as_str())))
    }

    /// A person, by the access token of a session that is live now. Each transaction checks it again.
    ///
    /// # Errors
    /// `Unauthenticated` for anything else, all alike; `Unavailable` where it can't be known.
    pub async fn person(&self, token: &str) -> Result<Access, Error> {
        let token = AccessToken::parse(token).map_err(|_| Refusal::Unauthenticated)?;
        self.live(&token).await?;
        Ok(Access::person(token))
    }

    /// Sees that a token opens a live session. Returns the moment at which it did.
    async fn live(&self, token: &AccessToken) -> Result<Timestamp, Error> {
        let account = self.store.session(token.at).await?.ok_or(Refusal::Unauthenticated)?;
        let moment = self.moment();
        account.caller(&moment, token)?;
        Ok(moment.now)
    }

    /// Keeps the caller's own session alive; durable when answered. Never revives, never passes the absolute end.
    ///
    /// # Errors
    /// `Unauthenticated` for an ended session as for an unknown one.
    pub async fn heartbeat(&self, token: &str) -> Result<KeptAlive, Error> {
        let token = AccessToken::parse(token).map_err(|_| Refusal::Unauthenticated)?;
        let now = self.live(&token).await?;
        let kept = self.store.touch(token.at, now, 0).await?.ok_or(Refusal::Unauthenticated)?;
        let session = kept.session(token.at.id)?;
        Ok(KeptAlive { expires_at: session.expires_at(&kept), idle_expires_at: session.idle_expires_at(&kept) })
    }

    /// A person's sessions, newest first: the live ones, or those in another state, or all.
    ///
    /// # Errors
    /// `Unauthenticated`; `Invalid` for a cursor that isn't this list's.
    pub async fn list_sessions(&self, access: &Access, status: Option<SessionStatus>, request: &PageRequest) -> Result<Paged<SessionView>, Error> {
        let page = if status == Some(SessionStatus::Active) {
            let need = |_| Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() };
            self.read(access, need, |account, moment, own| {
                let list = List { keys: moment.keys, name: "sessions", account: account.head.id };
                let mut live = account.live_sessions(moment.now).collect::<Vec<_>>();
                live.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
                let page = list.cut(live.into_iter(), request, |session| session.id.0)?;
                let items = page.items.into_iter().map(|session| SessionView::of(account, session, moment.now, own)).collect::<Result<_, _>>()?;
                Ok(Paged { items, next_cursor: page.next_cursor })
            })
            .await
        } else {
            self.scan_sessions(access, status, request).await
        };
        self.or_empty(access, request, "sessions", page)
    }

    /// Reads on through the sessions of years until the page is full. The store only narrows; what shows is judged here.
    async fn scan_sessions(&self, access: &Access, status: Option<SessionStatus>, request: &PageRequest) -> Result<Paged<SessionView>, Error> {
        const STRETCH: u16 = 100;
        let account = self.read(access, |_| Need::default(), |account, _, _| Ok(account.head.id)).await?;
        let list = List { keys: &self.keys, name: "sessions", account };
        let mut before = list.open(request.cursor.as_deref())?;
        let limit = usize::from(request.limit);
        let mut items: Vec<SessionView> = Vec::new();
        loop {
            let need = |_| Need { devices: Rows::Standing, sessions: Rows::Page(Page { before, limit: STRETCH }), raises: true, ..Need::default() };
            let view = |account: &Account, moment: &mut Moment<'_>, own| {
                // The caller's own session comes along out of turn; only what belongs to the stretch counts.
                let mut rows: Vec<_> = account.sessions.iter().filter(|session| before.is_none_or(|before| session.id.0 < before)).collect();
                rows.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
                rows.truncate(usize::from(STRETCH));
                rows.into_iter().map(|session| SessionView::of(account, session, moment.now, own)).collect::<Result<Vec<_>, _>>()
            };
            let views = self.read(access, need, view).await?;
            before = views.last().filter(|_| views.len() == usize::from(STRETCH)).map(|view| view.session.id.0);
            items.extend(views.into_iter().filter(|view| status.is_none_or(|status| view.status == status)));
            if items.len() > limit || before.is_none() {
                let more = items.len() > limit;
                items.truncate(limit);
                let next_cursor = items.last().filter(|_| more).map(|view| list.cursor(view.session.id.0));
                return Ok(Paged { items, next_cursor });
            }
        }
    }

    /// One session, live or not.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`.
    pub async fn get_session(&self, access: &Access, name: SessionName) -> Result<SessionView, Error> {
        let asked = match name {
            SessionName::Id(id) => Some(id),
            SessionName::Current => None,
        };
        let need = |_| Need { sessions: Rows::Standing, devices: Rows::Standing, session: asked, raises: true, ..Need::default() };
        self.read(access, need, |account, moment, own| SessionView::of(account, account.session(name.resolve(own)?)?, moment.now, own)).await
    }

    /// Ends one session. Ending an ended one again changes nothing.
    ///
    /// # Errors
    /// `Unauthenticated`, `NotFound`; `RecentAuthRequired` for another session than the caller's.
    pub async fn end_session(self: &Arc<Self>, access: &Access, name: SessionName) -> Result<(), Error> {
        let asked = match name {
            SessionName::Id(id) => Some(id),
            SessionName::Current => None,
        };
        let need = move |now| Need { session: asked, ..Need::standing(now) };
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, own: Option<Own>| {
            let id = name.resolve(own)?;
            account.session(id)?;
            match own {
                Some(own) if own.session != id => account.recent_auth(account.session(own.session)?, moment.now)?,
                _ => {}
            }
            let cause = if own.is_some_and(|own| own.session == id) { Cause::SignedOut } else { Cause::Revoked };
            account.end_session(moment, id, cause)
        };
        self.change(access, need, rule).await
    }

    /// Ends every session, or every one but the caller's; trust ends too, but on the caller's device.
    ///
    /// # Errors
    /// `Unauthenticated`, `RecentAuthRequired`; `NotFound` for a user never seen.
    pub async fn end_all_sessions(self: &Arc<Self>, access: &Access, keep_caller: bool) -> Result<Count, Error> {
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, own: Option<Own>| {
            if let Some(own) = own {
                account.recent_auth(account.session(own.session)?, moment.now)?;
            }
            account.end_all_sessions(moment, own.map(|own| own.session), keep_caller)
        };
        self.change(access, Need::standing, rule).await
    }

    /// Step-up: the host verified a second factor in a live session.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` on `mfa.verified_at`.
    pub async fn step_up(self: &Arc<Self>, access: &Access, id: SessionId, mfa: (MfaMethod, Option<Timestamp>)) -> Result<SessionSteppedUp, Error> {
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _| {
            // The answer is about this session, as a sign-in's is.
            let own = Some(Own { session: id, device: account.session(id)?.device });
            let factor = Factor::stated(mfa.0, mfa.1, None, moment.now)?;
            let stepped = account.step_up(moment, id, factor)?;
            let activation = stepped.activation.map(|token| (token, moment.now.plus_s(account.tenant.policy.activation_ttl_s)));
            let session = SessionView::of(account, account.session(id)?, moment.now, own)?;
            Ok(SessionSteppedUp { session, access_token: stepped.access_token, activation })
        };
        self.change(access, Need::standing, rule).await
    }
}

fn active(account: &Account, id: SessionId, now: Timestamp) -> Result<Verified, Error> {
    let session = account.session(id)?;
    let device_status = account.device_of(session)?.status(account, now);
    let view = SessionView::of(account, session, now, None)?;
    if view.status != SessionStatus::Active {
        return Ok(Verified::Inactive("ended"));
    }
    Ok(Verified::Active(Box::new(ActiveSession { session: view, tenant: account.head.tenant.clone(), user: account.head.user.clone(), device_status })))
}
