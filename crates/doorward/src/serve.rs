//! `doorward serve`: the service as it runs in earnest.

use std::sync::Arc;

use doorward_api::{Surfaces, all_router, internal_router, public_router};
use doorward_service::{Locations, NoLocations, SystemClock};

use crate::config::{Config, unknown_variables};
use crate::failure::Failure;
use crate::keys::key_ring;
use crate::location_file::LocationFile;
use crate::log;
use crate::node::{Doors, Ground, Node, bind};
use crate::reload::{Gather, Reload};
use crate::server::Tls;

/// Runs the service until it is told to stop.
pub(crate) async fn serve(gather: Gather) -> Result<(), Failure> {
    let given = gather()?;
    let reload = Reload::new(gather, &given)?;
    let config = Config::check(given)?;
    log::start(&config.log);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        database = %config.database,
        trusted_proxies = config.trusted_proxies.len(),
        dialects = config.dialects.on().map(|dialect| dialect.name()).collect::<Vec<_>>().join(","),
        "starting"
    );
    for name in unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        tracing::warn!("{name} is no setting, and is ignored. `doorward serve --help` lists them");
    }
    raise_file_limit(config.limits.max_connections);
    let public = bind(config.listen, "--listen")?;
    let internal = match config.internal_listen {
        Some(address) => Some(bind(address, "--internal-listen")?),
        None => None,
    };
    let file = config.location_database.as_deref().map(LocationFile::open).transpose()?;
    let keys = key_ring(&config.keys, &config.database)?;
    let locations = file.as_ref().map_or_else(|| Arc::new(NoLocations) as Arc<dyn Locations>, LocationFile::locations);
    let ground = Ground { database: &config.database, erasures: config.erasure_list.clone(), keys, locations };
    let doors = Doors { limits: config.limits, proxies: config.trusted_proxies.clone(), dialects: config.dialects, dev: false };
    let node = Node::open(ground, Arc::new(SystemClock::new()), doors).await?;
    let tls = match start(&node, &config, public, internal).await {
        Ok(tls) => tls,
        Err(failure) => {
            node.service.close().await;
            return Err(failure);
        }
    };
    if let Some(file) = &file {
        file.watch(node.stop());
    }
    tokio::spawn(reload.run(config, tls, file, node.stop()));
    node.run().await
}

/// Takes as many open files as the system allows: each connection is one.
fn raise_file_limit(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    // Some are for the database, the listeners and the log.
    if let Some(allowed) = allowed.filter(|allowed| *allowed < connections as u64 + 64) {
        tracing::warn!(allowed, connections, "the system allows fewer open files than max_connections asks for; raise the limit (LimitNOFILE, ulimit -n)");
    }
}

async fn start(node: &Node, config: &Config, public: tokio::net::TcpListener, internal: Option<tokio::net::TcpListener>) -> Result<Option<Tls>, Failure> {
    if let Some(bootstrap) = &config.bootstrap {
        node.bootstrap(bootstrap).await?;
    }
    let tls = match &config.tls {
        Some(files) => Some(Tls::start(files.clone(), node.stop())?),
        None => None,
    };
    node.take_commands(&config.database);
    let surfaces = Surfaces { session_cookie: config.session_cookie.as_deref().map(Arc::from), ..node.surfaces.clone() };
    match internal {
        Some(internal) => {
            node.listen("public", public, public_router(surfaces.clone()), tls.clone());
            node.listen("internal", internal, internal_router(surfaces).merge(node.health.metrics()), tls.clone());
        }
        None => node.listen("public", public, all_router(surfaces).merge(node.health.metrics()), tls.clone()),
    }
    Ok(tls)
}
