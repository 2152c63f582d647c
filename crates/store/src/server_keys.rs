//! The server keys that a store has been used with: a node whose keys don't fit is found out before it answers.

use doorward_domain::KeyId;

use crate::StoreError;

/// A server key's id and check value.
pub(crate) type KeyCheck = (KeyId, [u8; 16]);

/// Which of the `given` keys is to be recorded beside the `known` ones: the first, since it is the one that new hashes are under.
pub(crate) fn unrecorded(known: &[KeyCheck], given: &[KeyCheck]) -> Result<Option<KeyCheck>, StoreError> {
    let find = |id| known.iter().find(|(known, _)| *known == id);
    for (id, check) in given {
        if find(*id).is_some_and(|(_, known)| known != check) {
            return Err(StoreError::Misconfigured(format!("server key {id} is damaged: its check value differs from the one on record")));
        }
    }
    if !known.is_empty() && !given.iter().any(|(id, _)| find(*id).is_some()) {
        let known = known.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>().join(", ");
        return Err(StoreError::Misconfigured(format!(
            "this database was made with another server key ({known}): set DOORWARD_SECRET_KEY to that key, or no token in it can be checked"
        )));
    }
    Ok(given.first().filter(|(id, _)| find(*id).is_none()).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_must_share_a_key_with_the_store_and_damage_none() {
        let (a, b) = ((KeyId(1), [1; 16]), (KeyId(2), [2; 16]));
        assert_eq!(unrecorded(&[], &[a]).expect("a new store takes any"), Some(a));
        assert_eq!(unrecorded(&[a], &[b, a]).expect("a rotation"), Some(b));
        assert_eq!(unrecorded(&[a], &[a, b]).expect("a rotation to come"), None);
        assert_eq!(unrecorded(&[a], &[a]).expect("the same"), None);
        assert!(unrecorded(&[a], &[b]).is_err(), "a stranger");
        assert!(unrecorded(&[a], &[(KeyId(1), [9; 16])]).is_err(), "a damaged key");
    }
}
