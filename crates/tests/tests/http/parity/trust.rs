//! Trust given, declined and ended by one surface, and devices that a host vouched for, in all.

use std::mem::replace;

use doorward_tests::host::{Answer, Host};
use serde_json::json;

use super::said::{Stands, every_surface_says, every_surface_says_live};
use super::ways::{DECLINE, HIJACK, TRUST, TRUST_ITSELF, UNTRUST};
use super::{Ana, by_each, done};

doorward_tests::on_each_engine! {
    trust_given_by_one_surface_is_seen_by_all,
    trust_ended_by_one_surface_is_over_in_all,
    an_offer_declined_by_one_surface_is_used_up_in_all,
    a_device_that_a_host_vouched_for_is_one_in_all,
    a_device_that_was_released_stays_hijacked_in_all,
}

async fn trust_given_by_one_surface_is_seen_by_all(host: Host) {
    for (deed, ways) in [("trust", TRUST), ("trust itself", TRUST_ITSELF)] {
        for (ana, after) in by_each(&host, deed, ways).await {
            every_surface_says(&ana, Stands::Trusted, &after).await;
            assert_eq!(ana.phone.judged().await.0, "allow", "{after}");
        }
    }
}

/// What becomes of the device's sessions: flashback ends them all, as its document says, the others those that had skipped.
async fn trust_ended_by_one_surface_is_over_in_all(host: Host) {
    for (number, way) in UNTRUST.iter().enumerate() {
        let mut ana = Ana::anew(&host, &format!("ana-{number}")).await;
        done(&(TRUST[0].act)(&ana).await, "trust");
        every_surface_says(&ana, Stands::Trusted, "trust").await;
        let skipped = ana.phone.enter_skipping().await;
        done(&(way.act)(&ana).await, way.surface);
        every_surface_says(&ana, Stands::Unverified, way.surface).await;
        assert_eq!(ana.phone.judged().await.0, "challenge", "{}", way.surface);
        every_surface_says_live(&ana, way.surface != "flashback", way.surface).await;
        let _proven = replace(&mut ana.on_phone, skipped);
        every_surface_says_live(&ana, false, &format!("{}, of one that skipped", way.surface)).await;
    }
}

async fn an_offer_declined_by_one_surface_is_used_up_in_all(host: Host) {
    for (mut ana, after) in by_each(&host, "decline", DECLINE).await {
        every_surface_says(&ana, Stands::Unverified, &after).await;
        let rows = host.rows().await;
        for way in TRUST_ITSELF[..2].iter().chain(DECLINE) {
            (way.act)(&ana).await.refused(404, "activation_not_found");
        }
        assert_eq!(host.rows().await, rows, "{after}");
        assert!(!ana.phone.enter().await.is_offered(), "{after}: it isn't asked again for a while");
    }
}

const VALUE: &str = "a value of the host's own";

async fn vouch(ana: &Ana) -> Answer {
    ana.authms("POST", "").json(&json!({ "user_id": ana.user, "device_fingerprint": VALUE, "browser": "Chrome", "os": "Windows" })).await
}

/// Somebody of whom the host vouched for a device, which is the one that is meant.
async fn vouched(host: &Host, user: &str) -> Ana {
    let mut ana = Ana::anew(host, user).await;
    ana.meant = Some(vouch(&ana).await.expect(200).text_at("/id"));
    ana
}

async fn a_device_that_a_host_vouched_for_is_one_in_all(host: Host) {
    let ana = vouched(&host, "ana").await;
    every_surface_says(&ana, Stands::Trusted, "create by authms").await;
    for way in UNTRUST {
        if way.surface == "authms" {
            done(&ana.authms("DELETE", &format!("/{}", VALUE.replace(' ', "%20"))).await, way.surface);
        } else {
            done(&(way.act)(&ana).await, way.surface);
        }
        every_surface_says(&ana, Stands::Unverified, way.surface).await;
        // Nobody passed a factor on it, so that the host's word is all there is.
        assert_eq!(vouch(&ana).await.expect(200).text_at("/id"), ana.device());
        every_surface_says(&ana, Stands::Trusted, "create again by authms").await;
    }
    for (number, way) in HIJACK.iter().enumerate() {
        let ana = vouched(&host, &format!("ana-{number}")).await;
        done(&(way.act)(&ana).await, way.surface);
        every_surface_says(&ana, Stands::Hijacked, way.surface).await;
        let rows = host.rows().await;
        // By what was given at a sign-in the phone is meant.
        for way in TRUST.iter().filter(|way| !way.surface.contains("given")) {
            let refused = (way.act)(&ana).await;
            assert!(matches!(refused.status, 403 | 409), "trust by {}: {} {}", way.surface, refused.status, refused.text);
        }
        vouch(&ana).await.refused(409, "device_hijacked");
        assert_eq!(host.rows().await, rows, "{}", way.surface);
        every_surface_says(&ana, Stands::Hijacked, way.surface).await;
    }
}

async fn a_device_that_was_released_stays_hijacked_in_all(host: Host) {
    for (mut ana, after) in by_each(&host, "hijack", HIJACK).await {
        assert_eq!(ana.phone.judged().await.0, "deny", "{after}");
        done(&ana.internal("POST", &format!("/devices/{}/release", ana.device())).await, "release");
        every_surface_says(&ana, Stands::Hijacked, &format!("{after}, then release")).await;
        every_surface_says_live(&ana, false, &format!("{after}, then release")).await;
        // Its owner's browser begins again, as another device.
        let old = ana.device();
        ana.on_phone = ana.phone.enter().await;
        assert_ne!(ana.device(), old, "{after}");
        every_surface_says(&ana, Stands::Unverified, "release").await;
    }
    let mut ana = vouched(&host, "vouched").await;
    done(&(HIJACK[0].act)(&ana).await, "hijack");
    done(&ana.internal("POST", &format!("/devices/{}/release", ana.device())).await, "release");
    let anew = vouch(&ana).await.expect(200).text_at("/id");
    every_surface_says(&ana, Stands::Hijacked, "release, then create by authms").await;
    ana.meant = Some(anew);
    every_surface_says(&ana, Stands::Trusted, "release, then create by authms").await;
}
