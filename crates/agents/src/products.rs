//! Finds `product/version` in user agent strings that no rule knows.

/// A product that a user agent string names, and the version it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
}

/// The longest name of a product, in bytes.
const MAX_PRODUCT: usize = 60;

/// Products that are parts of a browser and not the name of the app around it.
const PARTS: [&str; 25] = [
    "AppleWebKit",
    "Build",
    "Chrome",
    "Chromium",
    "CriOS",
    "Edg",
    "Electron",
    "EdgA",
    "EdgiOS",
    "Firefox",
    "FxiOS",
    "Gecko",
    "KHTML",
    "Language",
    "Mobile",
    "Mozilla",
    "NF",
    "NetType",
    "Opera",
    "Presto",
    "Safari",
    "Scale",
    "U2",
    "Version",
    "Webkit",
];

/// The product at the start: `AcmeApp/3.2 (iPhone; …)` or `Acme App 3.2 (…)`. A name may have
/// spaces.
pub(crate) fn first(user_agent: &str) -> Option<Product<'_>> {
    if let Some(product) = user_agent.split_once('/').and_then(|p| product(p, 4)) {
        return Some(product);
    }
    let (name, version) = user_agent.split('(').next()?.trim().rsplit_once(' ')?;
    product((name, version), 4).filter(|product| product.version.contains('.'))
}

/// The app whose name stands among the parts of the browser that it embeds:
/// `Mozilla/5.0 (…) AppleWebKit/… Mobile/15E148 AcmeApp/3.2`.
pub(crate) fn embedded(user_agent: &str) -> Option<Product<'_>> {
    outside_comments(user_agent).filter_map(|token| product(token.split_once('/')?, 1)).find(|product| !PARTS.contains(&product.name))
}

/// The product in a comment such as `(compatible; AcmeBot/1.0; +https://acme.example)`.
pub(crate) fn compatible(user_agent: &str) -> Option<Product<'_>> {
    let (_, comment) = user_agent.split_once("compatible; ")?;
    let comment = comment.split([';', ')']).next()?;
    product(comment.split_once('/')?, 4)
}

fn product<'a>((name, rest): (&'a str, &'a str), most_words: usize) -> Option<Product<'a>> {
    let name = name.trim();
    let is_name = name.len() <= MAX_PRODUCT
        && name.starts_with(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || " ._-+&'!%".contains(c))
        && name.split(' ').count() <= most_words;
    let version = rest.split([' ', '(', ')', ';', ',', '/']).next()?;
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    (is_name && version.starts_with(|c: char| c.is_ascii_digit())).then_some(Product { name, version })
}

/// The words of a string that aren't in brackets.
fn outside_comments(user_agent: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    user_agent
        .split(move |c| {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => {
                    depth = depth.saturating_sub(1);
                    return true;
                }
                _ => {}
            }
            depth > 0 || c == ' '
        })
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: Option<Product<'_>>, name: &str, version: &str) {
        let found = found.map(|p| (p.name, p.version));
        assert_eq!(found, Some((name, version)));
    }

    #[test]
    fn the_first_product_is_the_app() {
        is(first("AcmeApp/3.2 (iPhone; iOS 18.0)"), "AcmeApp", "3.2");
        is(first("Acme App/v3"), "Acme App", "3");
        is(first("com.acme.app/3.2;x"), "com.acme.app", "3.2");
        is(first("Äpp/1"), "Äpp", "1");
        is(first("Acme Desk 4.1.0 (Windows 11)"), "Acme Desk", "4.1.0");
        for none in ["", "AcmeApp", "/1", "4/1", "a/b", "<b>/1", "a b c d e/1", "Acme 4 ("] {
            assert_eq!(first(none), None, "{none}");
        }
    }

    #[test]
    fn an_app_is_found_around_its_browser() {
        is(embedded("Mozilla/5.0 (iPhone; X/1) AppleWebKit/605 (a) Mobile/15E148 AcmeApp/3.2"), "AcmeApp", "3.2");
        assert_eq!(embedded("Mozilla/5.0 (Foo/1 (Bar/2)) Chrome/1"), None);
        assert_eq!(embedded("Mozilla/5.0 )))((( Foo/1"), None);
    }

    #[test]
    fn a_bot_names_itself_in_a_comment() {
        is(compatible("Mozilla/5.0 (compatible; Acme Bot/1.0; +https://acme.example)"), "Acme Bot", "1.0");
        assert_eq!(compatible("Mozilla/5.0 (compatible; "), None);
    }
}
