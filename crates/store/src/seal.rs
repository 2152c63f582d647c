//! Sealing at rest: a row's private cells become one sealed cell, and back. Rows' own files only say which are private.

use doorward_domain::{DataKey, Head, KeyRing};

use crate::StoreError;
use crate::row::{Row as _, Table, Value};

/// What a row's private cells are sealed under.
#[derive(Clone, Copy)]
pub(crate) enum Seal<'a> {
    /// Nothing: what belongs to no person. What was sealed under a key that is destroyed reads as NULL.
    Open,
    /// The server's keys: accounts' heads, and so their data keys.
    Server(&'a KeyRing),
    /// The account's data key: whatever else is an account's.
    Account(&'a DataKey),
}

/// How a sealed cell begins.
const PLAIN: u8 = 0;
pub(crate) const SEALED: u8 = 1;

impl Seal<'_> {
    /// A row's values as they are stored: the scope's and the public ones, then the private ones as one sealed cell.
    pub(crate) fn close(self, table: &Table, values: Vec<Value>) -> Vec<Value> {
        if !table.is_private() {
            return values;
        }
        let scope = table.scope.columns().len();
        let private = |at: usize| at.checked_sub(scope).is_some_and(|own| table.columns[own].private);
        let (mut stored, mut hidden) = (Vec::with_capacity(values.len()), vec![]);
        for (at, value) in values.into_iter().enumerate() {
            if private(at) {
                write(&mut hidden, &value);
            } else {
                stored.push(value);
            }
        }
        let about = about(table, &stored[scope..]);
        let cell = match self {
            Self::Open => [&[PLAIN][..], &hidden].concat(),
            Self::Server(keys) => [&[SEALED][..], &keys.wrap(&about, &hidden)].concat(),
            Self::Account(key) => [&[SEALED][..], &key.seal(&about, &hidden)].concat(),
        };
        stored.push(Value::Blob(cell));
        stored
    }

    /// The reverse, without the scope's values.
    pub(crate) fn open(self, table: &Table, stored: Vec<Value>) -> Result<Vec<Value>, StoreError> {
        if !table.is_private() {
            return Ok(stored);
        }
        let corrupt = || StoreError::corrupt(table.name, "sealed");
        let public = table.columns.iter().filter(|column| !column.private).count();
        let Some(Value::Blob(cell)) = stored.get(public) else { return Err(corrupt()) };
        let (&form, sealed) = cell.split_first().ok_or_else(corrupt)?;
        let about = about(table, &stored);
        let hidden = match (form, self) {
            (PLAIN, Self::Open) => Some(sealed.to_vec()),
            (SEALED, Self::Open) => None,
            (SEALED, Self::Server(keys)) => {
                let unwrapped = keys.unwrap(&about, sealed);
                Some(unwrapped.map_err(|_| unknown_key())?.ok_or_else(corrupt)?)
            }
            (SEALED, Self::Account(key)) => Some(key.open(&about, sealed).ok_or_else(corrupt)?),
            _ => return Err(corrupt()),
        };
        let mut hidden = hidden.as_deref();
        let mut stored = stored.into_iter();
        let mut values = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            let value = match &mut hidden {
                Some(text) if column.private => read(text),
                None if column.private => Some(Value::Null),
                _ => stored.next(),
            };
            values.push(value.ok_or_else(corrupt)?);
        }
        // What was selected besides the row comes after the sealed cell.
        values.extend(stored.skip(1));
        Ok(values)
    }
}

/// An account's sealed head, sealed anew under the active server key. `None` where it is already.
pub(crate) fn resealed(keys: &KeyRing, account: &Value, cell: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let corrupt = || StoreError::corrupt(Head::TABLE.name, "sealed");
    let sealed = cell.strip_prefix(&[SEALED]).ok_or_else(corrupt)?;
    if sealed.starts_with(&keys.active().0.to_be_bytes()) {
        return Ok(None);
    }
    let about = about(Head::TABLE, std::slice::from_ref(account));
    let hidden = keys.unwrap(&about, sealed).map_err(|_| unknown_key())?.ok_or_else(corrupt)?;
    Ok(Some([&[SEALED][..], &keys.wrap(&about, &hidden)].concat()))
}

fn unknown_key() -> StoreError {
    StoreError::Unavailable("an account is sealed under a server key that this node lacks; give it in DOORWARD_SECRET_KEY, beside the new one".to_owned())
}

/// What a sealed cell is bound to: its table, and its row's key.
fn about(table: &Table, own: &[Value]) -> Vec<u8> {
    let mut about = table.name.as_bytes().to_vec();
    own[..table.key].iter().for_each(|value| write(&mut about, value));
    about
}

