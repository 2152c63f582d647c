//! TLS to the database, with the one crypto stack of the program: aws-lc-rs under rustls.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Roots, Trust};
use crate::StoreError;

/// What makes connections encrypted.
pub(super) fn connector(trust: &Trust) -> Result<MakeRustlsConnect, StoreError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().map_err(|error| fault(&error))?;
    let config = match trust {
        Trust::Anyone => config.dangerous().with_custom_certificate_verifier(Arc::new(Lenient { provider, chain: None })),
        Trust::Chain(from) => {
            let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(from)?), Arc::clone(&provider)).build().map_err(|error| fault(&error))?;
            config.dangerous().with_custom_certificate_verifier(Arc::new(Lenient { provider, chain: Some(chain) }))
        }
        Trust::Name(from) => config.with_root_certificates(roots(from)?),
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn roots(from: &Roots) -> Result<RootCertStore, StoreError> {
    let certificates = match from {
        Roots::System => rustls_native_certs::load_native_certs().certs,
        Roots::File(path) => {
            let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            found.map_err(|error| StoreError::Misconfigured(format!("sslrootcert {}: {error}", path.display())))?
        }
    };
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(certificates);
    if taken == 0 {
        let place = match from {
            Roots::System => "the system's certificate folder (install ca-certificates, or name a file with sslrootcert)".to_owned(),
            Roots::File(path) => format!("sslrootcert {}", path.display()),
        };
        return Err(StoreError::Misconfigured(format!("there is no certificate in {place}")));
    }
    Ok(roots)
}

fn fault(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Misconfigured(format!("TLS to the database: {error}"))
}

/// Checks less than the whole: the chain without the name, or nothing but that the server holds its certificate's key.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, name, stapled, now) {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
