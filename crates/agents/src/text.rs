//! Makes text of a stranger fit to be shown: bounded, on one line, without invisible characters.

use std::borrow::Cow;

/// The longest name of a product, a platform or a device that is kept, in characters.
pub(crate) const MAX_NAME: usize = 40;

/// `text` without control and invisible characters, with single spaces, cut to `max` characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max * 4));
    let mut length = 0;
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            space = length > 0;
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        let needed = 1 + usize::from(space);
        if length + needed > max {
            break;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
        }
        out.push(c);
        length += needed;
    }
    out
}

/// A name as [`clean`] makes it; iOS apps write the spaces of theirs as `%20`.
pub(crate) fn name(text: &str) -> String {
    let text = if text.contains("%20") { Cow::Owned(text.replace("%20", " ")) } else { Cow::Borrowed(text) };
    clean(&text, MAX_NAME)
}

/// At most `max` bytes of `text`, cut between two characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Characters that have no look of their own but change how their neighbours look: with them a
/// stranger could make one device's name read like another's.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffd}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_and_on_one_line() {
        assert_eq!(clean("  a\r\n\tb\u{0}c  ", 10), "a b c");
        assert_eq!(clean("\u{202e}evil\u{200b}", 10), "evil");
        assert_eq!(clean("abc def", 4), "abc");
        assert_eq!(clean("äöüß", 3), "äöü");
        assert_eq!(clean("", 3), "");
        assert_eq!(name("Acme%20App"), "Acme App");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("aäb", 2), "a");
        assert_eq!(cut("aäb", 3), "aä");
        assert_eq!(cut("a", 100), "a");
    }
}
