//! Reads the structured header values of client hints, forgiving what isn't well formed.

/// The most members of a list that are read; no browser sends more than a handful.
const MAX_MEMBERS: usize = 32;

/// The members of a list like `"Google Chrome";v="149", "Chromium";v="149"`, each with its `v`.
pub(crate) fn members(value: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = value.trim_start();
    while !rest.is_empty() && out.len() < MAX_MEMBERS {
        let (item, after) = item(rest);
        rest = after.trim_start();
        let mut version = String::new();
        while let Some(parameter) = rest.strip_prefix(';') {
            let parameter = parameter.trim_start();
            let end = parameter.find(['=', ';', ',']).unwrap_or(parameter.len());
            let key = parameter[..end].trim_end();
            rest = &parameter[end..];
            if let Some(value) = rest.strip_prefix('=') {
                let (value, after) = self::item(value);
                rest = after.trim_start();
                if key.eq_ignore_ascii_case("v") {
                    version = value;
                }
            }
        }
        out.push((item, version));
        let Some(comma) = rest.find(',') else { break };
        rest = rest[comma + 1..].trim_start();
    }
    out
}

/// A single value such as `"Windows"`; without its quotes, if it has any.
pub(crate) fn single(value: &str) -> String {
    item(value).0
}

/// A boolean: `?1` and `?0`, and what hosts make of them when they pass headers on.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match single(value).to_ascii_lowercase().as_str() {
        "?1" | "1" | "true" => Some(true),
        "?0" | "0" | "false" => Some(false),
        _ => None,
    }
}

/// The item that `text` begins with, and what follows it.
fn item(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';']).unwrap_or(text.len());
        return (text[..end].trim_end().to_owned(), &text[end..]);
    };
    let mut out = String::new();
    let mut escaped = false;
    for (index, c) in quoted.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (out, &quoted[index + 1..]),
            _ => {
                out.push(c);
                escaped = false;
            }
        }
    }
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &[(&str, &str)]) {
        let members = members(value);
        let members: Vec<_> = members.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(members, expected, "{value}");
    }

    #[test]
    fn lists_are_read_as_browsers_send_them() {
        check(r#""Google Chrome";v="149", "Not:A-Brand";v="8", "Chromium";v="149""#, &[("Google Chrome", "149"), ("Not:A-Brand", "8"), ("Chromium", "149")]);
        check(r#""\\Not\"A;Brand";v="99""#, &[(r#"\Not"A;Brand"#, "99")]);
        check(r#""Desktop", "Tablet""#, &[("Desktop", ""), ("Tablet", "")]);
    }

    #[test]
    fn what_is_not_well_formed_is_read_as_far_as_it_goes() {
        check("", &[]);
        check("Chromium;v=149", &[("Chromium", "149")]);
        check(r#""unclosed"#, &[("unclosed", "")]);
        check(r#""a"b;x,,"c""#, &[("a", ""), ("", ""), ("c", "")]);
        check(";;=;v", &[("", "")]);
        check(r#""a" ; w="1"; V="2" trailing, "b""#, &[("a", "2"), ("b", "")]);
        assert_eq!(members(&",".repeat(500)).len(), MAX_MEMBERS);
    }

    #[test]
    fn booleans_are_read_in_the_forms_that_hosts_pass_on() {
        assert_eq!(boolean("?1"), Some(true));
        assert_eq!(boolean(" ?0 "), Some(false));
        assert_eq!(boolean("\"?1\""), Some(true));
        assert_eq!(boolean("false"), Some(false));
        assert_eq!(boolean("maybe"), None);
    }
}
