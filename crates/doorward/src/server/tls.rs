//! TLS at our own listener: the certificate is read at start, and anew when its files change or a signal says so.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::config::TlsFiles;
use crate::failure::Failure;
use crate::watch::Watch;

/// The certificate in use; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Tls {
    files: Arc<TlsFiles>,
    acceptor: Arc<Mutex<TlsAcceptor>>,
}

impl Tls {
    /// Reads the files, and looks at them again until `stop`.
    pub(crate) fn start(files: TlsFiles, stop: CancellationToken) -> Result<Self, Failure> {
        let watch = Watch::of(vec![files.cert.clone(), files.key.clone()]);
        let tls = Self { acceptor: Arc::new(Mutex::new(acceptor_of(&files)?)), files: Arc::new(files) };
        let kept = tls.clone();
        watch.start(stop, move || kept.read_anew());
        Ok(tls)
    }

    /// Reads the files now; where they can't be used, the old certificate stays.
    pub(crate) fn read_anew(&self) -> Result<(), Failure> {
        let acceptor = acceptor_of(&self.files)?;
        *self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) = acceptor;
        tracing::info!(cert = %self.files.cert.display(), "the TLS certificate was read anew");
        Ok(())
    }

    /// Whether these files can be used.
    pub(crate) fn check(files: &TlsFiles) -> Result<(), Failure> {
        acceptor_of(files).map(drop)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor_of(files: &TlsFiles) -> Result<TlsAcceptor, Failure> {
    let unreadable =
        |path: &Path, error: &dyn std::fmt::Display| Failure::of_settings(format!("TLS: {} can't be used: {error}. It must be a PEM file.", path.display()));
    let certs: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(&files.cert).and_then(Iterator::collect).map_err(|error| unreadable(&files.cert, &error))?;
    if certs.is_empty() {
        return Err(unreadable(&files.cert, &"it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, &error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| Failure::of_settings(format!("TLS: {} and {} do not fit: {error}.", files.cert.display(), files.key.display())))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::LOOK_EVERY;

    fn write(dir: &Path, name: &str) -> TlsFiles {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
        let files = TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
        std::fs::write(&files.cert, made.cert.pem()).expect("written");
        std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("written");
        files
    }

    fn certificate(files: &TlsFiles) -> Vec<u8> {
        CertificateDer::from_pem_file(&files.cert).expect("a certificate").to_vec()
    }

    /// The certificate that a client is shown.
    async fn shown(tls: &Tls, roots: &TlsFiles) -> Option<Vec<u8>> {
        let mut store = rustls::RootCertStore::empty();
        store.add(CertificateDer::from_pem_file(&roots.cert).expect("a certificate")).expect("a root");
        let mut config = rustls::ClientConfig::builder().with_root_certificates(store).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let acceptor = tls.acceptor();
        let served = tokio::spawn(async move { acceptor.accept(theirs).await.is_ok() });
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream = connector.connect(name, ours).await.ok()?;
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
        assert!(served.await.expect("no panic"));
        Some(connection.peer_certificates()?.first()?.to_vec())
    }

    #[tokio::test]
    async fn a_replaced_certificate_is_used_and_a_broken_one_is_not() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a directory");
        let files = write(dir.path(), "localhost");
        let stop = CancellationToken::new();
        let tls = Tls::start(files.clone(), stop.clone()).expect("good files");
        let first = certificate(&files);
        assert_eq!(shown(&tls, &files).await, Some(first.clone()));
        std::fs::write(&files.key, "no key").expect("written");
        tokio::time::sleep(LOOK_EVERY * 4).await;
        assert_eq!(shown(&tls, &files).await, Some(first.clone()));
        write(dir.path(), "localhost");
        let second = certificate(&files);
        assert_ne!(first, second);
        tokio::time::sleep(LOOK_EVERY * 4).await;
        assert_eq!(shown(&tls, &files).await, Some(second));
        stop.cancel();
        std::fs::write(&files.cert, "no certificate").expect("written");
        let failure = Tls::start(files, stop).err().expect("bad files").to_string();
        assert!(failure.contains("cert.pem"), "{failure}");
    }
}
