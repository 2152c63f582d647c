//! Sessions: verify, list, get, end, heartbeat, step up.

use std::sync::Arc;

use doorward_domain::{
    AccessToken, Account, ActivationToken, Cause, Count, DeviceId, DeviceStatus, Factor, Made, MfaMethod, Moment, OfferId, Once, Refusal, Session, SessionId,
    SessionRef, SessionStatus, TenantId, Timestamp, Tokens, UserId,
};
use doorward_store::{AccountKey, Need, Page, Rows};

use crate::access::{Access, Backend, Own};
use crate::once::IdempotencyKey;
use crate::pages::List;
use crate::views::JudgedDevice;
use crate::{DeviceView, Error, PageRequest, Paged, Service, SessionView};

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
    /// It isn't.
    Inactive(Inactive),
}

impl Verified {
    /// Whether the token is a wrong secret.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        matches!(self, Self::Inactive(Inactive::Wrong))
    }
}

/// Why a token opens no live session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inactive {
    /// It is well-formed and fits nothing.
    Wrong,
    /// Its session is over, or it can be none of the tenant's tokens: [`Inactive::reason`].
    Over(&'static str),
}

impl Inactive {
    /// Why, for the host alone. `unknown` stands for every token that proves nothing.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Wrong => UNKNOWN,
            Self::Over(reason) => reason,
        }
    }
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
    /// When its person last proved who they are in it.
    pub authenticated_at: Timestamp,
}

/// What a heartbeat answers.
#[derive(Debug, Clone, Copy)]
pub struct KeptAlive {
    /// The session's absolute end.
    pub expires_at: Timestamp,
    /// When it becomes inactive unless it is heard of again.
    pub idle_expires_at: Timestamp,
}

impl KeptAlive {
    fn of(account: &Account, session: &Session) -> Self {
        Self { expires_at: session.expires_at(account), idle_expires_at: session.idle_expires_at(account) }
    }
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

/// What a heartbeat in a batch answers for its token.
pub type Beat = Result<KeptAlive, Inactive>;

/// Why a token opens nothing, where it proves nothing either.
const UNKNOWN: &str = "unknown";

/// What a look at the session of a token finds.
pub(crate) enum Found {
    /// The token proves nothing, or its session has lapsed.
    Inactive(Inactive),
    /// It was ended; why, a second look tells.
    Over(Arc<Account>, SessionId),
    /// It is live.
    Live(Arc<Account>, SessionRef),
}

impl Service {
    /// Checks an access token for a host. With `touch`, the check counts as activity.
    ///
    /// # Errors
    /// `Unavailable` where it can't be known: never "active", and never a false "inactive".
    pub async fn verify(&self, backend: &Backend, token: &str, touch: bool) -> Result<Verified, Error> {
        self.verify_in(&backend.tenant, token, touch).await
    }

    /// Checks several access tokens, each as [`Service::verify`] does, in order.
    ///
    /// # Errors
    /// `Unavailable` where it can't be known of one of them.
    pub async fn verify_batch(&self, backend: &Backend, tokens: &[String], touch: bool) -> Result<Vec<Verified>, Error> {
        self.verify_all(&backend.tenant, tokens, touch).await
    }

    /// Keeps the sessions of several access tokens alive, in order; durable when answered. Never revives, never passes an absolute end.
    /// What isn't live is told with the reason that [`Service::verify`] gives.
    ///
    /// # Errors
    /// `Unavailable` where it can't be known or done for one of them; others may have been kept alive.
    pub async fn heartbeat_batch(&self, backend: &Backend, tokens: &[String]) -> Result<Vec<Beat>, Error> {
        let (now, found) = self.look_at_used(&backend.tenant, tokens).await?;
        let mut kept = self.touch_live(&found, now, 0).await?.into_iter();
        let mut beats = Vec::with_capacity(tokens.len());
        for (token, found) in tokens.iter().zip(found) {
            beats.push(match found {
                Found::Inactive(why) => Err(why),
                Found::Over(account, id) => Err(self.why_ended(&account, id, now).await?),
                Found::Live(_, at) => match kept.next().flatten() {
                    Some(account) => Ok(KeptAlive::of(&account, account.session(at.id)?)),
                    // It ended between the two looks.
                    None => match self.verify_in(&backend.tenant, token, false).await? {
                        Verified::Inactive(why) => Err(why),
                        Verified::Active(_) => return Err(Error::Unavailable),
                    },
                },
            });
        }
        Ok(beats)
    }

