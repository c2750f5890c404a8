//! The command line's words. No behaviour here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use daytwo_model::plan::ResumePart;
use daytwo_model::{Answer, CancelDegree, HostName, RunbookName};

use crate::ask::somebody_is_there;
use crate::deciding::Asking;
use crate::exit::EXIT_CODES_HELP;

/// Runs runbooks truthfully over SSH and HTTP, and knows the fleet.
#[derive(Debug, Parser)]
#[command(name = "daytwo", version, after_help = EXIT_CODES_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// Use the embedded demo fleet, with a history of its own
    #[arg(long, global = true)]
    pub(crate) demo: bool,
    /// Print JSON: one document, or one line per event while something runs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the hosts that a selector picks, each with why
    Hosts {
        /// For example 'role=web and site in (ams, fra) and disk.root.free < 10%'; without one, every host
        selector: Option<String>,
        /// Show the hosts that it does not pick too, each with why not
        #[arg(long, requires = "selector")]
        why_not: bool,
        /// List the facts that a selector can ask for
        #[arg(long, conflicts_with_all = ["selector", "why_not"])]
        facts: bool,
    },
    /// Ask every host how it is, and show the fleet with the age of every fact
    Fleet {
        /// Only these hosts
        selector: Option<String>,
        /// Show what is known without asking anybody
        #[arg(long)]
        offline: bool,
        /// Keep asking and print changes until interrupted
        #[arg(long, conflicts_with = "offline")]
        watch: bool,
    },
    /// List the runbooks at hand, or read one
    Runbooks {
        /// Read this one like a man page
        name: Option<RunbookName>,
    },
    /// Check runbook files; with none, the whole catalogue
    Check {
        /// Files or directories
        paths: Vec<PathBuf>,
        /// Warnings count as errors
        #[arg(long)]
        strict: bool,
    },
    /// Run the recorded tests of runbooks (NAME.test.yaml); with none, the whole catalogue
    Test {
        /// Files or directories
        paths: Vec<PathBuf>,
    },
    /// Say more about a code that the checker gives
    Explain {
        /// The code, as in error[unknown-field]; without one, all of them
        code: Option<String>,
    },
    /// Print the JSON Schema of runbooks, for editors
    Schema {
        /// Of their tests instead
        #[arg(long)]
        tests: bool,
    },
    /// Show exactly what a run would do; asks hosts only with --ask
    Plan {
        /// What to plan
        #[command(flatten)]
        plan: PlanArgs,
        /// Ask the hosts which steps are needed: the `check:` of each step, a read
        #[arg(long)]
        ask: bool,
        /// Print the scripts of typed steps (file, link, service, package) in full
        #[arg(long)]
        full: bool,
        /// Write the plan to this file, for: daytwo run --plan FILE
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Plan, confirm, run, and follow to the end
    Run {
        /// What to run
        #[command(flatten)]
        what: RunArgs,
        /// How to start
        #[command(flatten)]
        start: StartArgs,
    },
    /// List past and present runs
    Runs {
        /// Only those with these words in runbook, host or person
        text: Option<String>,
        /// Only those with this status
        #[arg(long, default_value = "")]
        status: String,
    },
    /// Show a run: hosts, steps, outcomes, and output
    Show {
        /// Its id, or the first digits of it
        run: String,
        /// Print the output of this step (by id), grouped where identical
        #[arg(long, value_name = "STEP")]
        output: Option<String>,
        /// Print a report for the incident channel
        #[arg(long, conflicts_with = "output")]
        report: bool,
    },
    /// Take a finished run back: plans the inverses, confirms, runs them
    Undo {
        /// Its id, or the first digits of it
        run: String,
        /// How to start
        #[command(flatten)]
        start: StartArgs,
    },
    /// Do a part of a run again: shows the choices, plans one, confirms, runs it
    Resume {
        /// Its id, or the first digits of it
        run: String,
        /// Which part; without it the choices are shown, and asked for on a terminal
        #[arg(long, value_enum)]
        part: Option<PartArg>,
        /// Show the plan and start nothing
        #[arg(long, requires = "part")]
        plan_only: bool,
        /// How to start
        #[command(flatten)]
        start: StartArgs,
    },
    /// Stop a run, or some of its hosts, whichever process drives it
    Cancel {
        /// Its id, or the first digits of it
        run: String,
        /// How hard; a harder one may follow a softer one
        #[arg(long, value_enum, default_value = "terminate")]
        degree: DegreeArg,
        /// Only this host; may be given several times
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<HostName>,
        /// Why, for the journal
        #[arg(long, default_value = "", value_name = "TEXT")]
        why: String,
    },
    /// Show what a run asks, or answer it, whichever process drives it
    Answer {
        /// Its id, or the first digits of it
        run: String,
        /// The answer; without it, the questions are shown
        #[arg(value_enum)]
        answer: Option<AnswerArg>,
        /// Of this step, where several ask
        #[arg(long)]
        step: Option<String>,
        /// Only for this host; may be given several times
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<HostName>,
        /// Why, for the journal
        #[arg(long, default_value = "", value_name = "TEXT")]
        why: String,
    },
    /// Find out what became of runs whose process is gone, and of attempts whose end is unknown
    Recover {
        /// Only this run; also one that is over
        run: Option<String>,
    },
    /// Ask a host who worked on it, also from other consoles
    Touched {
        /// The host
        host: HostName,
    },
    /// List the hosts that get their part of a run when they can be reached
    Waiting {
        /// This host is not to get its part of --run any more
        #[arg(long, value_name = "HOST", requires = "run")]
        withdraw: Option<HostName>,
        /// The run, by its id or the first digits of it
        #[arg(long, requires = "withdraw")]
        run: Option<String>,
    },
    /// Ask the hosts that wait, deliver their part to those that answer, and follow that to the end
    Deliver,
    /// Review and accept the SSH keys of hosts
    Keys {
        /// Only these hosts
        selector: Option<String>,
        /// Accept every key that is not known yet; changed keys are never accepted here
        #[arg(long)]
        accept_new: bool,
    },
    /// Keep secrets by name
    Secret {
        /// What to do
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// Print the completion script of a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Show the main job from beginning to end on the demo fleet
    #[command(hide = true)]
    DemoTour,
}

/// What to run: a runbook, or a plan that was written to a file.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The runbook's name
    #[arg(required_unless_present = "plan")]
    pub(crate) runbook: Option<String>,
    /// Execute exactly this plan; stops if anything it was made from has changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runbook", "select", "inputs", "when_reachable"])]
    pub(crate) plan: Option<PathBuf>,
    /// Narrow the runbook's targets with a selector
    #[arg(short, long, default_value = "", value_name = "SELECTOR")]
    pub(crate) select: String,
    /// An input, as NAME=VALUE
    #[arg(short, long = "input", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) inputs: Vec<(String, String)>,
    /// How long a host that cannot be reached waits for its part: a duration such as 3d, a date (to its end, in UTC),
    /// or never; without it, as the runbook says
    #[arg(long, value_name = "never|3d|DATE")]
    pub(crate) when_reachable: Option<String>,
}

