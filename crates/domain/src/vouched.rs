//! Devices that a host's key vouches for, by a value of its own that it calls the device's fingerprint.

use serde_json::Map;

use crate::event::About;
use crate::fingerprint::Mark;
use crate::refusal::FactorMissing;
use crate::{
    Account, Binding, Cause, Device, DeviceId, DeviceTokens, EventKind, Fingerprint, KeyRing, Likeness, Moment, Part, Parts, Refusal, Seen, Timestamp, Trust,
    Voucher,
};

/// What a host says of a device that it vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The host's own value for it: 1 to 512 characters, compared to the byte.
    pub fingerprint: String,
    /// How the host describes it; without a user agent.
    pub seen: Seen,
    /// Its network, where the host says its address: without one it is never recognised.
    pub network: Option<String>,
    /// A name for it, where it has none yet.
    pub name: Option<String>,
}

impl Vouched {
    /// By what it is recognised: the value as one opaque part, and the network.
    fn parts(&self) -> Parts {
        Parts::default().with_attribute("", Some(&self.fingerprint)).with(Part::Network, self.network.as_deref().unwrap_or_default())
    }
}

impl Account {
    /// Trusts the device of this value for a host, and makes it if there is none: to say it twice renews the grant. The trust is
    /// tied by likeness, the weakest binding. Once a second factor was verified on it, a host's word adds nothing: it stays
    /// as it is while it is trusted, and is trusted anew by that factor, as by any that a host states.
    ///
    /// # Errors
    /// `DeviceHijacked` where a device of this value was reported, though it may be forgotten, until it is released; and as
    /// [`Account::gate`].
    pub fn vouch(&mut self, moment: &mut Moment<'_>, vouched: &Vouched) -> Result<DeviceId, Refusal> {
        self.record_creation(moment);
        let is_named = |device: &&Device| device.given_fingerprint.as_deref() == Some(&*vouched.fingerprint);
        // One that was released began again as another.
        let named = self.devices.iter().filter(is_named).filter(|device| device.stands() && device.released_at.is_none());
        let Some(known) = named.min_by_key(|device| !device.is_denied()) else {
            let id = self.add_vouched(moment, vouched)?;
            return self.trust(moment, Voucher::KeyAlone, id).map(|_| id);
        };
        let id = known.id;
        if known.is_denied() {
            return Err(Refusal::DeviceHijacked);
        }
        if known.is_vouched_for_alone() {
            self.describe(moment, id, vouched)?;
            self.trust(moment, Voucher::KeyAlone, id)?;
        } else if !known.is_trusted(self, moment.now) {
            let factor = known.last_factor.ok_or(Refusal::MfaRequired(FactorMissing::NotOnThatDevice))?;
            // What somebody ended, a factor from before doesn't begin anew without their doing; nor does it take back a No.
            if let Trust::Ended(ending) = known.trust(self, moment.now)
                && ending.cause != Cause::Expired
                && factor.verified_at <= ending.at
            {
                return Err(Refusal::MfaRequired(FactorMissing::BeforeChange));
            }
            let declined_at = known.declined_at;
            self.trust_for_host(moment, id, factor)?;
            self.device_mut(id)?.declined_at = declined_at;
        }
        Ok(id)
    }

    /// Takes what a host says of a device anew; what it leaves out stays. What was seen of it at a sign-in says more.
    fn describe(&mut self, moment: &mut Moment<'_>, id: DeviceId, vouched: &Vouched) -> Result<(), Refusal> {
        let print = vouched.network.is_some().then(|| self.print(moment.keys, &vouched.parts()));
        let target = self.device_mut(id)?;
        if let Some(print) = print {
            target.fingerprint = print;
        }
        if target.seen.user_agent.is_empty() {
            target.seen.ip = if vouched.network.is_some() { vouched.seen.ip } else { target.seen.ip };
            target.seen.device_info = vouched.seen.device_info.clone().or_else(|| target.seen.device_info.take());
        }
        target.last_seen_at = target.last_seen_at.max(moment.now);
        match vouched.name.as_deref().filter(|_| target.name.is_none()) {
            Some(name) => self.rename(moment, id, name),
            None => Ok(()),
        }
    }