    pub(crate) async fn verify_in(&self, tenant: &TenantId, token: &str, touch: bool) -> Result<Verified, Error> {
        let verified = self.verify_all(tenant, &[token], touch).await?.pop();
        verified.ok_or(Error::Internal)
    }

    async fn verify_all<T: AsRef<str>>(&self, tenant: &TenantId, tokens: &[T], touch: bool) -> Result<Vec<Verified>, Error> {
        let (now, found) = if touch { self.look_and_note(tenant, tokens).await? } else { self.look_at_used(tenant, tokens).await? };
        let mut verified = Vec::with_capacity(tokens.len());
        for found in found {
            verified.push(match found {
                Found::Inactive(why) => Verified::Inactive(why),
                Found::Over(account, id) => Verified::Inactive(self.why_ended(&account, id, now).await?),
                Found::Live(account, at) => active(&account, at.id, now)?,
            });
        }
        Ok(verified)
    }

    /// Looks at the sessions of tokens, in order, and says at which moment.
    pub(crate) async fn look<T: AsRef<str>>(&self, tenant: &TenantId, tokens: &[T]) -> Result<(Timestamp, Vec<Found>), Error> {
        let tokens: Vec<Option<AccessToken>> = tokens.iter().map(|token| AccessToken::parse(token.as_ref()).ok()).collect();
        let named: Vec<SessionRef> = tokens.iter().flatten().map(|token| token.at).collect();
        let mut accounts = if named.is_empty() { vec![] } else { self.store.sessions(named).await? }.into_iter();
        let now = self.clock.now();
        let found = tokens.into_iter().map(|token| match token {
            None => Ok(Found::Inactive(Inactive::Over(UNKNOWN))),
            Some(token) => self.find(tenant, &token, accounts.next().flatten(), now),
        });
        Ok((now, found.collect::<Result<_, _>>()?))
    }

    /// What a session is to a token that names it.
    fn find(&self, tenant: &TenantId, token: &AccessToken, account: Option<Arc<Account>>, now: Timestamp) -> Result<Found, Refusal> {
        let (account, session) = match (Session::of_token(&self.keys, token, account.as_deref(), now), &account) {
            (Ok((_, session)), Some(account)) if account.head.tenant == *tenant => (account, session),
            (Ok(_) | Err(Refusal::Unauthenticated), _) => return Ok(Found::Inactive(Inactive::Over(UNKNOWN))),
            (Err(Refusal::WrongSecret(_)), _) => return Ok(Found::Inactive(Inactive::Wrong)),
            (Err(refusal), _) => return Err(refusal),
        };
        let status = session.status(account.device_of(session)?, account, now);
        Ok(match status {
            SessionStatus::Active => Found::Live(Arc::clone(account), token.at),
            SessionStatus::Inactive => Found::Inactive(Inactive::Over(Cause::Idle.as_str())),
            SessionStatus::Blocked | SessionStatus::Ended => Found::Over(Arc::clone(account), token.at.id),
        })
    }

