//! The outer world: the one place where time and randomness come from.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use doorward_domain::{Mint, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// Tells the time. Never goes back.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// From now on, at least so late: what a store remembers of an earlier run.
    fn not_before(&self, floor: Timestamp);
}

/// The seed of ids and secrets.
pub trait Entropy: Send + Sync {
    /// A mint over 256 bits that nobody can foresee.
    fn mint(&self) -> Mint;
}

/// The machine's clock, made monotone: a wall clock that steps back, even by years, is followed by the time since boot
/// instead, so that it makes nothing valid again and stops nothing from expiring.
pub struct SystemClock {
    last: Mutex<Reading>,
    ahead_micros: AtomicI64,
}

#[derive(Clone, Copy)]
struct Reading {
    told: i64,
    since_boot: i64,
}

fn micros(clock: ClockId) -> i64 {
    let at = clock_gettime(clock);
    at.tv_sec.saturating_mul(1_000_000).saturating_add(at.tv_nsec / 1_000)
}

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self { last: Mutex::new(Reading { told: 0, since_boot: micros(ClockId::Boottime) }), ahead_micros: AtomicI64::new(0) }
    }

    /// Moves the clock ahead: for the dev mode's clock alone. It can't be moved back.
    pub fn advance_s(&self, seconds: u32) {
        self.ahead_micros.fetch_add(i64::from(seconds) * 1_000_000, Ordering::Relaxed);
    }

    /// How far it was moved ahead, in seconds.
    #[must_use]
    pub fn ahead_s(&self) -> i64 {
        self.ahead_micros.load(Ordering::Relaxed) / 1_000_000
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let wall = micros(ClockId::Realtime).saturating_add(self.ahead_micros.load(Ordering::Relaxed));
        // Counts suspended time too, unlike the monotonic clock.
        let since_boot = micros(ClockId::Boottime);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let told = wall.max(last.told.saturating_add((since_boot - last.since_boot).max(0)));
        *last = Reading { told, since_boot };
        Timestamp::from_micros(told)
    }

    fn not_before(&self, floor: Timestamp) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.told = last.told.max(floor.micros());
    }
}

/// The operating system's generator.
pub struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    /// The operating system's generator.
    #[must_use]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }

    fn seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill(&mut seed).expect("an operating system without randomness runs no sign-ins");
        seed
    }
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

impl Entropy for SystemEntropy {
    fn mint(&self) -> Mint {
        Mint::new(self.seed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_tells_less_than_it_told_or_was_told_of() {
        let clock = SystemClock::new();
        let first = clock.now();
        clock.advance_s(3_600);
        let later = clock.now();
        assert!(later >= first.plus_s(3_600));
        // As after a restart on a machine whose wall clock was set back by ten years.
        let floor = later.plus_s(10 * 365 * 86_400);
        clock.not_before(floor);
        let after = clock.now();
        assert!(after >= floor && clock.now() >= after);
        assert!(after < floor.plus_s(60), "it goes on from the floor at the pace of time");
    }

    /// Of 256 draws each bit is set in some and not in others; that one is not happens once in 2^246 runs. A seed that is filled
    /// in part would be stretched by the mint, and not be seen in what it draws: so both are looked at.
    #[test]
    fn what_the_operating_system_draws_differs_in_every_bit() {
        let entropy = SystemEntropy::new();
        let drawn: [Vec<[u8; 32]>; 2] =
            [(0..256).map(|_| entropy.seed()).collect(), (0..256).flat_map(|_| [(); 2].map(|()| entropy.mint().secret())).collect()];
        for draws in drawn {
            assert_eq!(draws.iter().collect::<std::collections::HashSet<_>>().len(), draws.len(), "none is drawn twice");
            for byte in 0..32 {
                let (ever, always) = draws.iter().fold((0, 0xff), |(ever, always), draw| (ever | draw[byte], always & draw[byte]));
                assert_eq!((ever, always), (0xff, 0), "byte {byte}");
            }
        }
    }
}
