//! Looks: what a request tells of the device, read for people and digested for recognition.

use std::net::IpAddr;
use std::sync::Arc;

use doorward_agents::{ClientHints, Description, DeviceInfo, Source};
use doorward_domain::{Part, Parts, Seen};

use crate::Service;

/// The longest user agent that is kept, in bytes.
const USER_AGENT: usize = 1_024;

/// What a host passes on of a request.
#[derive(Debug, Clone)]
pub struct Looks {
    /// The person's address.
    pub ip: IpAddr,
    /// The raw user agent.
    pub user_agent: String,
    /// Client hints by header name.
    pub client_hints: Vec<(String, String)>,
    /// What an app says of itself.
    pub device_info: Option<DeviceInfo>,
    /// Further attributes by name, as canonical text; an opaque text as one without a name. `None` for what differs from read
    /// to read.
    pub attributes: Vec<(String, Option<String>)>,
}

impl Looks {
    /// What is kept of them.
    pub(crate) fn seen(&self) -> Seen {
        let hints = ClientHints::from_headers(self.client_hints.iter().map(|(name, value)| (name, value)));
        Seen {
            // An IPv4 address in IPv6 clothes is an IPv4 address.
            ip: self.ip.to_canonical(),
            user_agent: cut(&self.user_agent),
            client_hints: if hints.is_empty() { None } else { serde_json::to_string(&hints).ok() },
            device_info: self.device_info.as_ref().and_then(|info| serde_json::to_string(info).ok()),
        }
    }
}

fn cut(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !c.is_control()).collect();
    visible[..visible.floor_char_boundary(USER_AGENT)].to_owned()
}

impl Service {
    /// Reads what was seen into a browser, a platform and a device.
    pub(crate) fn describe(&self, seen: &Seen) -> Arc<Description> {
        let hints = seen.client_hints.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let info: Option<DeviceInfo> = seen.device_info.as_deref().and_then(|text| serde_json::from_str(text).ok());
        self.agents.describe(&Source { user_agent: &seen.user_agent, client_hints: &hints, device_info: info.as_ref() })
    }

    /// Waits, off the async threads, until user agents can be read: once, in the first moments after the start.
    pub(crate) async fn agents_loaded(&self) {
        if !self.agents.is_loaded() {
            let agents = Arc::clone(&self.agents);
            let hints = ClientHints::default();
            let wait = move || drop(agents.describe(&Source { user_agent: "", client_hints: &hints, device_info: None }));
            // If it failed, the next caller of `describe` loads them itself.
            drop(tokio::task::spawn_blocking(wait).await);
        }
    }

    /// Takes the looks apart, for recognition.
    pub(crate) fn parts(&self, seen: &Seen, attributes: &[(String, Option<String>)]) -> Parts {
        let description = self.describe(seen);
        let (agent, platform, model) = description.family_key();
        let hints: ClientHints = seen.client_hints.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let known = Parts::default()
            .with(Part::Agent, agent)
            .with_version(Part::AgentVersion, description.browser.version.major.parse().ok())
            .with(Part::Platform, platform)
            .with_version(Part::PlatformVersion, description.platform.version.major.parse().ok())
            .with(Part::Model, model)
            .with(Part::Arch, &hints.arch)
            .with(Part::Bitness, &hints.bitness)
            .with(Part::Form, &hints.form_factors.join(" "))
            .with(Part::Network, &network(seen.ip));
        attributes.iter().fold(known, |parts, (name, value)| parts.with_attribute(name, value.as_deref()))
    }
}

/// An address's network: /24 of IPv4, /48 of IPv6.
pub(crate) fn network(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}")
        }
    }
}
