//! What a person, a host, an operator or a thief may do, drawn at random.

use doorward_domain::{Binding, MfaMethod, Policy, Preset, Rules};
use proptest::prelude::*;
use proptest::sample::select;

/// What is shown for a device token at a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// What the browser was given last.
    Own,
    /// What it was given before that.
    Old,
    /// A copy of another browser's.
    Copied,
    /// Another user's.
    Strange,
    /// Nothing.
    Nothing,
    /// Rubbish.
    Garbage,
}

/// What the host says of the second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// There is one; it wasn't asked for.
    Unasked,
    /// It was asked for and verified now, at the completion.
    Code(MfaMethod),
    /// It was verified so many seconds before the evaluation.
    Done(MfaMethod, u32),
    /// The person has none.
    None,
}

/// How a sign-in begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) browser: usize,
    pub(crate) shown: Shown,
    pub(crate) second: Second,
    pub(crate) require_mfa: bool,
}

/// How it is completed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closing {
    pub(crate) trust: bool,
    pub(crate) refuse_trust: bool,
}

/// One act. Numbers name browsers, devices, sessions, offers and sign-ins in the order in which they came, around.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Wait(i64),
    SignIn(Entry, Closing),
    Evaluate(Entry),
    Complete(usize, Option<MfaMethod>, Closing),
    Direct(Entry, Closing),
    Activate { offer: usize, caller: Option<usize> },
    Decline { offer: usize, caller: Option<usize> },
    Trust { session: usize, device: usize },
    TrustAsHost { device: usize, method: MfaMethod, ago: u32 },
    Untrust { device: usize, caller: Option<usize>, all: bool },
    Hijack(usize),
    Release(usize),
    Forget(usize),
    ForgetOthers(usize),
    SignOutDevice(usize),
    EndSession(usize),
    EndAll { caller: Option<usize>, keep: bool },
    StepUp { session: usize, method: MfaMethod, ago: u32 },
    Touch(usize),
    ChangeFactors,
    ChangeCredentials,
    Disable(bool),
    Fence,
    Choose(usize),
}

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Ends of the policies below, and a microsecond around them.
fn wait() -> impl Strategy<Value = i64> {
    let ends = [1, 59, 60, 300, 301, 600, 1_800, 3_600, 7_200].map(|seconds| seconds * SECOND);
    let near = ends.into_iter().chain([DAY, 7 * DAY, 30 * DAY]).flat_map(|end| [end - 1, end, end + 1]);
    select(near.chain([1]).collect::<Vec<_>>())
}

fn method() -> impl Strategy<Value = MfaMethod> {
    select(vec![MfaMethod::Totp, MfaMethod::Totp, MfaMethod::Webauthn, MfaMethod::BackupCode])
}

fn ago() -> impl Strategy<Value = u32> {
    select(vec![0, 0, 30, 299, 300, 301, 600, 601])
}

fn entry() -> impl Strategy<Value = Entry> {
    let shown = select(vec![Shown::Own, Shown::Own, Shown::Own, Shown::Own, Shown::Old, Shown::Copied, Shown::Strange, Shown::Nothing, Shown::Garbage]);
    let second = prop_oneof![
        3 => Just(Second::Unasked),
        4 => method().prop_map(Second::Code),
        1 => (method(), ago()).prop_map(|(method, ago)| Second::Done(method, ago)),
        1 => Just(Second::None),
    ];
    (0..4_usize, shown, second, prop::bool::weighted(0.1)).prop_map(|(browser, shown, second, require_mfa)| Entry { browser, shown, second, require_mfa })
}

fn closing() -> impl Strategy<Value = Closing> {
    (prop::bool::weighted(0.3), prop::bool::weighted(0.1)).prop_map(|(trust, refuse_trust)| Closing { trust, refuse_trust })
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let some = || 0..12_usize;
    let caller = || prop::option::of(0..12_usize);
    prop_oneof![
        8 => wait().prop_map(Op::Wait),
        12 => (entry(), closing()).prop_map(|(entry, closing)| Op::SignIn(entry, closing)),
        4 => entry().prop_map(Op::Evaluate),
        4 => (some(), prop::option::of(method()), closing()).prop_map(|(pending, code, closing)| Op::Complete(pending, code, closing)),
        3 => (entry(), closing()).prop_map(|(entry, closing)| Op::Direct(entry, closing)),
        6 => (some(), caller()).prop_map(|(offer, caller)| Op::Activate { offer, caller }),
        2 => (some(), caller()).prop_map(|(offer, caller)| Op::Decline { offer, caller }),
        4 => (some(), some()).prop_map(|(session, device)| Op::Trust { session, device }),
        2 => (some(), method(), ago()).prop_map(|(device, method, ago)| Op::TrustAsHost { device, method, ago }),
        2 => (some(), caller(), any::<bool>()).prop_map(|(device, caller, all)| Op::Untrust { device, caller, all }),
        1 => some().prop_map(Op::Hijack),
        1 => some().prop_map(Op::Release),
        2 => some().prop_map(Op::Forget),
        1 => some().prop_map(Op::ForgetOthers),
        1 => some().prop_map(Op::SignOutDevice),
        2 => some().prop_map(Op::EndSession),
        1 => (caller(), any::<bool>()).prop_map(|(caller, keep)| Op::EndAll { caller, keep }),
        3 => (some(), method(), ago()).prop_map(|(session, method, ago)| Op::StepUp { session, method, ago }),
        4 => some().prop_map(Op::Touch),
        1 => Just(Op::ChangeFactors),
        1 => Just(Op::ChangeCredentials),
        1 => any::<bool>().prop_map(Op::Disable),
        1 => Just(Op::Fence),
        2 => (0..4_usize).prop_map(Op::Choose),
    ]
}

/// The policies that are chosen from.
pub(crate) fn policy(number: usize) -> Policy {
    let consumer = Policy::preset(Preset::Consumer).rules().clone();
    let short = Rules {
        trust_for_s: 3_600,
        trust_max_s: 7_200,
        activation_ttl_s: 60,
        offer_again_after_s: 600,
        recent_mfa_s: 300,
        session_idle_s: 1_800,
        session_absolute_s: 7_200,
        max_devices: 3,
        max_sessions: 4,
        trust_methods: vec![MfaMethod::Totp],
        require_second_factor: true,
        ..consumer.clone()
    };
    let narrow = Rules { max_devices: 2, max_sessions: 2, offer_again_after_s: 0, trust_binding: Binding::Fingerprint, recent_mfa_s: 600, ..consumer };
    match number {
        0 => Policy::preset(Preset::Consumer),
        1 => Policy::custom(short).expect("valid"),
        2 => Policy::preset(Preset::NistAal2),
        _ => Policy::custom(narrow).expect("valid"),
    }
}
