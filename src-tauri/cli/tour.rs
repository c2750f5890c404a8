//! The main job from beginning to end on the demo fleet, for a machine without a display.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_console::wire::UiError;
use daytwo_console::wire::plan::PlanRequest;
use daytwo_console::wire::run::HistoryFilter;
use daytwo_console::{Console, SystemClock};
use daytwo_model::{HostName, RunbookName};

use crate::deciding::Asking;
use crate::exit::Exit;
use crate::terminal::Style;
use crate::{follow, render};

/// The runbook of the tour, and the hosts: small enough to read, large enough for three batches.
const RUNBOOK: &str = "restart-service";
const SELECTION: &str = "role=web and site in (ams, fra)";

/// Shows fleet, plan, run, output and history.
pub(crate) async fn perform(console: &Arc<Console>) -> Result<Exit, UiError> {
    let style = Style::detect();
    println!("{}\n", style.bold("The demo fleet"));
    let names: Vec<HostName> = console.fleet().hosts.into_iter().map(|host| host.name).collect();
    console.probe_and_wait(&names).await;
    print!("{}", render::fleet(style, &console.fleet(), SystemClock.now()));

    println!("\n{}\n", style.bold(&format!("The plan: daytwo --demo plan {RUNBOOK} --select '{SELECTION}'")));
    let runbook = RunbookName::new(RUNBOOK).map_err(|error| crate::internal(&error))?;
    let (inputs, selection) = (BTreeMap::new(), SELECTION.to_owned());
    let request = PlanRequest { runbook, inputs, selection, text: None, when_reachable: None };
    let answer = console.plan(request).await?;
    let Some(plan) = &answer.plan else {
        eprint!("{}", render::problems(&answer));
        return Ok(Exit::BadRequest);
    };
    print!("{}", render::plan(style, plan, render::Scripts::Folded));

    println!("{}\n", style.bold(&format!("The run: daytwo --demo run {RUNBOOK} --select '{SELECTION}' --yes")));
    let run = console.start(plan.digest, plan.type_to_start).await?;
    let exit = follow::to_the_end(console, run, Asking::Nobody, false).await?;
    let view = console.run(run).await?;
    if let Some(last) = view.steps.len().checked_sub(1) {
        println!("{}\n", style.bold("The output, grouped where identical"));
        let step = u32::try_from(last).unwrap_or(u32::MAX);
        print!("{}", render::output_groups(style, &console.output_groups(run, step).await?));
    }
    println!("{}\n", style.bold("The history: daytwo --demo runs"));
    let rows = console.history(HistoryFilter::default()).await?;
    print!("{}", render::runs(style, &rows, SystemClock.now()));
    println!("\nThe window shows the same: on a machine with a display, run `cargo xtask run`.");
    Ok(exit)
}
