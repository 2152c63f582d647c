//! What `doorward dev` says when it runs: the addresses, and lines to paste.

use std::fmt;
use std::path::Path;

/// The addresses of a dev server.
pub(super) struct Welcome<'a> {
    pub(super) port: u16,
    pub(super) demo_port: u16,
    pub(super) key_file: &'a Path,
}

impl Welcome<'_> {
    /// Doorward's name: not the demo's, since cookies don't tell ports apart.
    pub(super) fn host(&self) -> String {
        format!("doorward.localhost:{}", self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    pub(super) fn demo_url(&self) -> String {
        format!("http://app.localhost:{}", self.demo_port)
    }
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (url, demo, key_file) = (self.url(), self.demo_url(), quoted(self.key_file));
        write!(
            f,
            r#"
  Doorward runs on this machine.

    The demo login   {demo}
    The API          {url}
    Its description  {url}/docs

  Or with curl, in another terminal, in this directory:

    # The host's key, and where Doorward is.
    KEY=$(cat {key_file}); DOORWARD={url}

    # 1. The password was right. May the second factor be skipped? Not yet: "challenge".
    SIGN_IN=$(curl -s -w '\n' $DOORWARD/internal/sign-ins -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \
      -d '{{"user_id":"alice","ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}}' \
      | tee /dev/stderr | grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4)

    # 2. The code was right too, and the person ticked "trust this device": a session, and a token for the device.
    TOKEN=$(curl -s -w '\n' $DOORWARD/internal/sign-ins/$SIGN_IN/complete -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \
      -d '{{"mfa":{{"method":"totp"}},"trust_device":true}}' \
      | tee /dev/stderr | grep -o '"access_token":"[^"]*"' | cut -d '"' -f 4)

    # 3. Is the session good?
    curl -s -w '\n' $DOORWARD/internal/sessions/verify -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \
      -d "{{\"token\":\"$TOKEN\"}}"

    # 4. The person's own view of their devices.
    curl -s -w '\n' $DOORWARD/api/v1/devices -H "Authorization: Bearer $TOKEN"

  Ctrl-C stops it.

"#
        )
    }
}

/// A path as the shell reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_that_were_bound() {
        let welcome = Welcome { port: 8090, demo_port: 8091, key_file: Path::new("it's/demo.api-key") };
        let text = welcome.to_string();
        for part in ["http://app.localhost:8091\n", "http://doorward.localhost:8090/docs", r"KEY=$(cat 'it'\''s/demo.api-key')"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
