//! Fuzzing: whatever a caller can send is read without a panic, without a 5xx, and without an answer that isn't described.
//! How long it runs: docs/testing.md.

mod bodies;
mod headers;
mod looks;
mod tokens;

use std::sync::Arc;

use doorward_api::Dialects;
use doorward_domain::Quota;
use doorward_tests::host::Host;
use doorward_tests::{Engine, Home};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use tokio::runtime::Runtime;

const OFTEN: Quota = Quota { limit: 1_000_000, window_s: 1 };

/// Few cases in the gate, ten times as many where there is time; `DOORWARD_FUZZ_CASES` says how many.
fn cases(few: u32) -> ProptestConfig {
    let long = std::env::var("DOORWARD_LONG").as_deref() == Ok("1");
    let asked = std::env::var("DOORWARD_FUZZ_CASES").ok().map(|text| text.parse().expect("DOORWARD_FUZZ_CASES is a number"));
    let cases = asked.unwrap_or(if long { few * 10 } else { few });
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 4_000, max_global_rejects: 1 << 20, ..ProptestConfig::default() }
}

/// Tries a property with inputs drawn at random.
fn fuzz<S: Strategy>(few: u32, inputs: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    TestRunner::new(cases(few)).run(inputs, property).unwrap_or_else(|failure| panic!("{failure}"));
}

/// A host on a Doorward of its own, in a temporary file. Every answer is held to the description by the host itself.
struct Target {
    runtime: Runtime,
    host: Host,
}

impl Target {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let host = runtime.block_on(async {
            let home = Home::make(Engine::Sqlite).await.map(Arc::new).expect("a temporary file");
            // So that what is drawn is read, and not counted.
            let mut dialects = Dialects::default();
            (dialects.trusts, dialects.writes) = (OFTEN, OFTEN);
            Host::open_serving(&home, dialects).await
        });
        Self { runtime, host }
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// Text as a header may bear it: no controls but the tab.
fn header_text(longest: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,20}",
        "[;,=\\. \t\"\\\\%]{1,6}",
        any::<char>().prop_filter("a visible one", |c| !c.is_control()).prop_map(String::from),
        Just("for=".to_owned()),
        Just("Bearer ".to_owned()),
    ];
    prop::collection::vec(piece, 0..12).prop_map(move |pieces| {
        let text = pieces.concat();
        text.chars().take(longest).collect()
    })
}
