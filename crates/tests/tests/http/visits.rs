//! Commands beside the nodes that serve: of the machine that they are given on, nothing is left in the database.

use std::sync::Arc;

use doorward_domain::KeyRing;
use doorward_service::{NoLocations, Service, SystemClock, SystemEntropy};
use doorward_store::StoreError;
use doorward_tests::host::env::ErasureLines;
use doorward_tests::host::{Host, SERVER_KEY};

doorward_tests::on_each_engine! {
    a_command_leaves_neither_its_time_nor_its_server_key,
    a_command_is_refused_where_two_machines_differ_about_the_time,
}

/// A visit of a command that is given on a machine with this clock and these server keys.
async fn visit(host: &Host, clock: SystemClock, keys: &[[u8; 32]]) -> Result<Arc<Service>, StoreError> {
    let store = doorward_store::open_current(host.home().database()).await?;
    let service =
        Service::new(store, KeyRing::new(keys), Arc::new(clock), Arc::new(SystemEntropy::new()), Arc::new(ErasureLines::default()), Arc::new(NoLocations));
    match service.visit().await {
        Ok(()) => Ok(service),
        Err(failure) => {
            service.leave().await;
            Err(failure)
        }
    }
}

async fn a_command_leaves_neither_its_time_nor_its_server_key(host: Host) {
    host.lose_store().await;
    let rows = host.rows().await;
    for keys in [&[SERVER_KEY][..], &[[9; 32], SERVER_KEY], &[SERVER_KEY, [9; 32]]] {
        let service = visit(&host, SystemClock::new(), keys).await.expect("it is let in");
        assert_eq!(service.list_tenants().await.expect("the store answers").len(), 2);
        service.leave().await;
        assert_eq!(host.rows().await, rows);
    }
    let stranger = visit(&host, SystemClock::new(), &[[9; 32]]).await.err().expect("a stranger").to_string();
    assert!(stranger.contains("another server key"), "{stranger}");
    assert_eq!(host.rows().await, rows);
}

async fn a_command_is_refused_where_two_machines_differ_about_the_time(host: Host) {
    host.lose_store().await;
    let rows = host.rows().await;
    for (ahead_s, is_let_in) in [(290, true), (310, false), (366 * 86_400, false)] {
        let clock = SystemClock::new();
        clock.advance_s(ahead_s);
        let visited = visit(&host, clock, &[SERVER_KEY]).await;
        // On SQLite the database's machine is this one, and its clock is ours.
        let is_let_in = is_let_in || host.home().file().is_some();
        match visited {
            Ok(service) => service.leave().await,
            Err(failure) => assert!(!is_let_in && failure.to_string().contains("clock"), "{ahead_s}: {failure}"),
        }
        assert_eq!(host.rows().await, rows, "{ahead_s}");
    }
}
