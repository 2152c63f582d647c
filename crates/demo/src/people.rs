//! The people who may sign in to this demo: names, passwords and one-time-code secrets, in memory.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::pbkdf2;

use crate::random;
use crate::totp::Secret;

const HASH: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
/// After so many wrong codes in a row there is a pause.
const WRONG_CODES: u32 = 5;
const PAUSE_SECONDS: u64 = 30;

/// Someone ready to sign in, so that a newcomer need not register.
pub(crate) struct Seed {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    secret: Option<[u8; 20]>,
}

impl Seed {
    pub(crate) fn has_codes(&self) -> bool {
        self.secret.is_some()
    }
}

/// Ada has a second factor, Bob has none.
pub(crate) const SEEDS: [Seed; 2] =
    [Seed { name: "ada", password: "correct horse", secret: Some(*b"ada-of-the-demo-only") }, Seed { name: "bob", password: "battery staple", secret: None }];

/// A password as it is kept: salted and stretched.
#[derive(Clone)]
pub(crate) struct PasswordHash {
    salt: [u8; 16],
    hash: [u8; 32],
}

impl PasswordHash {
    /// Takes about a tenth of a second: call it off the async threads.
    pub(crate) fn new(password: &str) -> std::io::Result<Self> {
        let salt = random::bytes()?;
        let mut hash = [0; 32];
        pbkdf2::derive(HASH, ROUNDS, &salt, password.as_bytes(), &mut hash);
        Ok(Self { salt, hash })
    }

    fn fits(&self, password: &str) -> bool {
        pbkdf2::verify(HASH, ROUNDS, &self.salt, password.as_bytes(), &self.hash).is_ok()
    }
}

/// Who a page or a sign-in is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    /// The host's own id of the person, which is all that Doorward knows of them.
    pub(crate) user_id: String,
    pub(crate) name: String,
    pub(crate) has_codes: bool,
}

/// What came of a one-time code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CodeCheck {
    Right,
    Wrong,
    /// Too many wrong ones: none is looked at for so many seconds.
    Pause(u64),
}

struct Person {
    who: Who,
    password: PasswordHash,
    codes: Option<Codes>,
}

struct Codes {
    secret: Secret,
    last_step: Option<u64>,
    wrong: u32,
    pause_until: u64,
}

/// Everyone, by their id.
pub(crate) struct People {
    by_id: Mutex<HashMap<String, Person>>,
    /// Compared when the name is unknown, so that the time taken doesn't tell.
    nobody: PasswordHash,
}

impl People {
    /// Ada and Bob. Stretches passwords, so it takes a moment.
    pub(crate) fn seeded() -> std::io::Result<Self> {
        let people = Self { by_id: Mutex::default(), nobody: PasswordHash::new("nobody")? };
        for seed in &SEEDS {
            let password = PasswordHash::new(seed.password)?;
            let secret = seed.secret.map(Secret::new);
            people.insert(seed.name.to_owned(), seed.name, password, secret);
        }
        Ok(people)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Person>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, user_id: String, name: &str, password: PasswordHash, secret: Option<Secret>) -> Option<Who> {
        let mut people = self.lock();
        if people.values().any(|person| same(&person.who.name, name)) {
            return None;
        }
        let who = Who { user_id: user_id.clone(), name: name.to_owned(), has_codes: secret.is_some() };
        let codes = secret.map(|secret| Codes { secret, last_step: None, wrong: 0, pause_until: 0 });
        let person = Person { who: who.clone(), password, codes };
        people.insert(user_id, person);
        Some(who)
    }

    /// Adds a person, unless the name is taken.
    pub(crate) fn add(&self, user_id: &str, name: &str, password: PasswordHash, secret: Option<Secret>) -> Option<Who> {
        self.insert(user_id.to_owned(), name, password, secret)
    }

    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.lock().values().any(|p| same(&p.who.name, name))
    }

    /// The person of this name and password. Slow on purpose: call it off the async threads.
    pub(crate) fn sign_in(&self, name: &str, password: &str) -> Option<Who> {
        let found = self.lock().values().find(|person| same(&person.who.name, name.trim())).map(|person| (person.who.clone(), person.password.clone()));
        match found {
            Some((who, hash)) => hash.fits(password).then_some(who),
            None => {
                self.nobody.fits(password);
                None
            }
        }
    }

    pub(crate) fn by_id(&self, user_id: &str) -> Option<Who> {
        self.lock().get(user_id).map(|person| person.who.clone())
    }

    /// Judges a one-time code and, if it is right, uses it up.
    pub(crate) fn check_code(&self, user_id: &str, code: &str, unix: u64) -> CodeCheck {
        let mut people = self.lock();
        let Some(codes) = people.get_mut(user_id).and_then(|p| p.codes.as_mut()) else {
            return CodeCheck::Wrong;
        };
        if unix < codes.pause_until {
            return CodeCheck::Pause(codes.pause_until - unix);
        }
        if let Some(step) = codes.secret.accepts(code, unix, codes.last_step) {
            codes.last_step = Some(step);
            codes.wrong = 0;
            return CodeCheck::Right;
        }
        codes.wrong += 1;
        if codes.wrong.is_multiple_of(WRONG_CODES) {
            codes.pause_until = unix + PAUSE_SECONDS;
        }
        CodeCheck::Wrong
    }

    /// The secret, and the code to show beside the field (or the seconds until there is one).
    pub(crate) fn authenticator(&self, user_id: &str, unix: u64) -> Option<(Secret, Result<String, u64>)> {
        let people = self.lock();
        let codes = people.get(user_id)?.codes.as_ref()?;
        let next = codes.secret.next(unix, codes.last_step);
        Some((codes.secret.clone(), next))
    }

    /// A code just proved at enrolment counts as used.
    pub(crate) fn mark_used(&self, user_id: &str, step: u64) {
        if let Some(codes) = self.lock().get_mut(user_id).and_then(|p| p.codes.as_mut()) {
            codes.last_step = codes.last_step.max(Some(step));
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// Why a name can't be one, in words for the person.
pub(crate) fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("Enter a name or an e-mail address.")
    } else if name.chars().count() > 64 {
        Some("Keep it to 64 characters.")
    } else if name.chars().any(char::is_control) {
        Some("Use letters, digits and signs only.")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_once_and_wrong_ones_bring_a_pause() {
        let people = People::seeded().expect("people");
        let unix = 1_000_000_000;
        let (secret, next) = people.authenticator("ada", unix).expect("ada has codes");
        let code = next.expect("a code");
        assert_eq!(code, secret.code(unix / 30));
        assert_eq!(people.check_code("ada", &code, unix), CodeCheck::Right);
        for _ in 0..WRONG_CODES {
            assert_eq!(people.check_code("ada", &code, unix), CodeCheck::Wrong);
        }
        let later = secret.code(unix / 30 + 1);
        assert_eq!(people.check_code("ada", &later, unix), CodeCheck::Pause(30));
        assert_eq!(people.check_code("ada", &later, unix + 30), CodeCheck::Right);
        assert_eq!(people.check_code("bob", "000000", unix), CodeCheck::Wrong);
    }

    #[test]
    fn passwords_decide_and_names_are_taken_once() {
        let people = People::seeded().expect("people");
        assert!(people.sign_in("Ada ", "correct horse").is_some());
        assert!(people.sign_in("ada", "battery staple").is_none());
        assert!(people.sign_in("eve", "correct horse").is_none());
        assert!(people.is_taken("ADA"));
        let hash = PasswordHash::new("x").expect("hash");
        assert!(people.add("other", "BOB", hash, None).is_none());
    }
}