/// What to plan.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The runbook's name
    pub(crate) runbook: String,
    /// Narrow the runbook's targets with a selector
    #[arg(short, long, default_value = "", value_name = "SELECTOR")]
    pub(crate) select: String,
    /// An input, as NAME=VALUE
    #[arg(short, long = "input", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) inputs: Vec<(String, String)>,
    /// How long a host that cannot be reached waits for its part: a duration such as 3d, a date (to its end, in UTC),
    /// or never; without it, as the runbook says
    #[arg(long, value_name = "never|3d|DATE")]
    pub(crate) when_reachable: Option<String>,
}

/// How to start.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Start without asking; above the threshold give --yes-hosts instead
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Start without asking if the plan has exactly this many hosts
    #[arg(long, value_name = "COUNT")]
    pub(crate) yes_hosts: Option<u32>,
    /// Accept host keys that are not known yet; changed keys still stop their host
    #[arg(long)]
    pub(crate) accept_new: bool,
    /// Where the run asks for a decision, take what the runbook says for no answer, at once
    #[arg(long)]
    pub(crate) no_ask: bool,
}

impl StartArgs {
    /// Who is asked while it runs.
    pub(crate) fn asking(&self) -> Asking {
        match (self.no_ask, somebody_is_there()) {
            (true, _) => Asking::Nobody,
            (false, true) => Asking::ThisTerminal,
            (false, false) => Asking::Elsewhere,
        }
    }
}

/// Which part of a run is done again.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PartArg {
    /// The failed hosts, from their failed step
    FailedStep,
    /// The failed hosts and those that were not reached, from the start
    FailedAndNotReached,
    /// The same plan again, on every host
    Everything,
}

impl From<PartArg> for ResumePart {
    fn from(part: PartArg) -> Self {
        match part {
            PartArg::FailedStep => Self::FailedFromTheirStep,
            PartArg::FailedAndNotReached => Self::FailedAndNotReached,
            PartArg::Everything => Self::Everything,
        }
    }
}

/// How hard a cancel is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DegreeArg {
    /// Start nothing more; what runs goes to its end
    NoNewStarts,
    /// End what runs: asked first, then killed, then looked for
    Terminate,
    /// Kill everything at once, steps at the end too
    Kill,
}

impl From<DegreeArg> for CancelDegree {
    fn from(degree: DegreeArg) -> Self {
        match degree {
            DegreeArg::NoNewStarts => Self::NoNewStarts,
            DegreeArg::Terminate => Self::Terminate,
            DegreeArg::Kill => Self::Kill,
        }
    }
}

/// What a person decides.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AnswerArg {
    /// Make the step again
    Retry,
    /// Leave the step as it is and go on
    Skip,
    /// Leave the hosts out of the rest
    Exclude,
    /// Take back what was done on the hosts
    Undo,
    /// Stop the run
    Stop,
    /// Yes, go on
    Continue,
}

impl From<AnswerArg> for Answer {
    fn from(answer: AnswerArg) -> Self {
        match answer {
            AnswerArg::Retry => Self::Retry,
            AnswerArg::Skip => Self::Skip,
            AnswerArg::Exclude => Self::Exclude,
            AnswerArg::Undo => Self::Undo,
            AnswerArg::Stop => Self::Stop,
            AnswerArg::Continue => Self::Continue,
        }
    }
}

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// List the names, never the values
    List,
    /// Keep a value; it is read from standard input, never from the arguments
    Set {
        /// Its name
        name: String,
    },
    /// Forget a value
    Delete {
        /// Its name
        name: String,
    },
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
