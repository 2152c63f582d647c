//! Laws of tenants and API keys: small, read everywhere, changed in one place.

use std::sync::Arc;

use doorward_domain::{
    ApiKey, ApiKeyId, Binding, Ends, KeyId, KeyRequest, KeyedHash, MfaMethod, OnSignal, Policy, Preset, Role, RowChanges, Rules, SecurityEvent, SessionsEnded,
    Tenancy, Tenant, Timestamp,
};
use doorward_service::{Clock as _, SystemClock};
use doorward_store::{Store, StoreError};
use doorward_tests::{Home, Person, after, at_once, just_before, mint, moment_with, start, tenant, tenant_id, tenant_with};
use uuid::Uuid;

doorward_tests::on_each_engine! {
    a_tenant_comes_back_as_it_was_made,
    a_tenant_is_made_once,
    a_tenants_change_reaches_the_next_read_and_the_next_rule,
    changes_of_a_tenant_are_not_lost_under_sixty_four_at_once,
    an_unknown_tenant_is_not_changed,
    an_api_key_is_found_by_its_hash_alone,
    an_api_key_that_is_there_already_is_refused_whole,
    what_is_added_once_is_added_once_ever,
    no_name_is_taken_by_the_stores_own_facts,
    server_keys_must_fit_those_on_record,
    a_database_on_another_machine_tells_its_own_time,
    the_latest_moment_never_goes_back,
    of_sixty_four_moments_at_once_the_latest_stays,
    a_tenant_is_made_with_its_first_event_or_not_at_all,
    a_rule_over_all_tenants_is_one_commit,
    a_look_at_a_database_beside_its_server_changes_nothing,
    what_a_rule_does_to_a_tenant_its_keys_and_its_trail_is_one_commit,
    a_key_whose_hash_was_replaced_is_found_by_the_new_one_alone,
}

