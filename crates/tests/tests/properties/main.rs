//! Properties: acts drawn at random, with a clock that moves on, held against a small model of what must hold.

mod collisions;
mod doors;
mod holds;
mod model;
mod ops;
mod rotation;
mod run;

use std::sync::Arc;

use doorward_domain::{Account, Completion, Mint, NewAccount};
use doorward_tests::{Engine, Home, moment_with, passed, start, tenant, user_id};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use doors::{Beside, Door, Memory};
use ops::{Op, op};
use run::Run;

/// More when there is time for it.
fn cases(gate: u32, long: u32) -> ProptestConfig {
    let cases = if std::env::var("DOORWARD_LONG").as_deref() == Ok("1") { long } else { gate };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

fn account_of(user: &str, seed: u8) -> (Account, Mint) {
    let mut mint = Mint::new([seed; 32]);
    (Account::new(Arc::new(tenant("acme")), user_id(user), NewAccount::draw(&mut mint, start())), mint)
}

/// A device token of another user of the tenant, trusted there.
fn strange() -> String {
    let (mut account, mint) = account_of("ben", 2);
    let completion = Completion { trust_device: true, ..Completion::default() };
    let opened = account.sign_in_directly(&mut moment_with(start(), mint), passed(start()), None, completion);
    opened.expect("both factors were proved").device_token.expect("a new device has a token").reveal()
}

fn run<D: Door>(door: D, ops: &[Op], mut after_each: impl FnMut(&mut Run<D>)) {
    let mut run = Run::new(door, strange());
    for op in ops {
        run.step(op);
        holds::all(&mut run);
        after_each(&mut run);
    }
}

/// Whatever is done in whatever order, what must hold holds after each act.
#[test]
fn what_must_hold_holds_after_every_act() {
    let mut runner = TestRunner::new(cases(256, 20_000));
    let outcome = runner.run(&prop::collection::vec(op(), 1..80), |ops| {
        run(Memory(account_of("ana", 1).0), &ops, |_| ());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A store is no different from an account that is all in memory: the same acts bring the same answers and leave the same rows.
fn a_store_is_no_different_from_memory(engine: Engine, config: ProptestConfig) {
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&prop::collection::vec(op(), 20..60), |ops| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let Some(home) = runtime.block_on(Home::make(engine)) else { return Ok(()) };
        let mut steps = 0;
        let door = Beside::new(Memory(account_of("ana", 1).0), home, runtime);
        run(door, &ops, |run| {
            steps += 1;
            if steps % 16 == 0 {
                run.door.assert_equal();
                run.door.reopen();
            }
        });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

mod sqlite {
    use super::*;

    #[test]
    fn the_store_is_no_different_from_memory() {
        a_store_is_no_different_from_memory(Engine::Sqlite, cases(24, 500));
    }
}

mod postgres {
    use super::*;

    #[test]
    fn the_store_is_no_different_from_memory() {
        a_store_is_no_different_from_memory(Engine::Postgres, cases(12, 200));
    }
}
