//! Cookies: reading and writing them, and the one that holds the device tokens of several people.

use aws_lc_rs::digest;

use crate::random;

/// How long a device is remembered. Trust is another matter, and Doorward's alone.
pub(crate) const DEVICE_SECONDS: u32 = 400 * 86_400;
/// One browser keeps the tokens of so many people.
const MOST_TOKENS: usize = 8;

/// The value of one cookie in a `Cookie` header.
pub(crate) fn find<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A `Set-Cookie` header, with `Max-Age=0` for a value of `None`.
pub(crate) fn set(name: &str, value: Option<&str>, max_age: u32, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let (value, age) = value.map_or(("", 0), |value| (value, max_age));
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}")
}

/// A token of Doorward's can stand in a cookie: letters, digits, `_` and `-`.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The device tokens of this browser, the most recently used first. Each stands behind a short tag of
/// its person, so that a new token takes the place of that person's old one: tokens themselves are
/// opaque to a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceTokens(Vec<(String, String)>);

impl DeviceTokens {
    /// Reads the cookie's value. Parts that are damaged are dropped.
    pub(crate) fn parse(value: &str) -> Self {
        let tokens = value
            .split('.')
            .filter_map(|part| part.split_once(':'))
            .filter(|(tag, token)| is_token(tag) && is_token(token))
            .take(MOST_TOKENS)
            .map(|(tag, token)| (tag.to_owned(), token.to_owned()))
            .collect();
        Self(tokens)
    }

    /// The token of one person on this browser.
    pub(crate) fn of(&self, user_id: &str) -> Option<&str> {
        let tag = tag(user_id);
        self.0.iter().find(|(key, _)| *key == tag).map(|(_, token)| token.as_str())
    }

    /// Stores a token in place of the person's old one, as the most recently used. What isn't a token
    /// changes nothing.
    pub(crate) fn put(&mut self, user_id: &str, token: &str) {
        if is_token(token) {
            self.forget(user_id);
            self.0.insert(0, (tag(user_id), token.to_owned()));
            self.0.truncate(MOST_TOKENS);
        }
    }

    /// Notes that the person used this browser.
    pub(crate) fn touch(&mut self, user_id: &str) {
        if let Some(token) = self.of(user_id).map(str::to_owned) {
            self.put(user_id, &token);
        }
    }

    /// Drops the person's token.
    pub(crate) fn forget(&mut self, user_id: &str) {
        let tag = tag(user_id);
        self.0.retain(|(key, _)| *key != tag);
    }

    /// The cookie's value, or nothing if there is no token to keep.
    pub(crate) fn value(&self) -> Option<String> {
        let parts: Vec<String> = self.0.iter().map(|(tag, token)| format!("{tag}:{token}")).collect();
        (!parts.is_empty()).then(|| parts.join("."))
    }
}

fn tag(user_id: &str) -> String {
    let hash = digest::digest(&digest::SHA256, user_id.as_bytes());
    random::to_hex(&hash.as_ref()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_cookie_by_its_whole_name() {
        let header = "demo_device_other=b; demo_device=a; x";
        assert_eq!(find(header, "demo_device"), Some("a"));
        assert_eq!(find(header, "demo"), None);
        assert_eq!(find("", "demo"), None);
    }

    #[test]
    fn several_people_keep_their_tokens_on_one_browser() {
        let mut tokens = DeviceTokens::default();
        tokens.put("ada", "dwd_ada1");
        tokens.put("bob", "dwd_bob1");
        let mut tokens = DeviceTokens::parse(&tokens.value().expect("a value"));
        assert_eq!(tokens.of("ada"), Some("dwd_ada1"));
        assert_eq!(tokens.of("bob"), Some("dwd_bob1"));
        assert_eq!(tokens.of("eve"), None);

        tokens.put("ada", "dwd_ada2");
        assert_eq!(tokens.of("ada"), Some("dwd_ada2"));
        assert_eq!(tokens.of("bob"), Some("dwd_bob1"));
        assert_eq!(tokens.0.len(), 2);

        tokens.forget("ada");
        tokens.forget("bob");
        assert_eq!(tokens.value(), None);
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut tokens = DeviceTokens::default();
        for n in 0..MOST_TOKENS {
            tokens.put(&format!("user{n}"), &format!("dwd_{n}"));
        }
        tokens.touch("user0");
        tokens.put("newcomer", "dwd_new");
        assert_eq!(tokens.0.len(), MOST_TOKENS);
        assert_eq!(tokens.of("user0"), Some("dwd_0"));
        assert_eq!(tokens.of("newcomer"), Some("dwd_new"));
        assert_eq!(tokens.of("user1"), None);
    }

    #[test]
    fn damage_is_dropped_and_never_written() {
        let tokens = DeviceTokens::parse("x.:.a:.:b.tag:dwd_ok.tag2:a b");
        assert_eq!(tokens.0, [("tag".to_owned(), "dwd_ok".to_owned())]);
        let mut tokens = DeviceTokens::default();
        tokens.put("ada", "dwd_a; Domain=evil");
        tokens.put("ada", "dwd_a.dwd_b");
        tokens.put("ada", "");
        assert_eq!(tokens, DeviceTokens::default());
    }

    #[test]
    fn cookies_are_out_of_reach_of_scripts() {
        assert_eq!(set("demo_device", Some("v"), 60, false), "demo_device=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        assert_eq!(set("__Host-demo", None, 60, true), "__Host-demo=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
    }
}
