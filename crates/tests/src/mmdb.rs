//! Writes small databases in MaxMind's format (MaxMind DB specification 2.0), so that no test needs one of somebody else's.

use std::net::IpAddr;

use serde_json::{Value, json};

/// What one side of a node of the tree leads to.
#[derive(Clone, Copy)]
enum Side {
    Nothing,
    Node(usize),
    /// A record, by its place among the data.
    Record(usize),
}

/// A database of networks such as `203.0.113.0/24`, each with its record. Where two overlap, the narrower counts. `record_bits` is
/// 24, 28 or 32. A whole number is written as `uint16`, another one as `double`.
///
/// # Panics
/// If a network is none, or the file becomes larger than `record_bits` can say.
#[must_use]
pub fn mmdb(sort: &str, built_at_s: u64, record_bits: u16, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut networks: Vec<(u128, u32, &Value)> = networks.iter().map(|(text, record)| network(text, record)).collect();
    networks.sort_by_key(|(_, length, _)| *length);
    let (mut tree, mut data) = (vec![[Side::Nothing; 2]], vec![]);
    for (first, length, record) in networks {
        let place = data.len();
        encode(record, &mut data);
        insert(&mut tree, first, length, place);
    }
    let mut file = vec![];
    let number = |side| match side {
        Side::Nothing => tree.len(),
        Side::Node(node) => node,
        Side::Record(place) => tree.len() + 16 + place,
    };
    for [left, right] in &tree {
        file.extend(node(number(*left), number(*right), record_bits));
    }
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    size(&mut file, 7, 9);
    for (name, value) in [("binary_format_major_version", 2), ("binary_format_minor_version", 0), ("ip_version", 6), ("record_size", record_bits)] {
        encode(&json!(name), &mut file);
        encode(&json!(value), &mut file);
    }
    encode(&json!("node_count"), &mut file);
    unsigned(&mut file, 6, u64::try_from(tree.len()).expect("a few"));
    encode(&json!("build_epoch"), &mut file);
    unsigned(&mut file, 9, built_at_s);
    for (name, value) in [("database_type", json!(sort)), ("languages", json!(["en"])), ("description", json!({ "en": "Made by a test" }))] {
        encode(&json!(name), &mut file);
        encode(&value, &mut file);
    }
    file
}

/// A network's first address and length among IPv6 addresses; IPv4 lies in the lowest 32 bits.
fn network<'a>(text: &str, record: &'a Value) -> (u128, u32, &'a Value) {
    let (address, length) = text.split_once('/').expect("an address and a length");
    let length: u32 = length.parse().expect("a length");
    match address.parse().expect("an address") {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 96 + length, record),
        IpAddr::V6(v6) => (u128::from(v6), length, record),
    }
}

fn insert(tree: &mut Vec<[Side; 2]>, first: u128, length: u32, place: usize) {
    let mut at = 0;
    for depth in 0..length {
        let side = usize::from(first >> (127 - depth) & 1 == 1);
        if depth + 1 == length {
            tree[at][side] = Side::Record(place);
            return;
        }
        at = match tree[at][side] {
            Side::Node(next) => next,
            // A wider network's record is split in two.
            wider => {
                tree.push([wider; 2]);
                let next = tree.len() - 1;
                tree[at][side] = Side::Node(next);
                next
            }
        };
    }
}

fn node(left: usize, right: usize, record_bits: u16) -> Vec<u8> {
    let bytes = |number: usize| u32::try_from(number).expect("a small file").to_be_bytes();
    let ([l0, l1, l2, l3], [r0, r1, r2, r3]) = (bytes(left), bytes(right));
    match record_bits {
        24 => vec![l1, l2, l3, r1, r2, r3],
        // The highest four bits of each side share the middle byte.
        28 => vec![l1, l2, l3, l0 << 4 | r0, r1, r2, r3],
        _ => vec![l0, l1, l2, l3, r0, r1, r2, r3],
    }
}

/// Writes the control byte of a type and a size, and what else they need.
fn size(file: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, more) = match size {
        0..29 => (size, vec![]),
        29..285 => (29, vec![size - 29]),
        _ => (30, vec![(size - 285) >> 8, (size - 285) & 0xff]),
    };
    let byte = |number: usize| u8::try_from(number).expect("a byte");
    // From 8 on a type doesn't fit into three bits and has a byte of its own.
    if kind < 8 {
        file.push(kind << 5 | byte(short));
    } else {
        file.extend([byte(short), kind - 7]);
    }
    file.extend(more.into_iter().map(byte));
}

fn unsigned(file: &mut Vec<u8>, kind: u8, number: u64) {
    let bytes: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    size(file, kind, bytes.len());
    file.extend(bytes);
}

fn encode(value: &Value, file: &mut Vec<u8>) {
    match value {
        Value::String(text) => {
            size(file, 2, text.len());
            file.extend(text.as_bytes());
        }
        Value::Number(number) => match number.as_u64() {
            Some(whole) => unsigned(file, 5, whole),
            None => {
                size(file, 3, 8);
                file.extend(number.as_f64().expect("a number").to_be_bytes());
            }
        },
        Value::Object(members) => {
            size(file, 7, members.len());
            for (name, value) in members {
                encode(&json!(name), file);
                encode(value, file);
            }
        }
        Value::Array(items) => {
            size(file, 11, items.len());
            items.iter().for_each(|item| encode(item, file));
        }
        Value::Bool(yes) => size(file, 14, usize::from(*yes)),
        Value::Null => panic!("the format has no null"),
    }
}
