//! SIGHUP: what may change while the server runs is read anew, and what is wrong changes nothing.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::running::{Doorward, SECRET, command};

/// Puts a new certificate where the server reads it.
fn certify(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(dir.join("cert.pem"), made.cert.pem()).expect("written");
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    made.cert.der().clone()
}

/// The status of a GET of a client that takes this certificate alone, and names a caller; `None` if it is shown another.
fn get(address: &str, certificate: &CertificateDer<'static>, caller: &str) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), "localhost".try_into().expect("a name")).expect("a client");
    let mut socket = TcpStream::connect(address).expect("it listens");
    let mut stream = Stream::new(&mut connection, &mut socket);
    let head = format!("X-API-Key: dwk_wrong\r\nX-Forwarded-For: {caller}\r\nHost: localhost\r\nConnection: close\r\n");
    write!(stream, "GET /internal/users/ana/devices HTTP/1.1\r\n{head}\r\n").ok()?;
    let mut answer = vec![];
    // Whether it ends the connection in order is no matter here.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_hangup_reads_certificate_log_and_proxies_anew_and_a_fault_changes_nothing() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let settings = |more: &str| {
        let text = format!("listen = \"127.0.0.1:0\"\ntls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\nwrong_secrets = 1\n{more}");
        fs::write(dir.join("doorward.toml"), text).expect("written");
    };
    settings("");
    let first = certify(dir);
    let mut serve = command(dir, &["serve", "--config", "doorward.toml"]);
    serve.env("DOORWARD_SECRET_KEY", SECRET);
    let mut doorward = Doorward::start(serve);
    let address = doorward.address("public");
    let hang_up = |doorward: &Doorward| kill_process(Pid::from_child(&doorward.child), Signal::HUP).expect("it runs");
    assert_eq!(get(&address, &first, "203.0.113.1"), Some(401));
    assert_eq!(get(&address, &first, "203.0.113.2"), Some(429), "nobody's word is taken");

    let second = certify(dir);
    settings("trusted_proxies = \"127.0.0.1\"\nkeep_alive_s = 9\n");
    hang_up(&doorward);
    let later = doorward.line("take effect at the next start");
    assert!(later["message"].as_str().is_some_and(|text| text.ends_with(": keep_alive_s")), "{later}");
    assert_eq!(doorward.line("the settings were read anew")["trusted_proxies"], 1);
    assert_eq!(get(&address, &first, "203.0.113.3"), None, "another certificate is shown");
    for (caller, status) in [("203.0.113.3", 401), ("203.0.113.3", 429), ("203.0.113.4", 401)] {
        assert_eq!(get(&address, &second, caller), Some(status), "{caller}");
    }

    // A setting that can't be read, and a certificate that can't be used.
    settings("trusted_proxies = \"nowhere\"\n");
    hang_up(&doorward);
    let fault = doorward.line("everything stays as it is");
    assert!(fault["level"] == "ERROR" && fault["message"].as_str().is_some_and(|text| text.contains("nowhere")), "{fault}");
    settings("");
    fs::write(dir.join("key.pem"), "no key").expect("written");
    hang_up(&doorward);
    assert!(doorward.line("everything stays as it is")["message"].as_str().is_some_and(|text| text.contains("key.pem")));
    for (caller, status) in [("203.0.113.4", 429), ("203.0.113.5", 401)] {
        assert_eq!(get(&address, &second, caller), Some(status), "{caller}");
    }

    let third = certify(dir);
    settings("log = \"error\"\n");
    hang_up(&doorward);
    assert_eq!(doorward.line("the settings were read anew")["log"], "error");
    assert_eq!(get(&address, &third, "203.0.113.6"), Some(429), "the proxy is believed no more");
    let (_, well, log) = doorward.stop();
    assert!(well && !log.contains(r#""message":"stopping""#), "{log}");
}
