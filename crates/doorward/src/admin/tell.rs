//! Answers for people: a table for a list, lines of name and value for one thing.

use serde_json::Value;

/// A column of a list: its heading, and where its value stands in an item.
pub(crate) type Column = (&'static str, &'static str);

/// The answer in words.
pub(crate) fn tell(columns: &[Column], answer: &Value) -> String {
    // Of a change, people see what changed.
    let Some(items) = answer.get("items").or_else(|| answer.get("changes")).and_then(Value::as_array) else {
        let mut lines = Vec::new();
        facts("", answer, &mut lines);
        let width = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        return lines.iter().map(|(name, value)| format!("{}  {value}\n", padded(name, width))).collect();
    };
    if items.is_empty() {
        return "None.\n".to_owned();
    }
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(heading, _)| (*heading).to_owned()).collect()];
    rows.extend(items.iter().map(|item| columns.iter().map(|(_, place)| cell(item.pointer(place))).collect()));
    let widths: Vec<usize> = (0..columns.len()).map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| row.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect::<Vec<_>>().join("  ");
    let mut text: String = rows.iter().map(|row| format!("{}\n", line(row).trim_end())).collect();
    if let Some(cursor) = answer.get("next_cursor").and_then(Value::as_str) {
        text.push_str(&format!("There is more: --cursor {cursor}\n"));
    }
    text
}

fn facts(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(part, value)| facts(&below(part), value, lines)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(at, item)| facts(&below(&(at + 1).to_string()), item, lines));
        }
        Value::Null => {}
        value => lines.push((name.to_owned(), cell(Some(value)))),
    }
}

/// A value on one line. What hosts and browsers sent can't move the cursor of a terminal.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(", "),
        Some(value) => value.to_string(),
    };
    let unsafe_to_show = |c: char| c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().flat_map(|c| if unsafe_to_show(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_tables_and_things_are_lines() {
        let list = json!({"items": [{"id": "a", "on": {"name": "Zoë"}}, {"id": "bcd", "on": {"name": null}}], "next_cursor": "xyz"});
        let columns: &[Column] = &[("ID", "/id"), ("NAME", "/on/name"), ("NONE", "/none")];
        assert_eq!(tell(columns, &list), "ID   NAME  NONE\na    Zoë   -\nbcd  -     -\nThere is more: --cursor xyz\n");
        assert_eq!(tell(columns, &json!({"items": [], "next_cursor": null})), "None.\n");
        assert_eq!(tell(columns, &json!({"id": "a", "in": {"x": 1, "y": null}, "all": ["p", "q"]})), "all   p, q\nid    a\nin.x  1\n");
    }

    #[test]
    fn what_browsers_sent_stays_on_its_line() {
        let told = tell(&[("NAME", "/name")], &json!({"items": [{"name": "a\u{1b}[2J\nb\u{202e}c"}], "next_cursor": null}));
        assert_eq!(told, "NAME\na\\u{1b}[2J\\u{a}b\\u{202e}c\n");
    }
}