fn key(number: u8) -> ApiKey {
    ApiKey {
        id: ApiKeyId(Uuid::now_v7()),
        tenant: tenant_id("acme"),
        name: "the login".to_owned(),
        role: Role::Host,
        hash: KeyedHash { key: KeyId(7), hash: [number; 32] },
        former: None,
        created_at: start(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        requests: vec![],
    }
}

async fn a_tenant_comes_back_as_it_was_made((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let mut rows = RowChanges::default();
    rows.set(SecurityEvent::RoleElevated, Ends { trust: false, sessions: SessionsEnded::None });
    rows.set(SecurityEvent::PasswordChanged, Ends { trust: true, sessions: SessionsEnded::All });
    let strict = Rules {
        device_trust: true,
        trust_for_s: 60,
        trust_max_s: 31_536_000,
        device_token_rotate_s: 31_536_000,
        activation_ttl_s: 30,
        offer_again_after_s: 0,
        recent_mfa_s: 30,
        recent_auth_s: 86_400,
        session_idle_s: 60,
        session_absolute_s: 31_536_000,
        max_devices: 200,
        max_sessions: 1_000,
        trust_binding: Binding::Fingerprint,
        fingerprint_trust_max_s: 7_200,
        trust_methods: MfaMethod::ALL.to_vec(),
        require_second_factor: true,
        new_country: OnSignal::Challenge,
        impossible_travel: OnSignal::Challenge,
        on_security_event: rows,
        sign_out_everywhere_spares_own_trust: false,
        retain_ips_s: 86_400,
        retain_fingerprints_s: 86_401,
        retain_sign_ins_s: 86_402,
        retain_sessions_s: 86_403,
        retain_events_s: 315_360_000,
    };
    let mut changed = Tenant { policy: Policy::custom(strict.clone()).expect("valid"), ..tenant("changed") };
    for (number, preset) in [Preset::NistAal3, Preset::NistAal1, Preset::Consumer].into_iter().enumerate() {
        changed.choose(Policy::preset(preset), after(u32::try_from(number).expect("few")));
    }
    assert_eq!(changed.past_limits.len(), 3);
    let lax = Rules { device_trust: false, trust_methods: vec![], trust_binding: Binding::Token, max_devices: 1, max_sessions: 1, ..strict.clone() };
    let mut made: Vec<Tenant> = Preset::ALL.iter().map(|preset| Tenant { policy: Policy::preset(*preset), ..tenant(preset.as_str()) }).collect();
    made.push(Tenant { policy: Policy::custom(strict).expect("valid"), fenced_at: Some(after(1)), ..tenant("0") });
    made.push(Tenant { policy: Policy::custom(lax).expect("valid"), sessions_gen: i64::MAX, trust_gen: 0, ..tenant(&"a".repeat(63)) });
    made.push(changed);
    let aal2 = Policy::preset(Preset::NistAal2).rules().clone();
    let stricter = Policy::of(Preset::NistAal2, Rules { session_idle_s: 60, max_sessions: 1_000, ..aal2 }).expect("valid");
    made.push(Tenant { policy: stricter, policy_revision: 7, ..tenant("stricter") });
    for tenant in &made {
        store.create_tenant(tenant.clone()).await.expect("a new tenant");
    }
    let reopened = home.reopen(&store).await;
    for tenant in made {
        let found = reopened.tenant(tenant.id.clone()).await.expect("the store answers").expect("the tenant");
        assert_eq!(*found, tenant);
    }
}

async fn a_tenant_is_made_once((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let outcomes = at_once(16, |number| {
        let store = Arc::clone(&store);
        async move { store.create_tenant(Tenant { trust_gen: i64::try_from(number).expect("few"), ..tenant("acme") }).await }
    })
    .await;
    let winner = outcomes.iter().position(Result::is_ok).expect("one makes it");
    assert!(outcomes.iter().enumerate().all(|(number, outcome)| number == winner || matches!(outcome, Err(StoreError::Exists))));
    let found = store.tenant(tenant_id("acme")).await.expect("the store answers").expect("the tenant");
    assert_eq!(usize::try_from(found.trust_gen), Ok(winner));
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("tenant:")).count(), 1);
}

async fn a_tenants_change_reaches_the_next_read_and_the_next_rule(store: Arc<dyn Store>) {
    let ana = Person::new(&store, "acme", "ana").await;
    let opened = ana.enter(start()).await;
    for round in 1..20 {
        let idle = 600 + round;
        let tighten = Arc::new(move |tenant: &mut Tenant| tenant.policy = tenant_with("acme", |rules| rules.session_idle_s = idle).policy);
        assert!(doorward_tests::change_tenant(&store, tenant_id("acme"), tighten).await.expect("the store answers"));
        assert_eq!(store.tenant(tenant_id("acme")).await.expect("the store answers").expect("the tenant").policy.session_idle_s, idle);
        let read = store.session(opened.access_token.at).await.expect("the store answers").expect("the session");
        assert_eq!(read.tenant.policy.session_idle_s, idle);
        assert_eq!(ana.act(after(1), |account, _| Ok(account.tenant.policy.session_idle_s)).await, Ok(idle));
        let end = start().plus_s(idle);
        assert!(ana.is_in(&opened.access_token, just_before(end)).await && !ana.is_in(&opened.access_token, end).await);
    }
}

async fn changes_of_a_tenant_are_not_lost_under_sixty_four_at_once(store: Arc<dyn Store>) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    at_once(64, |number| {
        let store = Arc::clone(&store);
        async move {
            let change = Arc::new(move |tenant: &mut Tenant| if number % 2 == 0 { tenant.trust_gen += 1 } else { tenant.sessions_gen += 1 });
            assert!(doorward_tests::change_tenant(&store, tenant_id("acme"), change).await.expect("the store answers"));
        }
    })
    .await;
    let found = store.tenant(tenant_id("acme")).await.expect("the store answers").expect("the tenant");
    assert_eq!((found.trust_gen, found.sessions_gen), (33, 33));
}

