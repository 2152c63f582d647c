//! What must hold after every act, of every row.

use std::collections::HashSet;

use doorward_domain::{DeviceStatus, Mint, SessionStatus, Trust};
use doorward_tests::moment_with;

use crate::doors::{Door, ring};
use crate::run::Run;

pub(crate) fn all<D: Door>(run: &mut Run<D>) {
    run.listen();
    devices(run);
    sessions(run);
    trail(run);
}

/// A device is trusted exactly while the model says so; reported or removed, it never is again.
fn devices<D: Door>(run: &Run<D>) {
    let account = run.door.whole();
    assert_eq!(account.devices.len(), run.model.devices.len());
    for device in &account.devices {
        let known = run.model.device(device.id);
        let trusted = device.status(account, run.now) == DeviceStatus::Trusted;
        assert_eq!(trusted, run.model.is_trusted(device.id, run.now), "device {}", device.id);
        assert_eq!((device.hijacked_at.is_some(), device.forgotten_at.is_some()), (known.hijacked, known.forgotten));
        assert_eq!(device.status(account, run.now) == DeviceStatus::Hijacked, known.hijacked);
        if known.forgotten || known.hijacked {
            assert!(!matches!(device.trust(account, run.now), Trust::Held { .. }), "nothing holds on a device that is gone");
        }
        if let Trust::Held { since, until } = device.trust(account, run.now) {
            let own = device.last_factor.expect("trust stands on a factor of the device's own");
            assert!(until <= own.verified_at.plus_s(account.tenant.policy.trust_max_s) && until <= since.plus_s(account.tenant.policy.trust_for_s));
        }
        // The token is kept as a hash, and opens the device while the model says so.
        let values = known.token.iter().map(|text| (text, "valid")).chain(known.superseded.iter().map(|text| (text, "superseded")));
        for (text, presented) in values {
            assert_eq!(account.present(ring(), Some(text), run.now).expect("the key is known").presented.as_str(), presented);
        }
    }
}

/// A session is active exactly while the model says so, its token opens it exactly then, and its limits never grow.
fn sessions<D: Door>(run: &Run<D>) {
    let account = run.door.whole();
    assert_eq!(account.sessions.len(), run.model.sessions.len());
    for (known, token) in run.model.sessions.iter().zip(&run.tokens) {
        let session = account.session(known.id).expect("no session is lost");
        let device = account.device_of(session).expect("nor its device");
        let active = session.status(device, account, run.now) == SessionStatus::Active;
        assert_eq!(active, run.model.is_active(known.id, run.now), "session {}: {:?}", known.id, session.status(device, account, run.now));
        assert_eq!(account.caller(&moment_with(run.now, Mint::new([0; 32])), token).is_ok(), active);
        assert_eq!(session.expires_at, known.ends_at, "an absolute end never moves");
        assert!(session.idle_expires_at(account) <= session.expires_at(account) && session.expires_at(account) <= known.ends_at);
        assert_eq!((session.factor, session.skipped_factor), (known.factor, known.skipped));
        assert!(!(session.skipped_factor && session.factor.is_some()), "what was skipped wasn't proved");
        assert_eq!(session.amr().iter().any(|reference| reference == "mfa"), known.factor.is_some());
        assert_eq!(session.acr() == "aal2", known.factor.is_some());
        assert_eq!(session.last_activity_at, known.last_activity_at);
        assert_eq!(session.ending(device, account, run.now).is_some(), !active, "what is over says why");
    }
    assert_eq!(account.live_sessions(run.now).count(), run.model.sessions.iter().filter(|session| run.model.is_active(session.id, run.now)).count());
}

/// The trail has no gaps, repeats no id and holds no secret.
fn trail<D: Door>(run: &Run<D>) {
    let account = run.door.whole();
    let mut ids = HashSet::new();
    for (number, event) in (1..).zip(&account.events) {
        assert_eq!(event.number, number);
        assert!(ids.insert(event.id));
        let data = serde_json::Value::Object(event.data.clone()).to_string();
        assert!(!data.contains("dws_") && !data.contains("dwd_") && !data.contains("dwa_"), "{data}");
    }
    assert_eq!(account.head.last_event, i64::try_from(account.events.len()).expect("few"));
    assert!(account.devices.iter().all(|device| ids.insert(doorward_domain::EventId(device.id.0))), "no id comes twice");
    assert!(account.sessions.iter().all(|session| ids.insert(doorward_domain::EventId(session.id.0))), "no id comes twice");
}
