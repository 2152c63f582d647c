//! Plain text: what a caller may call something.

/// Whether a text has 1 to `longest` characters, none of them a control character.
#[must_use]
pub fn is_plain_text(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::is_plain_text;

    #[test]
    fn characters_are_counted_and_controls_are_none() {
        for (text, fits) in [("", false), ("é", true), ("éé", true), ("ééé", false), ("\n", false), ("a\u{85}", false), (" ", true)] {
            assert_eq!(is_plain_text(text, 2), fits, "{text:?}");
        }
    }
}
