//! Addresses and networks: where we listen, and which proxies are believed.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Reads `10.0.0.0/8`, `fd00::/8`, or a single address. A base that isn't the network's first address is refused as a likely slip.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    (network.trunc() == network).then_some(network)
}

/// Reads an address to listen on; `localhost` is 127.0.0.1.
pub(crate) fn listen_address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_strictly() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.168.1.7", "192.168.1.7/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(text).map(|network| network.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "::1/129", "10.0.0.0/", "example.org", "10.0.0.0/-1", "fd00::1/64"] {
            assert_eq!(network(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_to_listen_on_need_a_port() {
        assert_eq!(listen_address("localhost:80"), Some(SocketAddr::from(([127, 0, 0, 1], 80))));
        assert!(listen_address("[::1]:0").is_some());
        for text in ["localhost", "127.0.0.1", ":8080", "localhost:x", "0.0.0.0:99999"] {
            assert_eq!(listen_address(text), None, "{text}");
        }
    }
}
