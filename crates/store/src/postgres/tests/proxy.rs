//! A network that fails on demand: a proxy in front of the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    /// As it should be.
    Fine,
    /// Nobody gets through, and whoever was through is cut off.
    Away,
    /// What is sent arrives, and the answers don't; after a moment the connection is cut.
    LosesAnswers,
    /// Nothing arrives, and nobody is told.
    Silent,
}

/// The proxy.
pub(super) struct Proxy {
    pub(super) url: String,
    network: Arc<watch::Sender<Network>>,
}

impl Proxy {
    /// A proxy in front of the server of this address.
    pub(super) async fn before(url: &str) -> Self {
        let host = url.find('@').expect("a user") + 1;
        let end = host + url[host..].find('/').expect("a database");
        let server = url[host..end].to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let network = Arc::new(watch::channel(Network::Fine).0);
        let all = Arc::clone(&network);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *all.borrow() != Network::Away
                    && let Ok(server) = TcpStream::connect(&server).await
                {
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(carry(from_client, to_server, all.subscribe(), false));
                    tokio::spawn(carry(from_server, to_client, all.subscribe(), true));
                }
            }
        });
        Self { url: format!("{}127.0.0.1:{port}{}", &url[..host], &url[end..]), network }
    }

    /// The network becomes so.
    pub(super) fn be(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// What makes the network so, from inside a rule.
    pub(super) fn switch(&self, network: Network) -> impl Fn() + Send + Sync + 'static {
        let sender = Arc::clone(&self.network);
        move || {
            sender.send_replace(network);
        }
    }
}

async fn carry(from: OwnedReadHalf, to: OwnedWriteHalf, mut network: watch::Receiver<Network>, answers: bool) {
    let state = network.clone();
    let away = async move { network.wait_for(|now| *now == Network::Away).await.is_ok() };
    tokio::select! {
        biased;
        _ = away => {}
        () = copy(from, to, &state, answers) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, network: &watch::Receiver<Network>, answers: bool) {
    let mut bytes = vec![0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let state = *network.borrow();
        match state {
            Network::Silent => {}
            Network::LosesAnswers if answers => return tokio::time::sleep(Duration::from_millis(50)).await,
            _ if to.write_all(&bytes[..length]).await.is_err() => return,
            _ => {}
        }
    }
}
