//! Sign-ins: evaluate, complete, open a session directly, and look back at what was decided.

use std::sync::Arc;

use doorward_domain::{
    AccessToken, Account, ActivationToken, Attempt, Completion, DeviceId, DeviceToken, Factor, Fingerprint, Location, Made, MfaMethod, Moment, NewAccount,
    Once, Opened, Presented, Refusal, SecondFactor, SessionId, SignIn, SignInId, Timestamp, Tokens, UserId, not_in_future,
};
use doorward_store::{Need, Page, Rows};

use crate::access::{Access, Backend};
use crate::looks::Looks;
use crate::once::{Effect, IdempotencyKey, gone};
use crate::pages::List;
use crate::sessions::offer_ends_at;
use crate::views::JudgedDevice;
use crate::{DeviceView, Error, PageRequest, Paged, Service, SessionView};

/// What a host says of an attempt to sign in.
#[derive(Debug, Clone)]
pub struct SignInRequest {
    /// Whose it is.
    pub user: UserId,
    /// What the request looked like.
    pub looks: Looks,
    /// A device token, or the raw cookie value with several.
    pub device_token: Option<String>,
    /// How the person signs in, in the host's words.
    pub login_method: String,
    /// The first factors' references.
    pub amr: Vec<String>,
    /// When the first factor was verified; now, if not said.
    pub authenticated_at: Option<Timestamp>,
    /// Whether the person has a second factor, and whether it was verified.
    pub second_factor: SecondFactor,
    /// That factor, where it was.
    pub mfa: Option<(MfaMethod, Option<Timestamp>)>,
    /// The host wants a second factor in any case.
    pub require_mfa: bool,
}

/// A sign-in as it was evaluated.
#[derive(Debug, Clone)]
pub struct SignInView {
    /// Its facts.
    pub sign_in: SignIn,
    /// The device that its token, or likeness, identified; in lists none.
    pub device: Option<DeviceView>,
    /// Where its address is, where that is known.
    pub location: Option<Location>,
    /// Where the earlier sign-in was that it is too far from, where one is and that is still known.
    pub travelled_from: Option<Location>,
}

/// What a completed sign-in gives.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// The session.
    pub session: SessionView,
    /// Its token.
    pub access_token: AccessToken,
    /// Its device.
    pub device: DeviceView,
    /// The device's new token, where it got one.
    pub device_token: Option<DeviceToken>,
    /// The chance to trust the device, and when it ends.
    pub activation: Option<(ActivationToken, Timestamp)>,
}

impl SignInRequest {
    fn attempt(&self, service: &Service, now: Timestamp) -> Result<Attempt, Refusal> {
        let authenticated_at = not_in_future("authenticated_at", self.authenticated_at.unwrap_or(now), now)?;
        let factor = self.mfa.map(|(method, at)| Factor::stated(method, at, None, now)).transpose()?;
        let seen = self.looks.seen();
        Ok(Attempt {
            parts: service.parts(&seen, &self.looks.attributes),
            fingerprint: Fingerprint::default(),
            seen,
            second_factor: self.second_factor,
            factor,
            require_mfa: self.require_mfa,
            login_method: self.login_method.clone(),
            amr: self.amr.clone(),
            authenticated_at,
        })
    }
}

