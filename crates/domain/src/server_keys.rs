//! What retiring a server key does to an account, and to a tenant's API keys: nothing is left that only that key could check.

use crate::event::About;
use crate::{Account, ApiKeyId, Cause, DeviceId, EventKind, KeyId, Moment, Refusal, Tenancy};

impl Account {
    /// Ends the sessions and offers whose tokens are under a server key, and forgets the device tokens that are: whoever brings
    /// one is a stranger then, and no 503. A hijacked device's stay, since they yield `deny` for ever.
    pub fn retire_server_key(&mut self, moment: &mut Moment<'_>, key: KeyId) {
        let ended = self.end_sessions(moment.now, Cause::ServerKeyRetired, |session| session.token.key == key);
        if ended > 0 {
            self.record(moment, EventKind::SessionsEnded, About::default().because(Cause::ServerKeyRetired).with("sessions_ended", ended));
        }
        self.cancel_offers(moment.now, |offer| offer.token.key == key);
        let mut stranded: Vec<DeviceId> = vec![];
        for device in self.devices.iter_mut().filter(|device| device.hijacked_at.is_none()) {
            if device.tokens.forget_under(key) && !device.tokens.can_be_shown() {
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
    /// Revokes the API keys whose texts are under a server key. How many were good still.
    ///
    /// # Errors
    /// None but what [`Tenancy::revoke_key`] has.
    pub fn retire_server_key(&mut self, moment: &mut Moment<'_>, key: KeyId) -> Result<usize, Refusal> {
        // A text that a rotation replaced goes alone, as if its overlap had passed.
        for api_key in &mut self.keys {
            api_key.former = api_key.former.take().filter(|(hash, _)| hash.key != key);
        }
        let under: Vec<ApiKeyId> = self.keys.iter().filter(|held| held.hash.key == key && held.is_live(moment.now)).map(|held| held.id).collect();
        for &id in &under {
            self.revoke_key(moment, id)?;
        }
        Ok(under.len())
    }
}
