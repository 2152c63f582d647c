//! The TLS files: readable, fitting each other, and not past their end.

use doorward_domain::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::Outcome;
use crate::config::TlsFiles;
use crate::server::Tls;

/// What is wrong with a listener's certificate and key.
pub(super) fn fault(files: &TlsFiles, now: Timestamp, soon_s: u32) -> Option<(Outcome, String)> {
    if let Err(failure) = Tls::check(files) {
        return Some((Outcome::Fail, failure.to_string()));
    }
    let shown = files.cert.display();
    // The first is the server's own.
    let own = CertificateDer::from_pem_file(&files.cert).ok()?;
    let Some((from, until)) = validity(&own) else {
        return Some((Outcome::Warn, format!("{shown} doesn't say in a known form when it ends")));
    };
    if now >= until {
        Some((Outcome::Fail, format!("{shown} ended at {until}: replace it, no restart is needed")))
    } else if now < from {
        Some((Outcome::Fail, format!("{shown} isn't good before {from}; is the clock right?")))
    } else if now.plus_s(soon_s) >= until {
        Some((Outcome::Warn, format!("{shown} ends at {until}: replace it, no restart is needed")))
    } else {
        None
    }
}

/// A DER value's tag and content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// From when until when a certificate is good: RFC 5280, section 4.1.
fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (_, certificate, _) = value(certificate)?;
    let (_, mut fields, _) = value(certificate)?;
    // The version is left out of the oldest form.
    if fields.first() == Some(&0xa0) {
        fields = value(fields)?.2;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        fields = value(fields)?.2;
    }
    let (_, validity, _) = value(fields)?;
    let (tag, from, rest) = value(validity)?;
    let from = time(tag, from)?;
    let (tag, until, _) = value(rest)?;
    Some((from, time(tag, until)?))
}

fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let full = match (tag, text.len()) {
        // A year of two digits is one of 1950 to 2049.
        (0x17, 13) => format!("{}{text}", if text >= "50" { "19" } else { "20" }),
        (0x18, 15) => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    let (date, time) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(8, 10)?, part(10, 12)?, part(12, 14)?));
    Timestamp::parse(&format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, time.0, time.1, time.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &std::path::Path, from: (i32, u8), until: (i32, u8)) -> TlsFiles {
        let mut parameters = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        parameters.not_before = rcgen::date_time_ymd(from.0, from.1, 1);
        parameters.not_after = rcgen::date_time_ymd(until.0, until.1, 1);
        let key = rcgen::KeyPair::generate().expect("a key");
        let files = TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
        std::fs::write(&files.cert, parameters.self_signed(&key).expect("signed").pem()).expect("written");
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        files
    }

    #[test]
    fn a_certificate_past_its_end_or_soon_past_it_is_found() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a directory");
        let now = Timestamp::parse("2026-11-15T00:00:00Z").expect("a time");
        let outcome = |files: &TlsFiles| fault(files, now, 21 * 86_400).map(|(outcome, _)| outcome);
        for (from, until, expected) in [
            ((2026, 1), (2027, 1), None),
            ((2026, 1), (2060, 1), None),
            ((2026, 1), (2026, 12), Some(Outcome::Warn)),
            ((2025, 1), (2026, 11), Some(Outcome::Fail)),
            ((2027, 1), (2028, 1), Some(Outcome::Fail)),
        ] {
            assert_eq!(outcome(&files(dir.path(), from, until)), expected, "{from:?} {until:?}");
        }
        let good = files(dir.path(), (2026, 1), (2027, 1));
        let other = rcgen::KeyPair::generate().expect("a key");
        std::fs::write(&good.key, other.serialize_pem()).expect("written");
        assert_eq!(outcome(&good), Some(Outcome::Fail), "another certificate's key");
        std::fs::write(&good.cert, "no certificate").expect("written");
        assert_eq!(outcome(&good), Some(Outcome::Fail));
    }

    #[test]
    fn garbage_has_no_validity() {
        let dir = tempfile::tempdir().expect("a directory");
        let good = CertificateDer::from_pem_file(files(dir.path(), (2026, 1), (2027, 1)).cert).expect("a certificate");
        for cut in 0..good.len().min(200) {
            assert_eq!(validity(&good[..cut]), None);
        }
    }
}
