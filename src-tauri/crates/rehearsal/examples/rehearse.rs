//! What a rehearsal costs: a runbook of 40 steps with five tests on four hosts, as JSON for `cargo xtask bench`.
#![expect(clippy::print_stdout, reason = "this is a program, and the figures are its output")]

use std::fmt::Write as _;

use daytwo_rehearsal::rehearse;
use daytwo_runbook::{Nowhere, parse, parse_rehearsal};

const STEPS: usize = 40;
const ROUNDS: usize = 10;

fn runbook() -> Result<String, std::fmt::Error> {
    let mut text = "runbook: bench\ntitle: Bench\nsummary: A bench.\nkind: operation\nowner: us\n\
         reviewed: 2026-01-01\ntargets: role=web\nrollout: { batches: [1, 100%], max_failed: 0 }\nsteps:\n"
        .to_owned();
    for step in 0..STEPS {
        write!(
            text,
            "  - id: s{step}\n    title: Step {step}\n    timeout: 60s\n    run: change {step}\n    \
             verify: {{ run: 'look {step}', within: 30s }}\n    undo: {{ run: 'change back {step}' }}\n"
        )?;
    }
    Ok(text)
}

fn tests() -> Result<String, std::fmt::Error> {
    let mut text = "runbook: bench\nhosts:\n  web-[1-4]: { labels: { role: web } }\nreplies:\n".to_owned();
    for step in 0..STEPS {
        writeln!(text, "  s{step}: {{ after: 10s }}\n  s{step}.verify: ok\n  s{step}.undo: {{ after: 5s }}")?;
    }
    text.push_str(
        "cases:\n  - { case: all is well, expect: { end: succeeded } }\n  \
         - { case: one fails, replies: { s20: { web-2: { exit: 1 } } }, expect: { end: failed } }\n  \
         - { case: one is not verified, replies: { s30.verify: { web-1: { exit: 1 } } }, expect: { end: failed } }\n  \
         - { case: one is lost, replies: { s39: { web-3: lost } }, expect: { end: failed } }\n  \
         - { case: all is undone, expect: { end: succeeded }, undo: { end: rolled back } }\n",
    );
    Ok(text)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runbook = parse("bench.yaml", &runbook()?)?;
    let tests = parse_rehearsal("bench.test.yaml", &tests()?)?;
    let reports: Vec<_> = (0..ROUNDS).map(|_| rehearse(&runbook, &tests, &Nowhere)).collect();
    if let Some(report) = reports.iter().find(|report| !report.passed()) {
        return Err(report.to_string().into());
    }
    let mut ms: Vec<f64> = reports.iter().map(|report| report.real_ms).collect();
    ms.sort_by(f64::total_cmp);
    let cases = reports.first().map(|report| report.cases.as_slice()).unwrap_or_default();
    let figures = serde_json::json!({
        "steps": STEPS,
        "cases": cases.len(),
        "hosts": tests.hosts.len(),
        "attempts": cases.iter().map(|case| case.attempts).sum::<u32>(),
        "asked": cases.iter().map(|case| case.asked).sum::<u32>(),
        "simulated_s": cases.iter().map(|case| case.simulated_ms).sum::<u64>() / 1000,
        "ms_median": ms.get(ROUNDS / 2),
        "ms_most": ms.last(),
    });
    println!("{figures}");
    Ok(())
}
