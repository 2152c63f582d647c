//! The account: the unit of consistency, as a rule sees it. Rules alter and add; the store compares before and after.

use std::sync::Arc;

use crate::codes::closed_set;
use crate::event::About;
use crate::{
    AccountId, Actor, Cause, DataKey, Device, DeviceId, Ending, Event, EventId, EventKind, Generations, KeyRing, Locations, Mint, NewAccount, Offer, Once,
    Refusal, Reported, Session, SessionId, Shard, SignIn, Tenant, TenantId, Timestamp, UserId,
};

/// What an account is, apart from what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Where it lies.
    pub shard: Shard,
    /// Its id, minted at random: nothing about the person follows from it.
    pub id: AccountId,
    /// Whose it is: the tenant.
    pub tenant: TenantId,
    /// Whose it is: the user.
    pub user: UserId,
    /// What its private rows are sealed under. Erasure destroys it.
    pub data_key: DataKey,
    /// When it was disabled, while it is.
    pub disabled_at: Option<Timestamp>,
    /// Raised to end every session.
    pub sessions_gen: i64,
    /// Raised to end all trust.
    pub trust_gen: i64,
    /// Raised to cancel every sign-in in progress.
    pub sign_ins_gen: i64,
    /// Since when a second factor must have been verified to count as fresh: the last security event that ended trust or sessions.
    pub factors_changed_at: Option<Timestamp>,
    /// When the person's first factor last changed.
    pub credentials_changed_at: Option<Timestamp>,
    /// The number of the last event.
    pub last_event: i64,
    /// When the user was first seen.
    pub created_at: Timestamp,
}

closed_set! {
    /// Which of an account's generations was raised.
    pub enum Generation {
        /// The sessions'.
        Sessions = 1 "sessions",
        /// The trust's.
        Trust = 2 "trust",
    }
}

/// One raise of a generation: what lets a list say, ever after, why a session or a trust ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// Which.
    pub of: Generation,
    /// The new value.
    pub to: i64,
    /// When and why.
    pub ending: Ending,
    /// By whom.
    pub actor: String,
}

/// As much of an account as its reader asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The tenant's facts, read in the same transaction.
    pub tenant: Arc<Tenant>,
    /// What it is.
    pub head: Head,
    /// Its devices, as far as they were asked for.
    pub devices: Vec<Device>,
    /// Its sessions.
    pub sessions: Vec<Session>,
    /// Its offers.
    pub offers: Vec<Offer>,
    /// Its sign-ins.
    pub sign_ins: Vec<SignIn>,
    /// How many open sign-ins are newer than the one that was asked for; counted up to 100.
    pub newer_sign_ins: usize,
    /// The raises of its generations.
    pub raises: Vec<Raise>,
    /// The security event that was reported under the id that was asked for, and those that the rule adds.
    pub reported: Vec<Reported>,
    /// Its events: those that were asked for, and those that the rule adds.
    pub events: Vec<Event>,
    /// The records of the requests that were asked for, whichever account they went to.
    pub once: Vec<Once>,
}

/// What a rule is handed besides the account: the moment, who acts, the mint and the keys.
pub struct Moment<'a> {
    /// Now.
    pub now: Timestamp,
    /// Who acts.
    pub actor: Actor,
    /// Where ids and secrets come from.
    pub mint: Mint,
    /// What hashes are keyed with.
    pub keys: &'a KeyRing,
    /// What knows where addresses are.
    pub locations: &'a dyn Locations,
}

/// How many sessions an act ended: exact up to 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// At most 1,000.
    pub number: usize,
    /// Whether there were more.
    pub more: bool,
}

impl From<usize> for Count {
    fn from(counted: usize) -> Self {
        Self { number: counted.min(1_000), more: counted > 1_000 }
    }
}

