//! Who a request came from, where proxies stand in front: `X-Forwarded-For`, read from the right, through trusted hops alone.
//!
//! `Forwarded` (RFC 7239) isn't read: a proxy that appends to one of the two and passes the other on lets callers choose
//! their address, and every proxy in use can write the first.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderMap;
use ipnet::IpNet;

/// The proxies whose word is taken. By default nobody's, not even that of the same machine. A clone is the same list.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<RwLock<Arc<[IpNet]>>>);

impl Proxies {
    /// The proxies in these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(Arc::new(RwLock::new(networks.into_iter().collect())))
    }

    /// From now on these are the proxies, for whoever holds this list or a clone of it.
    pub fn replace(&self, others: &Self) {
        let others = others.networks();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = others;
    }

    fn networks(&self) -> Arc<[IpNet]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many networks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.networks().len()
    }

    /// Whether nobody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks().is_empty()
    }

    /// Whether this is the address of one of them.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks().iter().any(|network| network.contains(&address))
    }

    /// The address that a request came from: that of the peer, or, as long as a hop is a trusted proxy, the one that it names.
    /// What can't be read ends the walk at the last trusted hop.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let values = headers.get_all("x-forwarded-for").iter().rev();
        let hops = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            let Some(address) = address(hop) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }
}

/// An address as proxies write it: plain, with a port, or in brackets.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().map(IpAddr::V6).ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address = text.parse::<IpAddr>().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

    fn client(trusted: &[&str], peer: &str, forwarded: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(value).expect("a header's value"));
        }
        // Never read.
        headers.append("forwarded", HeaderValue::from_static("for=6.6.6.6"));
        headers.append("x-real-ip", HeaderValue::from_static("6.6.6.6"));
        let proxies = Proxies::new(trusted.iter().map(|network| network.parse().expect("a network")));
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn by_default_nobody_is_believed_not_even_loopback() {
        for peer in ["198.51.100.1", "127.0.0.1", "::1", "10.0.0.1"] {
            assert_eq!(client(&[], peer, &[b"203.0.113.9"]), peer);
        }
        assert_eq!(client(&["10.0.0.0/8"], "198.51.100.1", &[b"203.0.113.9"]), "198.51.100.1", "who isn't listed says what they like");
    }

    #[test]
    fn the_walk_goes_from_the_right_through_trusted_hops() {
        let trusted = &["10.0.0.0/8", "fd00::/8"];
        for (forwarded, expected) in [
            (&[&b"203.0.113.9"[..]][..], "203.0.113.9"),
            (&[b"6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (&[b"6.6.6.6, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (&[b"6.6.6.6, 203.0.113.9", b"fd00::7 ,10.1.1.1"], "203.0.113.9"),
            (&[b"10.2.2.2, 10.1.1.1"], "10.2.2.2"),
            (&[b"2001:db8::1"], "2001:db8::1"),
            (&[b"[2001:db8::1]:443"], "2001:db8::1"),
            (&[b"[2001:db8::1]"], "2001:db8::1"),
            (&[b"203.0.113.9:51234"], "203.0.113.9"),
            (&[b"::ffff:203.0.113.9"], "203.0.113.9"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(trusted, "10.0.0.1", forwarded), expected, "{forwarded:?}");
        }
        assert_eq!(client(trusted, "::ffff:10.0.0.1", &[b"203.0.113.9"]), "203.0.113.9", "a mapped peer is the same peer");
    }

    #[test]
    fn garbage_ends_the_walk_at_the_last_trusted_hop() {
        for garbage in [&b""[..], b"unknown", b"203.0.113.9, ", b"203.0.113.9,,", b"203.0.113.999", b"\xff\xfe", b"_hidden", b"203.0.113.9 203.0.113.8"] {
            assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[garbage]), "10.0.0.1", "{garbage:?}");
        }
        assert_eq!(client(&["10.0.0.0/8"], "10.0.0.1", &[b"203.0.113.9, x, 10.1.1.1"]), "10.1.1.1");
    }
}
