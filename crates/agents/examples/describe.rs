//! Describes the user agent strings on standard input, one on a line, and says how long it took.

use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use doorward_agents::{Agents, ClientHints, Source};

fn main() -> io::Result<()> {
    let lines = io::stdin().lock().lines().collect::<io::Result<Vec<_>>>()?;
    let client_hints = ClientHints::default();
    let source = |user_agent| Source { user_agent, client_hints: &client_hints, device_info: None };

    let start = Instant::now();
    let agents = Agents::load_in_background();
    // The empty string waits for the rules, and costs nothing else.
    agents.describe(&source(""));
    let load = start.elapsed();

    let mut out = io::stdout().lock();
    let mut runs = Vec::new();
    for run in ["first (compiles the rules' automata)", "cold", "warm"] {
        let mut cold = None;
        if run == "cold" {
            // A hint that says nothing makes every source a new one for the cache.
            cold = Some(ClientHints::from_headers([("Sec-CH-UA-Arch", "cold")]));
        }
        let mut took = Vec::with_capacity(lines.len());
        for line in &lines {
            let mut source = source(line);
            if let Some(cold) = &cold {
                source.client_hints = cold;
            }
            let start = Instant::now();
            let description = agents.describe(&source);
            took.push(start.elapsed());
            if run == "warm" {
                writeln!(out, "{line}\n    {}", description.title())?;
            }
        }
        runs.push((run, took));
    }

    let mut err = io::stderr().lock();
    writeln!(err, "load: {load:?}")?;
    for (run, mut took) in runs.into_iter().filter(|(_, took)| !took.is_empty()) {
        took.sort_unstable();
        let mean = took.iter().sum::<Duration>() / u32::try_from(took.len()).unwrap_or(u32::MAX);
        let median = took[took.len() / 2];
        let worst = took[took.len() - 1];
        writeln!(err, "{run}: mean {mean:?}, median {median:?}, worst {worst:?}")?;
    }
    Ok(())
}
