//! Compares descriptions with uap-core's own test cases, field by field.
//!
//! `cargo run --release -p doorward-agents --example accuracy [FILE]`: without a file the sample beside the tests; with one,
//! cases in the sample's form: `{"browser": [[agent, family, major, minor, patch]], "os": [the same], "device": [[agent,
//! family, brand, model]]}`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};

use doorward_agents::{Agents, ClientHints, Description, Source};

const SAMPLE: &str = include_str!("../tests/data/uap-core-sample.json");

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).map(std::fs::read_to_string).transpose()?;
    let cases: BTreeMap<String, Vec<Vec<String>>> = serde_json::from_str(text.as_deref().unwrap_or(SAMPLE))?;
    let agents = Agents::load_in_background();
    let hints = ClientHints::default();
    let report = |field: &str, of: &str, read: &dyn Fn(&Description) -> String, expected: &dyn Fn(&[String]) -> String| {
        let (mut known, mut equal, mut unknown) = (0_u32, 0, 0);
        for case in cases.get(of).into_iter().flatten() {
            let wanted = expected(case);
            if wanted.is_empty() || wanted == "Other" {
                continue;
            }
            known += 1;
            let got = read(&agents.describe(&Source { user_agent: &case[0], client_hints: &hints, device_info: None }));
            equal += u32::from(got.eq_ignore_ascii_case(&wanted));
            unknown += u32::from(got.is_empty());
        }
        let share = |number: u32| f64::from(number) * 100.0 / f64::from(known.max(1));
        writeln!(io::stdout(), "| {field} | {known} | {:.1} % | {:.1} % | {:.1} % |", share(equal), share(known - equal - unknown), share(unknown))
    };
    writeln!(io::stdout(), "| field | cases | as uap-core | otherwise | not known |\n|---|---|---|---|---|")?;
    report("browser family", "browser", &|of| of.browser.family.clone(), &|case| case[1].clone())?;
    report("browser version (major)", "browser", &|of| of.browser.version.major.clone(), &|case| case[2].clone())?;
    report("platform family", "os", &|of| of.platform.family.clone(), &|case| case[1].clone())?;
    report("platform version (major)", "os", &|of| of.platform.version.major.clone(), &|case| case[2].clone())?;
    report("device brand", "device", &|of| of.device.family.clone(), &|case| case[2].clone())?;
    report("device model", "device", &|of| of.device.model.clone(), &|case| case[3].clone())?;
    Ok(())
}