    /// Looks as [`Service::look`] does, and counts it as activity in the sessions that are live, at most once in so many seconds.
    pub(crate) async fn look_and_note<T: AsRef<str>>(&self, tenant: &TenantId, tokens: &[T]) -> Result<(Timestamp, Vec<Found>), Error> {
        let (now, mut found) = self.look_at_used(tenant, tokens).await?;
        let is_due = |found: &Found| {
            let Found::Live(account, at) = found else { return false };
            account.session(at.id).is_ok_and(|session| now >= session.last_activity_at.plus_s(ACTIVITY_EVERY_S))
        };
        let due: Vec<usize> = found.iter().enumerate().filter(|(_, found)| is_due(found)).map(|(place, _)| place).collect();
        let touched = match self.touch_live(due.iter().map(|&place| &found[place]), now, ACTIVITY_EVERY_S).await {
            Ok(touched) => touched,
            Err(error) => {
                // The check stands without it: only "last active" is older than it might be.
                tracing::warn!(?error, "activity could not be noted");
                return Ok((now, found));
            }
        };
        for (place, touched) in due.into_iter().zip(touched) {
            match (&mut found[place], touched) {
                (Found::Live(account, _), Some(touched)) => *account = touched,
                // It ended between the two looks.
                _ => found[place] = self.look(tenant, &tokens[place..=place]).await?.1.pop().unwrap_or(Found::Inactive(Inactive::Over(UNKNOWN))),
            }
        }
        Ok((now, found))
    }

    /// Touches the live ones of these, in order.
    async fn touch_live<'a>(&self, found: impl IntoIterator<Item = &'a Found>, now: Timestamp, after_s: u32) -> Result<Vec<Option<Arc<Account>>>, Error> {
        let live = found.into_iter().filter_map(|found| if let Found::Live(_, at) = found { Some(*at) } else { None });
        let live: Vec<SessionRef> = live.collect();
        Ok(if live.is_empty() { vec![] } else { self.store.touch_many(live, now, after_s).await? })
    }

    /// Why a session of which the token is known ended: a second look, at the raises.
    async fn why_ended(&self, account: &Account, id: SessionId, now: Timestamp) -> Result<Inactive, Error> {
        let at = AccountKey::Id(account.head.shard, account.head.id);
        let need = Need { session: Some(id), raises: true, ..Need::default() };
        let Some(account) = self.store.account(at, need).await? else { return Ok(Inactive::Over(UNKNOWN)) };
        let Ok(session) = account.session(id) else { return Ok(Inactive::Over(UNKNOWN)) };
        let ending = session.ending(account.device_of(session)?, &account, now);
        Ok(Inactive::Over(ending.map_or("ended", |ending| ending.cause.as_str())))
    }

    /// A person, by the access token of a session that is live now. Each transaction checks it again.
    ///
    /// # Errors
    /// `WrongSecret` and `Unauthenticated`, which are answered alike; `Unavailable` where it can't be known.
    pub async fn person(&self, token: &str) -> Result<Access, Error> {
        let token = AccessToken::parse(token).map_err(|_| Refusal::Unauthenticated)?;
        self.live(&token).await?;
        Ok(Access::person(token))
    }

    /// Sees that a token opens a live session. Returns the moment at which it did, and what is the caller's own.
    async fn live(&self, token: &AccessToken) -> Result<(Timestamp, Own), Error> {
        let account = self.store.session(token.at).await?;
        let moment = self.moment();
        let (account, session) = Session::of_token(moment.keys, token, account.as_deref(), moment.now)?;
        let session = account.live_session(session.id, moment.now).ok_or(Refusal::Unauthenticated)?;
        if session.may_be_reissued(moment.now) && !self.note_use(token).await? {
            return Err(Refusal::Unauthenticated.into());
        }
        Ok((moment.now, Own { session: session.id, device: session.device }))
    }

    /// Keeps the caller's own session alive; durable when answered. Never revives, never passes the absolute end.
    ///
    /// # Errors
    /// `Unauthenticated` for an ended session as for an unknown one.
    pub async fn heartbeat(&self, token: &str) -> Result<KeptAlive, Error> {
        self.keep_alive(token, |_| true).await
    }

    /// The same for a caller who says what is to be kept alive, by the session's id or by its device's.
    ///
    /// # Errors
    /// As there; `NotFound` unless one of the ids is of what is the caller's own.
    pub async fn heartbeat_of(&self, token: &str, session: Option<SessionId>, device: Option<DeviceId>) -> Result<KeptAlive, Error> {
        self.keep_alive(token, |own| session == Some(own.session) || device == Some(own.device)).await
    }

