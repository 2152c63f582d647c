//! Sessions that are opened once under a key, as a host that lost an answer asks for them again.

use doorward_domain::{Account, Completion, KeyId, KeyedHash, Made, Moment, NewAccount, Refusal, Repeatable, SessionId, Timestamp, Tokens};
use doorward_store::Need;

use crate::people::{Person, mint, passed};

/// A request, told from others by two numbers: its key, and what it asks.
#[must_use]
pub fn asked(key: u8, request: u8) -> Repeatable {
    let hash = |byte| KeyedHash { key: KeyId(1), hash: [byte; 32] };
    Repeatable { keys: vec![hash(key)], requests: vec![hash(request)] }
}

/// The rule: opens a session once. Answers whether it did, and which one it is.
///
/// # Errors
/// The domain's.
///
/// # Panics
/// If the record names no session.
pub fn open_once(account: &mut Account, moment: &mut Moment<'_>, asked: &Repeatable) -> Result<(bool, SessionId), Refusal> {
    if let Some(once) = account.before(asked, moment.now)? {
        return Ok((false, once.made.session.expect("a session")));
    }
    let opened = account.sign_in_directly(moment, passed(moment.now), None, Completion::default())?;
    let tokens = Tokens { access_token: Some(opened.access_token), ..Tokens::default() };
    let made = Made::with_tokens(moment.keys, Some(opened.session), opened.device, &tokens);
    account.remember(moment, asked, made);
    Ok((true, opened.session))
}

/// What that rule needs.
#[must_use]
pub fn needing(now: Timestamp, asked: &Repeatable) -> Need {
    Need { create: Some(NewAccount::draw(&mut mint(), now)), once: asked.keys.clone(), ..Need::standing(now) }
}

/// Opens a session of a person once.
///
/// # Errors
/// The domain's.
///
/// # Panics
/// If the store fails.
pub async fn opened_once(person: &Person, now: Timestamp, asked: &Repeatable) -> Result<(bool, SessionId), Refusal> {
    let ours = asked.clone();
    person.act_needing(needing(now, asked), now, move |account, moment| open_once(account, moment, &ours)).await
}
