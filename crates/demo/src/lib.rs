//! A small login that uses Doorward as any host would: over HTTP alone.
//!
//! It keeps its own people, passwords and one-time codes, and asks Doorward the rest: whether the code
//! may be skipped, which sessions are good, which devices a person has. It shows each of these calls
//! beside the page. It is for trying Doorward out, on one's own machine; it is not a login to copy.

mod app;
mod browser;
mod clock;
mod code;
mod cookies;
mod dev_tools;
mod devices;
mod doorward;
mod guard;
mod home;
mod json_text;
mod pages;
mod panel;
mod people;
mod qr;
mod random;
mod register;
mod sessions;
mod sign_in;
mod signed_in;
mod step_up;
mod totp;
mod trust;
mod visit;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::app::{App, router};

/// How long requests in flight may take after the shutdown was asked for.
const DRAIN: Duration = Duration::from_secs(1);

/// Where Doorward is, who the demo is to it, and where the demo itself lives.
pub struct Config {
    /// Where to connect to Doorward.
    pub doorward: SocketAddr,
    /// The `Host` header of those requests, such as `doorward.localhost:8080`.
    pub doorward_host: String,
    /// Doorward's address as shown in curl lines, such as `http://doorward.localhost:8080`.
    pub doorward_url: String,
    /// The tenant that the API key belongs to.
    pub tenant: String,
    /// An API key of role `host` or more.
    pub api_key: String,
    /// Where people find the demo, such as `http://app.localhost:8081`. It answers under this name only.
    pub public_url: String,
}

/// Serves the demo until `shutdown` completes.
///
/// # Errors
/// When the machine gives no randomness, or the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, config: Config, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let people = tokio::task::spawn_blocking(people::People::seeded).await.map_err(std::io::Error::other)??;
    let app = Arc::new(App {
        site: guard::Site::new(&config.public_url),
        doorward: doorward::Doorward::new(&config)?,
        people,
        browsers: browser::Browsers::default(),
    });
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let (told, heard) = oneshot::channel();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        // Nobody listens any more once the server has ended by itself.
        let _ = told.send(());
    });
    let late = async {
        if heard.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = async { serving.await } => result,
        () = late => Ok(()),
    }
}
