//! Activations: take an offer of trust up, or decline it.

use std::sync::Arc;

use doorward_domain::{Account, ActivationToken, Made, Moment, Once, Refusal, Tokens};
use doorward_store::{AccountKey, Need};

use crate::access::{Access, Backend, Own};
use crate::devices::Trusted;
use crate::once::{IdempotencyKey, gone};
use crate::views::JudgedDevice;
use crate::{DeviceView, Error, Service};

impl Service {
    /// Takes an offer up in the caller's own session.
    ///
    /// # Errors
    /// `Unauthenticated`, `ActivationNotFound`, `DeviceHijacked`, and as the gate.
    pub async fn activate(self: &Arc<Self>, access: &Access, token: &str, name: Option<String>, key: Option<&IdempotencyKey>) -> Result<Trusted, Error> {
        let parsed = ActivationToken::parse(token).ok();
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, own: Option<Own>, before: Option<&Once>| {
            let activated = match before {
                Some(once) => account.activated_again(moment, once)?,
                None => {
                    // Read after the caller was let in, so that a bad token tells nothing to nobody.
                    let token = mine(account, parsed.as_ref())?;
                    account.activate(moment, token, own.map(|own| own.session), name.as_deref())?
                }
            };
            let device = JudgedDevice::of(account, account.device(activated.device)?, moment.now, own);
            let tokens = Tokens { device_token: Some(activated.device_token.clone()), ..Tokens::default() };
            Ok(((device, activated.device_token), Made::with_tokens(moment.keys, None, activated.device, &tokens)))
        };
        let (device, device_token) = self.change_once(access, key, Need::standing, rule).await?;
        Ok(Trusted { device: self.show(device).await, device_token: Some(device_token) })
    }

    /// Declines an offer in the caller's own session.
    ///
    /// # Errors
    /// `Unauthenticated`, `ActivationNotFound`, `DeviceHijacked`.
    pub async fn decline(self: &Arc<Self>, access: &Access, token: &str, key: Option<&IdempotencyKey>) -> Result<DeviceView, Error> {
        let parsed = ActivationToken::parse(token).ok();
        let rule = move |account: &mut Account, moment: &mut Moment<'_>, own: Option<Own>, before: Option<&Once>| {
            let device = match before.and_then(|once| once.made.device) {
                Some(device) => device,
                None => account.decline(moment, mine(account, parsed.as_ref())?, own.map(|own| own.session))?,
            };
            let shown = JudgedDevice::of(account, account.device(device).map_err(gone)?, moment.now, own);
            Ok((shown, Made::with_tokens(moment.keys, None, device, &Tokens::default())))
        };
        Ok(self.show(self.change_once(access, key, Need::standing, rule).await?).await)
    }

    /// Takes an offer up for a host that keeps the device token itself.
    ///
    /// # Errors
    /// `ActivationNotFound`, also for another tenant's; `DeviceHijacked`; as the gate.
    pub async fn activate_for_host(
        self: &Arc<Self>,
        backend: &Backend,
        token: &str,
        name: Option<String>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Trusted, Error> {
        self.unknown_alike(token, self.activate(&backend.by_activation(token)?, token, name, key).await)
    }

    /// Declines an offer for a host.
    ///
    /// # Errors
    /// `ActivationNotFound`, also for another tenant's; `DeviceHijacked`.
    pub async fn decline_for_host(self: &Arc<Self>, backend: &Backend, token: &str, key: Option<&IdempotencyKey>) -> Result<DeviceView, Error> {
        self.unknown_alike(token, self.decline(&backend.by_activation(token)?, token, key).await)
    }

    /// An account that isn't there, or isn't the tenant's, is as unknown as the token, and takes as long to find out; and a host with a
    /// good key guesses nothing.
    fn unknown_alike<T>(&self, token: &str, answer: Result<T, Error>) -> Result<T, Error> {
        if let (Err(Error::Refused(Refusal::NotFound)), Ok(token)) = (&answer, ActivationToken::parse(token)) {
            self.keys.fits(&token, None)?;
        }
        answer.map_err(|error| match error {
            Error::Refused(Refusal::NotFound | Refusal::WrongSecret(_)) => Refusal::ActivationNotFound.into(),
            error => error,
        })
    }
}

impl Backend {
    /// The account that an activation token leads to.
    fn by_activation(&self, token: &str) -> Result<Access, Refusal> {
        let token = ActivationToken::parse(token).map_err(|_| Refusal::ActivationNotFound)?;
        Ok(self.at(AccountKey::Id(token.at.shard, token.at.account)))
    }
}

/// The token, if it names this account.
fn mine<'a>(account: &Account, token: Option<&'a ActivationToken>) -> Result<&'a ActivationToken, Refusal> {
    let token = token.filter(|token| (token.at.shard, token.at.account) == (account.head.shard, account.head.id));
    token.ok_or(Refusal::ActivationNotFound)
}