    fn add_vouched(&mut self, moment: &mut Moment<'_>, vouched: &Vouched) -> Result<DeviceId, Refusal> {
        self.make_room_for_device(moment)?;
        let id = DeviceId(moment.mint.uuid(moment.now));
        let fingerprint = self.print(moment.keys, &vouched.parts());
        self.devices.push(Device {
            id,
            // It has no token until somebody passes a second factor on it.
            tokens: DeviceTokens::default(),
            generation: 1,
            name: None,
            grant: None,
            granted_on: None,
            trust_ended: None,
            last_factor: None,
            seen: vouched.seen.clone(),
            fingerprint,
            given_fingerprint: Some(vouched.fingerprint.clone()),
            looks_like: None,
            metadata: Map::new(),
            declined_at: None,
            hijacked_at: None,
            released_at: None,
            forgotten_at: None,
            created_at: moment.now,
            last_seen_at: moment.now,
        });
        self.record(moment, EventKind::DeviceAdded, About::device(id));
        if let Some(name) = vouched.name.as_deref() {
            self.rename(moment, id, name)?;
        }
        Ok(id)
    }

    /// Ends the trust of every trusted device that shows hosts this value, as [`Account::untrust`] does.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub fn untrust_shown(&mut self, moment: &mut Moment<'_>, value: &str) -> Result<(), Refusal> {
        let shows = |device: &&Device| device.is_trusted(self, moment.now) && device.shown_to_hosts(&self.head.tenant, moment.keys) == value;
        let shown: Vec<DeviceId> = self.devices.iter().filter(shows).map(|device| device.id).collect();
        if shown.is_empty() {
            return Err(Refusal::NotFound);
        }
        shown.into_iter().try_for_each(|id| self.untrust(moment, id, None, false))
    }
}

impl Device {
    /// The value derived from its fingerprint, which proves nothing: what people are shown. Empty where there is nothing to derive it from.
    #[must_use]
    pub fn shown_fingerprint(&self, tenant: &crate::TenantId, keys: &KeyRing) -> String {
        // Under a server key that this node lacks there is nothing to show it by.
        let pepper = self.fingerprint.pepper.and_then(|id| keys.pepper(tenant, id));
        pepper.map(|pepper| self.fingerprint.shown(&pepper)).unwrap_or_default()
    }

    /// What hosts are shown as its fingerprint: the value that was given for it, else the derived one.
    #[must_use]
    pub fn shown_to_hosts(&self, tenant: &crate::TenantId, keys: &KeyRing) -> String {
        self.given_fingerprint.clone().unwrap_or_else(|| self.shown_fingerprint(tenant, keys))
    }

    /// How much an attempt looks like it. While a host's word is all that is known of it, the value alone says that, and the
    /// network; once a second factor was verified on it, its looks count as any other's.
    pub(crate) fn likeness(&self, taken: &Fingerprint, parts: &Parts) -> Likeness {
        let Some(value) = self.vouched_value() else { return Likeness::between(&self.fingerprint, taken, parts) };
        let says = |kept: &Mark| taken.mark(kept).is_some_and(|mark| mark.says(kept));
        let network = self.fingerprint.marks().iter().find(|mark| mark.part == Part::Network);
        Likeness::by_value(says(value), network.is_some_and(says))
    }

    /// The digest of the given value, while nothing else is known of the device.
    fn vouched_value(&self) -> Option<&Mark> {
        self.given_fingerprint.as_ref()?;
        let (mut value, mut others) = (None, false);
        for mark in self.fingerprint.marks() {
            match mark.part {
                Part::Attribute if mark.tag == 0 => value = Some(mark),
                Part::Network => {}
                _ => others = true,
            }
        }
        value.filter(|_| !others)
    }

    /// Whether a host's word is all that is known of it: nobody has passed a second factor on it that may seed trust.
    #[must_use]
    pub fn is_vouched_for_alone(&self) -> bool {
        // A copy took its factor, and a server key's retirement may have taken its tokens.
        let was_copied = self.trust_ended.is_some_and(|ending| ending.cause == Cause::DeviceTokenReused);
        self.given_fingerprint.is_some() && self.last_factor.is_none() && self.tokens.are_retired() && !was_copied
    }
}

impl Account {
    /// Of several devices that an attempt looks like, the one that it is: where a host took its word back from all others, or
    /// vouches for this one alone. Where one of them was reported hijacked, it may be that one.
    pub(crate) fn named_among(&self, alike: &[&(&Device, Likeness)], now: Timestamp) -> Option<DeviceId> {
        if alike.iter().any(|(device, _)| device.hijacked_at.is_some()) {
            return None;
        }
        let counts = |device: &Device| matches!(device.trust_by(Binding::Fingerprint, self, now), Trust::Held { .. });
        let left: Vec<_> = alike.iter().filter(|(device, _)| !device.is_vouched_for_alone() || counts(device)).collect();
        let mut named = left.iter().filter(|(device, _)| device.given_fingerprint.is_some() && counts(device));
        match (&left[..], named.next(), named.next()) {
            ([(only, like)], ..) => like.identifies().then_some(only.id),
            (_, Some((only, _)), None) => Some(only.id),
            _ => None,
        }
    }
}