    async fn keep_alive(&self, token: &str, is_meant: impl FnOnce(Own) -> bool + Send) -> Result<KeptAlive, Error> {
        let token = AccessToken::parse(token).map_err(|_| Refusal::Unauthenticated)?;
        let (now, own) = self.live(&token).await?;
        if !is_meant(own) {
            return Err(Refusal::NotFound.into());
        }
        let kept = self.store.touch(token.at, now, 0).await?.ok_or(Refusal::Unauthenticated)?;
        Ok(KeptAlive::of(&kept, kept.session(token.at.id)?))
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
        let Paged { items, next_cursor } = self.or_empty(access, request, "sessions", page)?;
        Ok(Paged { items: items.into_iter().map(|session| self.show_session(session)).collect(), next_cursor })
    }

    /// A person's live sessions, newest first, each with its device.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub async fn list_sessions_on_devices(&self, access: &Access) -> Result<Vec<(SessionView, DeviceView)>, Error> {
        let need = |_| Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() };
        let judge = |account: &Account, moment: &mut Moment<'_>, own| {
            let mut live: Vec<_> = account.live_sessions(moment.now).collect();
            live.sort_unstable_by_key(|session| std::cmp::Reverse(session.id));
            let on_device = |session| {
                let device = JudgedDevice::of(account, account.device_of(session)?, moment.now, own);
                Ok((SessionView::of(account, session, moment.now, own)?, device))
            };
            live.into_iter().map(on_device).collect::<Result<Vec<_>, Refusal>>()
        };
        let mut shown = vec![];
        for (session, device) in self.read(access, need, judge).await? {
            shown.push((self.show_session(session), self.show(device).await));
        }
        Ok(shown)
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
        let view = |account: &Account, moment: &mut Moment<'_>, own| SessionView::of(account, account.session(name.resolve(own)?)?, moment.now, own);
        Ok(self.show_session(self.read(access, need, view).await?))
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
    pub async fn step_up(
        self: &Arc<Self>,
        access: &Access,
        id: SessionId,
        mfa: (MfaMethod, Option<Timestamp>),
        key: Option<&IdempotencyKey>,
    ) -> Result<SessionSteppedUp, Error> {
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _, before: Option<&Once>| {
            // The answer is about this session, as a sign-in's is.
            let device = account.session(id)?.device;
            let own = Some(Own { session: id, device });
            let stepped = match before {
                Some(once) => account.stepped_up_again(moment, once)?,
                None => account.step_up(moment, id, Factor::stated(mfa.0, mfa.1, None, moment.now)?)?,
            };
            let tokens = Tokens { access_token: Some(stepped.access_token.clone()), device_token: None, activation: stepped.activation.clone() };
            let made = Made::with_tokens(moment.keys, Some(id), device, &tokens);
            let session = SessionView::of(account, account.session(id)?, moment.now, own)?;
            let activation = stepped.activation.map(|token| (token, offer_ends_at(account, made.offer, moment.now)));
            Ok((SessionSteppedUp { session, access_token: stepped.access_token, activation }, made))
        };
        let stepped = self.change_once(access, key, Need::standing, rule).await?;
        Ok(SessionSteppedUp { session: self.show_session(stepped.session), ..stepped })
    }
}

/// When an offer that was just made, or given anew, ends.
pub(crate) fn offer_ends_at(account: &Account, offer: Option<OfferId>, now: Timestamp) -> Timestamp {
    account.offers.iter().find(|known| Some(known.id) == offer).map_or(now, |offer| offer.expires_at)
}

pub(crate) fn active(account: &Account, id: SessionId, now: Timestamp) -> Result<Verified, Error> {
    let session = account.session(id)?;
    let device_status = account.device_of(session)?.status(account, now);
    let view = SessionView::of(account, session, now, None)?;
    if view.status != SessionStatus::Active {
        return Ok(Verified::Inactive(Inactive::Over("ended")));
    }
    Ok(Verified::Active(Box::new(ActiveSession {
        session: view,
        tenant: account.head.tenant.clone(),
        user: account.head.user.clone(),
        device_status,
        authenticated_at: account.last_authenticated_at(session),
    })))
}
