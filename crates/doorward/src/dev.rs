//! `doorward dev`: the service and a small demo login on this machine, to try Doorward out.

mod clock;
mod welcome;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use doorward_api::all_router;
use doorward_service::{NoLocations, SystemClock};
use doorward_store::private::make_folder;
use tokio::net::TcpListener;

use crate::config::{Bootstrap, Database, KeySource, LogConfig};
use crate::failure::Failure;
use crate::keys::{key_ring, mint};
use crate::log::{self, LogFormat};
use crate::node::{Doors, Ground, Node, bind};
use crate::secret_file::read_or_make;
use clock::DevClock;
use welcome::Welcome;

/// The demo's tenant.
const TENANT: &str = "demo";

/// Runs both until they are told to stop.
pub(crate) async fn dev(listen: SocketAddr, demo_listen: SocketAddr, data_dir: &Path, log: LogConfig) -> Result<(), Failure> {
    for (flag, address) in [("--listen", listen), ("--demo-listen", demo_listen)] {
        if !address.ip().is_loopback() {
            return Err(Failure::of_settings(format!(
                "{flag} {address}: dev is for this machine alone, since its clock can be moved by anyone who reaches it. Use 127.0.0.1, or `doorward serve`."
            )));
        }
    }
    log::start(&LogConfig { format: log.format.or(Some(LogFormat::Text)), ..log });
    let (socket, demo_socket) = (bind(listen, "--listen")?, bind(demo_listen, "--demo-listen")?);
    let (address, demo_address) = (local(&socket)?, local(&demo_socket)?);
    make_folder(data_dir).map_err(|error| Failure::new(format!("{} can't be made: {error}. Choose another place: --data-dir DIR", data_dir.display())))?;

    let database = Database::in_dir(data_dir);
    let keys = key_ring(&KeySource::beside(&database), &database)?;
    let system_clock = Arc::new(SystemClock::new());
    let clock = DevClock::restore(Arc::clone(&system_clock), data_dir)?;
    let ground = Ground { database: &database, erasures: database.erasure_list(data_dir), keys, locations: Arc::new(NoLocations) };
    let node = Node::open(ground, system_clock, Doors { dev: true, ..Doors::default() }).await?;
    let key_file = data_dir.join("demo.api-key");
    let bootstrap = match first_key(&node, &key_file, data_dir).await {
        Ok(bootstrap) => bootstrap,
        Err(failure) => {
            node.service.close().await;
            return Err(failure);
        }
    };

    let router = all_router(node.surfaces.clone()).merge(node.health.metrics()).merge(clock.router());
    node.take_commands(&database);
    node.listen("public", socket, router, None);
    let welcome = Welcome { port: address.port(), demo_port: demo_address.port(), key_file: &key_file };
    let demo = doorward_demo::Config {
        doorward: address,
        doorward_host: welcome.host(),
        doorward_url: welcome.url(),
        tenant: TENANT.to_owned(),
        api_key: bootstrap.api_key,
        public_url: welcome.demo_url(),
    };
    let stop = node.stop();
    let ended = stop.clone();
    let demo = tokio::spawn(async move {
        let served = doorward_demo::serve(demo_socket, demo, stop.clone().cancelled_owned()).await;
        // One without the other is of no use.
        ended.cancel();
        served
    });
    // A closed terminal is no reason to stop.
    let _ = std::io::stdout().write_all(welcome.to_string().as_bytes());
    node.run().await?;
    match demo.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::new(format!("The demo login failed: {error}"))),
        Err(error) => Err(Failure::new(format!("The demo login failed: {error}"))),
    }
}

fn local(socket: &TcpListener) -> Result<SocketAddr, Failure> {
    socket.local_addr().map_err(|error| Failure::new(format!("The socket has no address: {error}")))
}

/// The demo's API key: made once and kept, so that a restart goes on with it.
async fn first_key(node: &Node, key_file: &Path, data_dir: &Path) -> Result<Bootstrap, Failure> {
    let made = || mint().map(|key| format!("demo-{key}"));
    let kept = read_or_make(key_file, made).map_err(|error| Failure::new(format!("{} can be neither read nor made: {error}", key_file.display())))?;
    let bootstrap = Bootstrap { tenant: TENANT.to_owned(), api_key: kept.text };
    node.bootstrap(&bootstrap).await?;
    if node.knows(&bootstrap).await {
        return Ok(bootstrap);
    }
    Err(Failure::new(format!(
        "The API key in {} does not belong to the database in {}. Put the right one back, or remove the directory to begin anew.",
        key_file.display(),
        data_dir.display()
    )))
}
