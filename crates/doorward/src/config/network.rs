//! Addresses and networks: where we listen, and which proxies are believed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A network of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address. A base that isn't the network's first address is refused as a likely slip.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        let network = Self { base, bits };
        (bits <= width && network.rest_is_zero()).then_some(network)
    }

    fn rest_is_zero(self) -> bool {
        let (value, width) = match self.base {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let rest = width - u32::from(self.bits);
        rest == 0 || value.trailing_zeros() >= rest
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
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
            assert_eq!(Network::parse(text).map(|network| network.to_string()).as_deref(), Some(shown));
        }
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "::1/129", "10.0.0.0/", "example.org", "10.0.0.0/-1", "fd00::1/64"] {
            assert_eq!(Network::parse(text), None, "{text}");
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