impl Service {
    /// Evaluates a sign-in after the first factor: a lock-free read and one appended row, since completion judges again.
    ///
    /// # Errors
    /// `Invalid`, `AuthenticationOutdated`.
    pub async fn evaluate(self: &Arc<Self>, backend: &Backend, request: SignInRequest, key: Option<&IdempotencyKey>) -> Result<SignInView, Error> {
        self.agents_loaded().await;
        let now = self.clock.now();
        let attempt = request.attempt(self, now)?;
        let access = backend.user(request.user.clone());
        let need = Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, ..Need::default() };
        if key.is_none()
            && let Some(account) = self.store.account(access.at.clone(), need).await?
        {
            let mut moment = self.moment_of(now, backend.actor(), self.entropy.mint());
            // Erased meanwhile, the user is one seen for the first time.
            if let Some(sign_in) = account.evaluate(&mut moment, attempt.clone(), request.device_token.as_deref())?
                && self.store.append(&account.head, sign_in.clone()).await?
            {
                let device = identified(&account, &sign_in, now);
                return Ok(self.evaluated(sign_in, device).await);
            }
        }
        // A user seen for the first time, a device token of which more follows than the sign-in, or a key's record: all in one
        // transaction.
        let new = NewAccount::draw(&mut self.entropy.mint(), now);
        let need = move |now| Need { create: Some(new.clone()), ..Need::standing(now) };
        let shown = request.device_token.clone();
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _, before: Option<&Once>| {
            let sign_in = match before {
                Some(once) => account.sign_ins.iter().find(|sign_in| Some(sign_in.id) == once.made.sign_in).cloned().ok_or_else(|| gone(Refusal::NotFound))?,
                None => {
                    account.record_creation(moment);
                    let sign_in = account.evaluate_and_follow(moment, attempt.clone(), shown.as_deref())?;
                    account.sign_ins.push(sign_in.clone());
                    sign_in
                }
            };
            let device = identified(account, &sign_in, moment.now);
            let made = Made { sign_in: Some(sign_in.id), ..Made::default() };
            Ok(((sign_in, device), made))
        };
        let outcome = self.change_once(&access, key, need, rule).await;
        let (sign_in, device) = self.told_even_if_refused(&access, request.device_token, outcome).await?;
        Ok(self.evaluated(sign_in, device).await)
    }

    async fn evaluated(&self, sign_in: SignIn, device: Option<JudgedDevice>) -> SignInView {
        let device = match device {
            Some(device) => Some(self.show(device).await),
            None => None,
        };
        self.placed(sign_in, device)
    }

    fn placed(&self, sign_in: SignIn, device: Option<DeviceView>) -> SignInView {
        let (location, travelled_from) = (self.locate(sign_in.attempt.seen.ip), sign_in.travelled_from.and_then(|ip| self.locate(ip)));
        SignInView { sign_in, device, location, travelled_from }
    }

    /// Completes a sign-in when the host is done.
    ///
    /// # Errors
    /// `NotFound`, and as the domain's rule: everything is judged again.
    pub async fn complete(
        self: &Arc<Self>,
        backend: &Backend,
        id: SignInId,
        completion: Completion,
        key: Option<&IdempotencyKey>,
    ) -> Result<OpenedSession, Error> {
        let at = self.store.account_of(id).await?.ok_or(Refusal::NotFound)?;
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _, before: Option<&Once>| {
            let opened = match before {
                Some(once) => account.open_again(moment, once)?,
                None => account.complete(moment, id, completion.clone())?,
            };
            Opening::of(account, opened, moment)
        };
        let opening = self.change_once(&backend.at(at), key, move |now| Need::standing(now).with_sign_in(id), rule).await?;
        Ok(self.opened(opening).await)
    }

    /// Opens a session for a host that signs people in without evaluation.
    ///
    /// # Errors
    /// `Invalid`, `AuthenticationOutdated`, `SignInDenied`.
    pub async fn open_session(
        self: &Arc<Self>,
        backend: &Backend,
        request: SignInRequest,
        external_session_id: Option<String>,
        key: Option<&IdempotencyKey>,
    ) -> Result<OpenedSession, Error> {
        self.agents_loaded().await;
        let now = self.clock.now();
        let attempt = request.attempt(self, now)?;
        let access = backend.user(request.user.clone());
        let new = NewAccount::draw(&mut self.entropy.mint(), now);
        let need = move |now| Need { create: Some(new.clone()), ..Need::standing(now) };
        let shown = request.device_token.clone();
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, _, before: Option<&Once>| {
            let opened = match before {
                Some(once) => account.open_again(moment, once)?,
                None => {
                    let completion = Completion { external_session_id: external_session_id.clone(), ..Completion::default() };
                    account.sign_in_directly(moment, attempt.clone(), shown.as_deref(), completion)?
                }
            };
            Opening::of(account, opened, moment)
        };
        let outcome = self.change_once(&access, key, need, rule).await;
        Ok(self.opened(self.told_even_if_refused(&access, request.device_token, outcome).await?).await)
    }

    /// A refusal writes nothing of the attempt. A copy of a device token that came along with it is told all the same.
    async fn told_even_if_refused<T>(self: &Arc<Self>, access: &Access, shown: Option<String>, outcome: Result<T, Error>) -> Result<T, Error> {
        if matches!(outcome, Err(Error::Refused(_)))
            && let Some(shown) = shown
        {
            match self.change(access, Need::standing, move |account, moment, _| account.follow(moment, Some(&shown))).await {
                Ok(()) | Err(Error::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        outcome
    }

    async fn opened(&self, opening: Opening) -> OpenedSession {
        let Opening { session, device, opened, offer_ends_at } = opening;
        let activation = opened.activation.map(|token| (token, offer_ends_at));
        let session = self.show_session(session);
        OpenedSession { session, access_token: opened.access_token, device: self.show(device).await, device_token: opened.device_token, activation }
    }

    /// One sign-in: why it was decided as it was.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_sign_in(&self, backend: &Backend, id: SignInId) -> Result<SignInView, Error> {
        let at = self.store.account_of(id).await?.ok_or(Refusal::NotFound)?;
        self.get_user_sign_in(&backend.at(at), id).await
    }

    /// A sign-in of one user's, with the device that it identified.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_user_sign_in(&self, access: &Access, id: SignInId) -> Result<SignInView, Error> {
        let need = |_| Need { devices: Rows::Standing, sessions: Rows::Standing, raises: true, sign_in: Some(id), ..Need::default() };
        let view = |account: &Account, moment: &mut Moment<'_>, _| {
            let sign_in = account.sign_ins.first().cloned().ok_or(Refusal::NotFound)?;
            let device = identified(account, &sign_in, moment.now);
            Ok((sign_in, device))
        };
        let (sign_in, device) = self.read(access, need, view).await?;
        Ok(self.evaluated(sign_in, device).await)
    }

    /// A user's sign-ins, newest first.
    ///
    /// # Errors
    /// `Invalid` for a cursor that isn't this list's.
    pub async fn list_sign_ins(&self, access: &Access, request: &PageRequest) -> Result<Paged<SignInView>, Error> {
        let page = async {
            let account = self.read(access, |_| Need::default(), |account, _, _| Ok(account.head.id)).await?;
            let list = List { keys: &self.keys, name: "sign-ins", account };
            let before = list.open(request.cursor.as_deref())?;
            let need = |_| Need { sign_ins: Some(Page { before, limit: request.limit + 1 }), ..Need::default() };
            self.read(access, need, |account, _, _| list.cut(account.sign_ins.iter().cloned(), request, |sign_in| sign_in.id.0)).await
        };
        let Paged { items, next_cursor } = self.or_empty(access, request, "sign-ins", page.await)?;
        Ok(Paged { items: items.into_iter().map(|sign_in| self.placed(sign_in, None)).collect(), next_cursor })
    }
}

