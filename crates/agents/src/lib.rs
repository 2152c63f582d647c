//! Says which browser, platform and device a request came from, in names a person understands.
//!
//! Three sources, from the weakest to the strongest: the user agent string (read by uap-core's
//! rules, which lie in `data/`), the client hints that Chromium browsers send, and what a native
//! app says of itself. All three are claims of the caller: good for showing and for likeness,
//! never for authentication.
//!
//! ```
//! use doorward_agents::{Agents, ClientHints, Source};
//!
//! let agents = Agents::load_in_background();
//! let hints = ClientHints::from_headers([("Sec-CH-UA-Platform-Version", "\"15.0.0\"")]);
//! let description = agents.describe(&Source {
//!     user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
//!                  (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36",
//!     client_hints: &hints,
//!     device_info: None,
//! });
//! assert_eq!(description.title(), "Chrome on Windows");
//! assert_eq!(description.platform.version.label, "11");
//! ```

mod agents;
mod browsers;
mod describe;
mod description;
mod hardware;
mod header_lists;
mod hints;
mod info;
mod platforms;
mod products;
mod rules;
mod speaker;
mod text;
mod version;

pub use agents::{Agents, Source};
pub use description::{Browser, Description, Hardware, Kind, Platform};
pub use hints::{Brand, ClientHints};
pub use info::DeviceInfo;
pub use version::Version;
