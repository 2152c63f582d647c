//! What retiring a server key does to an account, and to a tenant's API keys: nothing is left that only that key could check.

use crate::event::About;
use crate::{Account, ApiKeyId, Cause, DeviceId, EventKind, KeyId, Moment, Refusal, Tenancy, Trust};

impl Account {
    /// Forgets the device tokens under a server key that nobody would miss: those that don't work any more, and those of devices
    /// without trust, whose bearer is a stranger then, and no 503. By force the rest too, and the sessions, offers and trust that
    /// are under it end. A hijacked device's tokens stay, since they yield `deny` for ever.
    pub fn retire_server_key(&mut self, moment: &mut Moment<'_>, key: KeyId, force: bool) {
        let now = moment.now;
        if force {
            let ended = self.end_sessions(now, Cause::ServerKeyRetired, |session| session.token.key == key);
            if ended > 0 {
                self.record(moment, EventKind::SessionsEnded, About::default().because(Cause::ServerKeyRetired).with("sessions_ended", ended));
            }
            self.cancel_offers(now, |offer| offer.token.key == key);
        }
        let trusted = self.devices.iter().filter(|device| matches!(device.trust(self, now), Trust::Held { .. }));
        let trusted: Vec<DeviceId> = trusted.map(|device| device.id).collect();
        let mut stranded: Vec<DeviceId> = vec![];
        for device in self.devices.iter_mut().filter(|device| device.hijacked_at.is_none()) {
            // One that a host alone vouched for has no token to miss.
            let missed = trusted.contains(&device.id) && device.tokens.can_be_shown();
            device.tokens.forget_under(key, now, force || !missed);
            if missed && !device.tokens.can_be_shown() {
                stranded.push(device.id);
            }
        }
        for device in stranded {
            if self.end_trust(moment, device, Cause::ServerKeyRetired) {
                self.record(moment, EventKind::DeviceUntrusted, About::device(device).because(Cause::ServerKeyRetired));
            }
        }
    }
}

impl Tenancy {
    /// Forgets the former texts under a server key whose overlap has passed. By force the others too, and the API keys whose
    /// texts are under it are revoked.
    ///
    /// # Errors
    /// None but what [`Tenancy::revoke_key`] has.
    pub fn retire_server_key(&mut self, moment: &mut Moment<'_>, key: KeyId, force: bool) -> Result<(), Refusal> {
        let now = moment.now;
        for api_key in &mut self.keys {
            api_key.requests.retain(|request| request.key.key != key);
            api_key.former = api_key.former.take().filter(|(hash, until)| hash.key != key || (now < *until && !force));
        }
        let under: Vec<ApiKeyId> = self.keys.iter().filter(|held| force && held.hash.key == key && held.is_live(now)).map(|held| held.id).collect();
        for id in under {
            self.revoke_key(moment, id)?;
        }
        Ok(())
    }
}