/// A completed sign-in, judged inside its transaction.
struct Opening {
    session: SessionView,
    device: JudgedDevice,
    opened: Opened,
    offer_ends_at: Timestamp,
}

impl Opening {
    fn of(account: &Account, opened: Opened, moment: &Moment<'_>) -> Effect<Self> {
        let now = moment.now;
        let own = Some(crate::access::Own { session: opened.session, device: opened.device });
        let session = find_session(account, opened.session, now, own)?;
        let device = JudgedDevice::of(account, account.device(opened.device)?, now, own);
        let tokens =
            Tokens { access_token: Some(opened.access_token.clone()), device_token: opened.device_token.clone(), activation: opened.activation.clone() };
        let made = Made::with_tokens(moment.keys, Some(opened.session), opened.device, &tokens);
        let offer_ends_at = offer_ends_at(account, made.offer, now);
        Ok((Self { session, device, offer_ends_at, opened }, made))
    }
}

fn find_session(account: &Account, id: SessionId, now: Timestamp, own: Option<crate::access::Own>) -> Result<SessionView, Refusal> {
    SessionView::of(account, account.session(id)?, now, own)
}

/// The device that a sign-in's token, or likeness, identified, as it stands.
fn identified(account: &Account, sign_in: &SignIn, now: Timestamp) -> Option<JudgedDevice> {
    let id: DeviceId = sign_in.device.filter(|_| sign_in.presented != Presented::Missing)?;
    let device = account.devices.iter().find(|device| device.id == id)?;
    Some(JudgedDevice::of(account, device, now, None))
}