impl Account {
    /// A new account with nothing in it.
    #[must_use]
    pub fn new(tenant: Arc<Tenant>, user: UserId, new: NewAccount) -> Self {
        let head = Head {
            shard: Shard::of(&tenant.id, &user),
            id: new.id,
            tenant: tenant.id.clone(),
            user,
            data_key: new.data_key,
            disabled_at: None,
            sessions_gen: 1,
            trust_gen: 1,
            sign_ins_gen: 1,
            factors_changed_at: None,
            credentials_changed_at: None,
            last_event: 0,
            created_at: new.at,
        };
        Self {
            tenant,
            head,
            devices: vec![],
            sessions: vec![],
            offers: vec![],
            sign_ins: vec![],
            newer_sign_ins: 0,
            raises: vec![],
            reported: vec![],
            events: vec![],
            once: vec![],
        }
    }

    /// The generations in force.
    #[must_use]
    pub fn generations(&self) -> Generations {
        Generations {
            sessions: self.head.sessions_gen,
            trust: self.head.trust_gen,
            sign_ins: self.head.sign_ins_gen,
            tenant_sessions: self.tenant.sessions_gen,
            tenant_trust: self.tenant.trust_gen,
        }
    }

    /// A device that isn't forgotten.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn device(&self, id: DeviceId) -> Result<&Device, Refusal> {
        self.devices.iter().find(|device| device.id == id && device.forgotten_at.is_none()).ok_or(Refusal::NotFound)
    }

    /// The same, to alter.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn device_mut(&mut self, id: DeviceId) -> Result<&mut Device, Refusal> {
        self.devices.iter_mut().find(|device| device.id == id && device.forgotten_at.is_none()).ok_or(Refusal::NotFound)
    }

    /// The device that a session is on, forgotten or not.
    ///
    /// # Errors
    /// `NotFound` if it wasn't loaded.
    pub fn device_of(&self, session: &Session) -> Result<&Device, Refusal> {
        self.devices.iter().find(|device| device.id == session.device).ok_or(Refusal::NotFound)
    }

    /// A session, live or not.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn session(&self, id: SessionId) -> Result<&Session, Refusal> {
        self.sessions.iter().find(|session| session.id == id).ok_or(Refusal::NotFound)
    }

    /// The same, to alter.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn session_mut(&mut self, id: SessionId) -> Result<&mut Session, Refusal> {
        self.sessions.iter_mut().find(|session| session.id == id).ok_or(Refusal::NotFound)
    }

    /// Adds an event to the trail.
    pub fn record(&mut self, moment: &mut Moment<'_>, kind: EventKind, about: About) {
        self.head.last_event += 1;
        let About { cause, device, session, sign_in, data } = about;
        self.events.push(Event {
            number: self.head.last_event,
            id: EventId(moment.mint.uuid(moment.now)),
            kind,
            at: moment.now,
            actor: moment.actor.to_string(),
            cause,
            device,
            session,
            sign_in,
            data,
        });
    }

    /// Records that the account was made, if this rule is the first to see it.
    pub fn record_creation(&mut self, moment: &mut Moment<'_>) {
        if self.head.last_event == 0 {
            self.record(moment, EventKind::AccountCreated, About::default());
        }
    }

    /// Raises a generation: what was born under the old one is over, in one write.
    pub(crate) fn raise(&mut self, moment: &Moment<'_>, of: Generation, cause: Cause) {
        let generation = match of {
            Generation::Sessions => &mut self.head.sessions_gen,
            Generation::Trust => &mut self.head.trust_gen,
        };
        *generation += 1;
        let to = *generation;
        self.raises.push(Raise { of, to, ending: Ending { at: moment.now, cause }, actor: moment.actor.to_string() });
    }

    /// The raise that ended what was born under a sessions generation, if raises were asked for.
    #[must_use]
    pub fn sessions_raised_after(&self, born: i64) -> Option<Ending> {
        self.raised_after(Generation::Sessions, born)
    }

    /// The raise that ended what was given under a trust generation, if raises were asked for.
    #[must_use]
    pub fn trust_raised_after(&self, given: i64) -> Option<Ending> {
        self.raised_after(Generation::Trust, given)
    }

    fn raised_after(&self, of: Generation, born: i64) -> Option<Ending> {
        self.raises.iter().find(|raise| raise.of == of && raise.to == born + 1).map(|raise| raise.ending)
    }
}
