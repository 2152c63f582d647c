//! The demo over HTTP, beside a Doorward that is away, broken or unclear: nobody gets in, nobody is thrown out.

use std::net::SocketAddr;

use reqwest::{Client, Response, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The demo on a free port, beside a Doorward at this address.
struct Demo {
    address: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Demo {
    async fn beside(doorward: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let config = doorward_demo::Config {
            doorward,
            doorward_host: "doorward.localhost:8080".to_owned(),
            doorward_url: "http://doorward.localhost:8080".to_owned(),
            tenant: "demo".to_owned(),
            api_key: "dwk_test".to_owned(),
            public_url: "http://app.localhost:8081".to_owned(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(doorward_demo::serve(listener, config, async {
            let _ = stopped.await;
        }));
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { address, client, stop: Some(stop), served }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address)).header(header::HOST, "app.localhost:8081")
    }

    async fn sign_in(&self) -> Response {
        let form = "name=ada&password=correct+horse";
        self.request(reqwest::Method::POST, "/sign-in")
            .header("Sec-Fetch-Site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .expect("an answer")
    }

    async fn get(&self, path: &str, cookie: &str) -> Response {
        self.request(reqwest::Method::GET, path).header(header::COOKIE, cookie).send().await.expect("an answer")
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.served.await.expect("no panic").expect("a clean end");
    }
}

/// A Doorward that gives the same answer to everything.
async fn stuck(status: &'static str, body: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                let length = body.len();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Nobody listens here.
async fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address")
}

fn sets_session(answer: &Response) -> bool {
    answer.headers().get_all(header::SET_COOKIE).iter().any(|cookie| cookie.to_str().is_ok_and(|text| text.starts_with("demo_session=")))
}

#[tokio::test]
async fn without_a_clear_answer_nobody_is_signed_in() {
    for doorward in [
        nowhere().await,
        stuck("503 Service Unavailable", "{}").await,
        stuck("500 Internal Server Error", "").await,
        stuck("200 OK", "{}").await,
        stuck("201 Created", "not json").await,
        stuck("201 Created", r#"{"id":"x","decision":"perhaps","reasons":[]}"#).await,
        stuck("201 Created", r#"{"id":"x","decision":"allow","reasons":[]}"#).await,
        stuck("401 Unauthorized", "{}").await,
        stuck("429 Too Many Requests", "{}").await,
    ] {
        let demo = Demo::beside(doorward).await;
        let answer = demo.sign_in().await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(!sets_session(&answer));
        assert!(answer.text().await.expect("a page").contains("Sign-in is not available just now"));
        demo.stop().await;
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_checked_is_kept_and_shows_nothing() {
    for doorward in [nowhere().await, stuck("503 Service Unavailable", "{}").await, stuck("200 OK", "{}").await] {
        let demo = Demo::beside(doorward).await;
        for path in ["/", "/devices"] {
            let answer = demo.get(path, "demo_session=dws_x").await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(!sets_session(&answer), "the cookie was touched");
            let page = answer.text().await.expect("a page");
            assert!(page.contains("You have not been signed out"));
            assert!(!page.contains("Hello"));
        }
        demo.stop().await;
    }
}

#[tokio::test]
async fn a_session_that_is_over_ends_here_and_says_why() {
    let demo = Demo::beside(stuck("200 OK", r#"{"active":false,"reason":"idle"}"#).await).await;
    let answer = demo.get("/devices", "demo_session=dws_x").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(sets_session(&answer), "the cookie stayed");
    assert!(answer.text().await.expect("a page").contains("not used for too long"));
    demo.stop().await;
}

#[tokio::test]
async fn other_hosts_and_other_sites_are_refused_and_pages_keep_to_themselves() {
    let demo = Demo::beside(nowhere().await).await;
    let page = demo.get("/sign-in", "").await;
    assert_eq!(page.status(), StatusCode::OK);
    for (name, part) in [("content-security-policy", "frame-ancestors 'none'"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
        let value = page.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        assert!(value.contains(part), "{name}: {value}");
    }
    let post = |site: &'static str| demo.request(reqwest::Method::POST, "/sign-out").header("Sec-Fetch-Site", site).send();
    assert_eq!(post("cross-site").await.expect("an answer").status(), StatusCode::FORBIDDEN);
    assert_eq!(post("same-origin").await.expect("an answer").status(), StatusCode::SEE_OTHER);
    let rebound = demo.client.post(format!("http://{}/sign-out", demo.address)).send().await.expect("an answer");
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
    demo.stop().await;
}