/// Values as bytes, from which they follow.
pub(crate) fn written(values: &[Value]) -> Vec<u8> {
    let mut bytes = vec![];
    values.iter().for_each(|value| write(&mut bytes, value));
    bytes
}

/// One value: its kind, then its bytes, with their length where it varies.
fn write(to: &mut Vec<u8>, value: &Value) {
    let mut prefixed = |kind: u8, bytes: &[u8]| {
        to.push(kind);
        let mut length = bytes.len();
        while length >= 128 {
            to.push(u8::try_from(length % 128).expect("it is below 128") | 128);
            length /= 128;
        }
        to.push(u8::try_from(length).expect("it is below 128"));
        to.extend(bytes);
    };
    match value {
        Value::Null => to.push(0),
        Value::Int(number) => {
            to.push(1);
            to.extend(number.to_be_bytes());
        }
        Value::Text(text) => prefixed(2, text.as_bytes()),
        Value::Blob(bytes) => prefixed(3, bytes),
    }
}

/// The reverse; moves on to the next.
fn read(from: &mut &[u8]) -> Option<Value> {
    let (&kind, rest) = from.split_first()?;
    *from = rest;
    let value = match kind {
        0 => Value::Null,
        1 => {
            let (number, rest) = from.split_first_chunk::<8>()?;
            *from = rest;
            Value::Int(i64::from_be_bytes(*number))
        }
        2 => Value::Text(String::from_utf8(prefixed(from)?.to_vec()).ok()?),
        3 => Value::Blob(prefixed(from)?.to_vec()),
        _ => return None,
    };
    Some(value)
}

fn prefixed<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        length |= usize::from(byte & 127).checked_shl(shift)?;
        shift += 7;
        if byte < 128 {
            break;
        }
    }
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Scope, blob, int, maybe, private, text};

    const TABLE: &Table = &Table {
        name: "thing",
        scope: Scope::Shard,
        key: 1,
        primary_key: None,
        columns: &[int("id"), private(blob("ip")), text("kind"), private(maybe(text("name"))), private(int("number"))],
        indexes: &[],
    };

    fn row(name: Value) -> Vec<Value> {
        vec![Value::Int(9), Value::Int(1), Value::Blob(vec![7; 300]), Value::Text("k".to_owned()), name, Value::Int(-5)]
    }

    #[test]
    fn private_cells_come_back_and_are_bound_to_their_row() {
        let key = DataKey::new([1; 32]);
        for name in [Value::Null, Value::Text("ü".repeat(200)), Value::Text(String::new())] {
            let mut stored = Seal::Account(&key).close(TABLE, row(name.clone()));
            assert_eq!(stored.len(), 4, "the scope, two public cells and the sealed one");
            // Without the scope, and with something selected besides.
            stored.remove(0);
            stored.push(Value::Int(77));
            let mut values = row(name);
            values.remove(0);
            values.push(Value::Int(77));
            assert_eq!(Seal::Account(&key).open(TABLE, stored.clone()).expect("it opens"), values);
            let open = Seal::Open.open(TABLE, stored.clone()).expect("it reads");
            assert_eq!((&open[1], &open[2], &open[3]), (&Value::Null, &values[2], &Value::Null), "its key is gone");
            stored[0] = Value::Int(2);
            assert!(matches!(Seal::Account(&key).open(TABLE, stored), Err(StoreError::Corrupt(_))), "another row's");
        }
    }

    #[test]
    fn heads_open_under_any_key_of_the_ring_and_say_which_is_missing() {
        let stored = Seal::Server(&KeyRing::new(&[[1; 32]])).close(TABLE, row(Value::Null))[1..].to_vec();
        assert!(Seal::Server(&KeyRing::new(&[[2; 32], [1; 32]])).open(TABLE, stored.clone()).is_ok());
        assert!(matches!(Seal::Server(&KeyRing::new(&[[2; 32]])).open(TABLE, stored), Err(StoreError::Unavailable(_))));
    }

    #[test]
    fn what_no_person_owns_is_stored_as_it_is() {
        let stored = Seal::Open.close(TABLE, row(Value::Null))[1..].to_vec();
        let key = DataKey::new([1; 32]);
        assert!(Seal::Open.open(TABLE, stored.clone()).is_ok());
        assert!(matches!(Seal::Account(&key).open(TABLE, stored), Err(StoreError::Corrupt(_))), "an account's row is sealed, or it isn't the account's");
    }
}