async fn an_unknown_tenant_is_not_changed((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let before = home.rows().await;
    assert!(!doorward_tests::change_tenant(&store, tenant_id("nobody"), Arc::new(|tenant| tenant.trust_gen += 1)).await.expect("the store answers"));
    assert_eq!(home.rows().await, before);
}

async fn an_api_key_is_found_by_its_hash_alone((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let kept: Vec<ApiKey> = Role::ALL
        .iter()
        .zip(1..)
        .map(|(role, number)| ApiKey {
            role: *role,
            name: "é'\"".repeat(40),
            former: Some((key(number + 100).hash, after(3))),
            expires_at: Some(after(1)),
            revoked_at: Some(after(2)),
            last_used_at: Some(after(4)),
            requests: [true, false]
                .map(|unused| KeyRequest { key: key(number + 50).hash, request: key(number).hash, at: after(number.into()), unused })
                .to_vec(),
            ..key(number)
        })
        .collect();
    for key in &kept {
        assert!(store.add_api_key(key.clone(), None).await.expect("the store answers"));
    }
    let store = home.reopen(&store).await;
    for key in &kept {
        for hash in [&key.hash, &key.former.as_ref().expect("the text before").0] {
            assert_eq!(store.api_key(hash.clone()).await.expect("the store answers").as_deref(), Some(key));
        }
        // The same hash under another server key is another hash.
        let other = KeyedHash { key: KeyId(8), ..key.hash.clone() };
        assert_eq!(store.api_key(other).await.expect("the store answers"), None);
    }
}

async fn an_api_key_that_is_there_already_is_refused_whole((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let first = key(1);
    assert!(store.add_api_key(first.clone(), None).await.expect("the store answers"));
    let before = home.rows().await;
    let same_hash = ApiKey { role: Role::Admin, ..key(1) };
    let same_id = ApiKey { id: first.id, role: Role::Admin, ..key(2) };
    for again in [same_hash, same_id] {
        assert!(matches!(store.add_api_key(again, Some("bootstrap".to_owned())).await, Err(StoreError::Exists)));
        assert_eq!(home.rows().await, before, "nor is it recorded that it was added");
    }
    assert_eq!(store.api_key(first.hash.clone()).await.expect("the store answers").map(|key| key.role), Some(Role::Host));
    assert!(store.add_api_key(key(3), Some("bootstrap".to_owned())).await.expect("the store answers"));
}

async fn what_is_added_once_is_added_once_ever((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    let added = at_once(16, |number| {
        let store = Arc::clone(&store);
        async move { store.add_api_key(key(u8::try_from(number).expect("few")), Some("bootstrap".to_owned())).await.expect("the store answers") }
    })
    .await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let store = home.reopen(&store).await;
    assert!(!store.add_api_key(key(99), Some("bootstrap".to_owned())).await.expect("the store answers"), "nor after opening anew");
    assert_eq!(store.api_key(key(99).hash).await.expect("the store answers"), None);
    assert!(store.add_api_key(key(100), Some("another".to_owned())).await.expect("the store answers"));
}

/// The store's own facts and the names given for `once` never meet.
async fn no_name_is_taken_by_the_stores_own_facts(store: Arc<dyn Store>) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    store.record_moment(after(5)).await.expect("the store answers");
    store.ready().await.expect("the store is ready");
    for (name, number) in [("latest_moment", 1), ("readiness_probe", 2)] {
        assert!(store.add_api_key(key(number), Some(name.to_owned())).await.expect("the store answers"), "{name}");
    }
    assert_eq!(store.latest_moment().await.expect("the store answers"), Some(after(5)));
}

async fn server_keys_must_fit_those_on_record((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let (a, b, c) = ((KeyId(1), [1; 16]), (KeyId(2), [2; 16]), (KeyId(u32::MAX), [255; 16]));
    let misfit = |answer: Result<(), StoreError>| matches!(answer, Err(StoreError::Misconfigured(_)));
    assert_eq!(store.server_keys().await.expect("the store answers"), []);
    store.check_keys(vec![a]).await.expect("a new store takes any");
    store.check_keys(vec![a]).await.expect("the same again");
    assert!(misfit(store.check_keys(vec![b]).await), "a stranger");
    assert!(misfit(store.check_keys(vec![(KeyId(1), [9; 16])]).await), "a damaged key");
    assert!(misfit(store.check_keys(vec![(KeyId(1), [9; 16]), a]).await), "a damaged key beside the right one");
    store.check_keys(vec![a, b]).await.expect("a key to come stands second");
    assert!(misfit(store.check_keys(vec![b]).await), "and isn't on record before it was first");
    store.check_keys(vec![b, a]).await.expect("now it is first, beside the old one");
    store.check_keys(vec![b]).await.expect("and may stand alone");
    let store = home.reopen(&store).await;
    store.check_keys(vec![b]).await.expect("also after opening anew");
    store.check_keys(vec![a]).await.expect("the old one is known still");
    store.check_keys(vec![c, b]).await.expect("and another");
    assert!(misfit(store.check_keys(vec![(c.0, [0; 16])]).await));
    assert_eq!(store.server_keys().await.expect("the store answers"), [a.0, b.0, c.0]);
    store.forget_server_key(a.0).await.expect("the store answers");
    assert_eq!(store.server_keys().await.expect("the store answers"), [b.0, c.0]);
    assert!(misfit(store.check_keys(vec![a]).await), "a stranger again");
    store.check_keys(vec![c, a]).await.expect("behind another it may stay");
    assert_eq!(store.server_keys().await.expect("the store answers"), [b.0, c.0]);
}

async fn a_database_on_another_machine_tells_its_own_time((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let told = store.clock().await.expect("the store answers");
    assert_eq!(told.is_none(), home.file().is_some());
    // The tests' server runs on this machine.
    let now = SystemClock::new().now();
    assert!(told.is_none_or(|told| told.plus_s(60) > now && now.plus_s(60) > told), "{told:?} {now}");
}

async fn the_latest_moment_never_goes_back((store, home): (Arc<dyn Store>, Arc<Home>)) {
    assert_eq!(store.latest_moment().await.expect("the store answers"), None);
    let mut latest = Timestamp::from_micros(0);
    // Of different lengths as texts, so that an order by letters would be found out.
    for micros in [5, 3, 40, 39, 1_000_000, 999_999, 2, i64::MAX, 1] {
        store.record_moment(Timestamp::from_micros(micros)).await.expect("the store answers");
        latest = latest.max(Timestamp::from_micros(micros));
        assert_eq!(store.latest_moment().await.expect("the store answers"), Some(latest));
    }
    let store = home.reopen(&store).await;
    assert_eq!(store.latest_moment().await.expect("the store answers"), Some(latest));
}

async fn of_sixty_four_moments_at_once_the_latest_stays(store: Arc<dyn Store>) {
    at_once(64, |number| {
        let store = Arc::clone(&store);
        async move { store.record_moment(after(u32::try_from(number * 37 % 64).expect("few"))).await.expect("the store answers") }
    })
    .await;
    assert_eq!(store.latest_moment().await.expect("the store answers"), Some(after(63)));
}

async fn what_a_rule_does_to_a_tenant_its_keys_and_its_trail_is_one_commit((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    assert!(store.add_api_key(key(1), None).await.expect("the store answers"));
    let before = home.rows().await;
    let refused = store.administer(tenant_id("acme"), |tenancy| {
        tenancy.fence(&mut moment_with(after(1), mint()));
        tenancy.keys.clear();
        Err::<(), _>("no")
    });
    assert_eq!(refused.await.expect("the store answers"), Some(Err("no")));
    assert_eq!(home.rows().await, before);
    assert_eq!(store.administer(tenant_id("nobody"), |_| Ok::<(), ()>(())).await.expect("the store answers"), None);

    let done = store.administer(tenant_id("acme"), |tenancy| {
        tenancy.fence(&mut moment_with(after(1), mint()));
        tenancy.keys[0].revoked_at = Some(after(1));
        tenancy.keys.push(key(2));
        Ok::<_, ()>(tenancy.tenant.last_event)
    });
    assert_eq!(done.await.expect("the store answers"), Some(Ok(1)));
    for reopened in [false, true] {
        let store = if reopened { home.reopen(&store).await } else { Arc::clone(&store) };
        let found = store.tenant(tenant_id("acme")).await.expect("the store answers").expect("the tenant");
        assert_eq!((found.sessions_gen, found.trust_gen, found.fenced_at, found.last_event), (2, 2, Some(after(1)), 1));
        let live = |number| store.api_key(key(number).hash);
        assert_eq!(live(1).await.expect("the store answers").and_then(|key| key.revoked_at), Some(after(1)));
        assert_eq!(live(2).await.expect("the store answers").map(|key| key.revoked_at), Some(None));
    }
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("event:")).count(), 1);
}

async fn a_key_whose_hash_was_replaced_is_found_by_the_new_one_alone((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    store.create_tenant(tenant("other")).await.expect("a new tenant");
    assert!(store.add_api_key(key(1), None).await.expect("the store answers"));
    let replaced = store.administer(tenant_id("acme"), |tenancy| {
        tenancy.keys[0].hash = key(2).hash;
        Ok::<_, ()>(())
    });
    assert_eq!(replaced.await.expect("the store answers"), Some(Ok(())));
    let taken = store.administer(tenant_id("other"), |tenancy| {
        tenancy.keys.push(ApiKey { tenant: tenant_id("other"), ..key(2) });
        Ok::<_, ()>(())
    });
    assert!(matches!(taken.await, Err(StoreError::Exists)), "a hash opens one key");
    for reopened in [false, true] {
        let store = if reopened { home.reopen(&store).await } else { Arc::clone(&store) };
        assert_eq!(store.api_key(key(1).hash).await.expect("the store answers"), None);
        assert!(store.api_key(key(2).hash).await.expect("the store answers").is_some_and(|key| key.tenant == tenant_id("acme")));
    }
}

async fn a_tenant_is_made_with_its_first_event_or_not_at_all((store, home): (Arc<dyn Store>, Arc<Home>)) {
    let made = |slug: &str| Tenancy::create(&mut moment_with(start(), mint()), tenant_id(slug), Policy::preset(Preset::Consumer));
    let first = made("a");
    for tenancy in [made("b"), made("a-1"), first.clone(), made("c")] {
        store.create_tenant(tenancy).await.expect("a new tenant");
    }
    let before = home.rows().await;
    assert_eq!(before.iter().filter(|row| row.starts_with("event:")).count(), 4);
    assert!(matches!(store.create_tenant(made("a")).await, Err(StoreError::Exists)));
    assert_eq!(home.rows().await, before);
    for reopened in [false, true] {
        let store = if reopened { home.reopen(&store).await } else { Arc::clone(&store) };
        let tenants = store.tenants().await.expect("the store answers");
        let named: Vec<_> = tenants.iter().map(|tenant| tenant.id.as_str()).collect();
        assert_eq!(named, ["a", "a-1", "b", "c"], "by their ids");
        assert_eq!(**tenants.first().expect("one"), first.tenant);
    }
}

async fn a_rule_over_all_tenants_is_one_commit((store, home): (Arc<dyn Store>, Arc<Home>)) {
    for slug in ["b", "a"] {
        store.create_tenant(tenant(slug)).await.expect("a new tenant");
    }
    assert!(store.add_api_key(ApiKey { tenant: tenant_id("a"), ..key(1) }, None).await.expect("the store answers"));
    let second = ApiKey { tenant: tenant_id("b"), ..key(2) };
    assert!(store.add_api_key(second.clone(), None).await.expect("the store answers"));
    let before = home.rows().await;
    let refused = store.administer_all(|tenancies| {
        tenancies.iter_mut().for_each(|tenancy| tenancy.fence(&mut moment_with(after(1), mint())));
        Err::<(), _>("no")
    });
    assert_eq!(refused.await.expect("the store answers"), Err("no"));
    assert_eq!(home.rows().await, before);
    let panicked = store.administer_all(|tenancies| {
        tenancies[0].fence(&mut moment_with(after(1), mint()));
        if tenancies.len() == 2 { panic!("on purpose") } else { Ok::<(), ()>(()) }
    });
    assert!(matches!(panicked.await, Err(StoreError::Panicked(_))));
    assert_eq!(home.rows().await, before);

    let kept = second.id;
    let done = store.administer_all(move |tenancies| {
        let slugs: Vec<String> = tenancies.iter().map(|tenancy| tenancy.tenant.id.to_string()).collect();
        let mut moment = moment_with(after(1), mint());
        let ended: Vec<usize> = tenancies.iter_mut().map(|tenancy| tenancy.end_what_was_restored(&mut moment, &[kept])).collect();
        Ok::<_, ()>((slugs, ended))
    });
    assert_eq!(done.await.expect("the store answers"), Ok((vec!["a".to_owned(), "b".to_owned()], vec![1, 0])));
    for reopened in [false, true] {
        let store = if reopened { home.reopen(&store).await } else { Arc::clone(&store) };
        for slug in ["a", "b"] {
            let found = store.tenant(tenant_id(slug)).await.expect("the store answers").expect("the tenant");
            assert_eq!((found.sessions_gen, found.trust_gen, found.fenced_at), (2, 2, Some(after(1))));
        }
        let revoked = |number| store.api_key(key(number).hash);
        assert_eq!(revoked(1).await.expect("the store answers").map(|key| key.revoked_at), Some(Some(after(1))));
        assert_eq!(revoked(2).await.expect("the store answers").map(|key| key.revoked_at), Some(None));
    }
    assert_eq!(home.rows().await.iter().filter(|row| row.starts_with("event:")).count(), 2);
}

async fn a_look_at_a_database_beside_its_server_changes_nothing((store, home): (Arc<dyn Store>, Arc<Home>)) {
    store.create_tenant(tenant("acme")).await.expect("a new tenant");
    assert!(store.add_api_key(key(1), Some("bootstrap_api_key".to_owned())).await.expect("the store answers"));
    assert!(store.add_api_key(ApiKey { expires_at: Some(after(1)), ..key(2) }, None).await.expect("the store answers"));
    store.check_keys(vec![(KeyId(7), [7; 16])]).await.expect("a new store takes any");
    store.record_moment(after(3)).await.expect("recorded");
    let before = home.rows().await;
    for thorough in [false, true] {
        let found = doorward_store::inspect(home.database(), thorough, start()).await.expect("it can be looked at");
        assert_eq!((found.schema, found.faults), (doorward_store::Schema::Current, vec![]));
        assert_eq!((found.latest_moment, found.server_keys), (Some(after(3)), vec![(KeyId(7), [7; 16])]));
        assert_eq!((found.bootstrapped, found.endless_keys), (true, 1));
        assert_eq!(found.settings.is_empty(), home.file().is_some());
    }
    assert_eq!(home.rows().await, before);
    home.tamper("UPDATE schema_migration SET checksum = checksum + 1 WHERE number = 1").await;
    let found = doorward_store::inspect(home.database(), false, start()).await.expect("it can be looked at");
    assert_eq!(found.schema, doorward_store::Schema::Other(1));
}
