//! What people decide while a run goes on: on the terminal that follows it, or from another one.

use std::io::BufRead as _;
use std::sync::Arc;

use daytwo_console::wire::run::{RunQuestion, RunView};
use daytwo_console::wire::{Code, UiError};
use daytwo_console::{Asked, Console, SystemClock};
use daytwo_model::{Answer, CancelDegree, HostName, RunId};
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::commands::{bad, find, show_as};
use crate::exit::Exit;
use crate::{ask, render};

/// Typed lines that wait to be understood: more than a person types at one question.
const LINES_MAX: usize = 16;

/// Who is asked when a run that this command follows wants a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// The person at this terminal.
    ThisTerminal,
    /// Whoever answers from elsewhere; what no answer means applies at its deadline.
    Elsewhere,
    /// Nobody: what no answer means applies at once.
    Nobody,
}

/// Stops a run, or some of its hosts.
pub(crate) async fn cancel(
    console: &Arc<Console>,
    run: &str,
    degree: CancelDegree,
    hosts: Vec<HostName>,
    why: String,
    json: bool,
) -> Result<Exit, UiError> {
    let run = find(console, run).await?;
    let hosts = (!hosts.is_empty()).then_some(hosts);
    let asked = console.cancel(run, degree, hosts, why).await?;
    tell(run, asked, json)
}

/// Shows what a run asks, or answers it.
pub(crate) async fn answer(
    console: &Arc<Console>,
    run: &str,
    (answer, step): (Option<Answer>, Option<String>),
    hosts: Vec<HostName>,
    why: String,
    json: bool,
) -> Result<Exit, UiError> {
    let run = find(console, run).await?;
    let view = console.run(run).await?;
    let Some(answer) = answer else {
        show_as(json, &view.questions, || render::questions(&view, &view.questions, SystemClock.now()))?;
        return Ok(Exit::Done);
    };
    let step = asking_step(&view, step.as_deref())?;
    let asked = console.answer(run, step, hosts, answer, why).await?;
    tell(run, asked, json)
}

/// The index of the step that is meant: the one that is named, or the only one that asks.
fn asking_step(view: &RunView, named: Option<&str>) -> Result<u32, UiError> {
    let mut asking: Vec<u32> = view.questions.iter().map(|question| question.step).collect();
    asking.dedup();
    let id = |step: &u32| view.steps.get(*step as usize).map_or("", |step| step.id.as_str());
    let found: Vec<u32> = asking.iter().copied().filter(|step| named.is_none_or(|named| id(step) == named)).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] if asking.is_empty() => Err(bad(Code::Conflict, "the run asks nothing".to_owned())),
        [] => Err(bad(Code::NotFound, format!("that step asks nothing; these do: {}", names(&asking, id)))),
        [_, _, ..] => {
            Err(bad(Code::BadRequest, format!("several steps ask: {}", names(&asking, id)))
                .hint("name one with --step"))
        }
    }
}

fn names<'v>(steps: &[u32], id: impl Fn(&u32) -> &'v str) -> String {
    steps.iter().map(id).collect::<Vec<_>>().join(", ")
}

fn tell(run: RunId, asked: Asked, json: bool) -> Result<Exit, UiError> {
    let words = match asked {
        Asked::Taken => "taken",
        Asked::HandedOn => "handed to the process that drives the run; it takes it within a second",
    };
    show_as(json, &serde_json::json!({ "run": run, "asked": words }), || format!("{words}\n"))?;
    Ok(Exit::Done)
}

/// The questions of a run that is followed here, one after the other.
pub(crate) struct Questions {
    asking: Asking,
    /// The one that was told last.
    told: Option<RunQuestion>,
    /// What is typed, from the first question on that was asked at this terminal.
    typed: Option<mpsc::Receiver<String>>,
    /// The question that was told last is asked at this terminal, and more can be typed there.
    listening: bool,
}

/// What came from the person at the terminal.
pub(crate) enum Typed {
    /// A line.
    Line(String),
    /// Nothing more will come for this question.
    End,
}

impl Questions {
    pub(crate) const fn new(asking: Asking) -> Self {
        Self { asking, told: None, typed: None, listening: false }
    }

    /// What to print after a change of the run, where something new is asked; and the answer where nobody is asked.
    pub(crate) fn changed(&mut self, view: &RunView) -> Option<(String, Option<Decided>)> {
        let first = view.questions.first();
        if self.told.as_ref() == first {
            return None;
        }
        self.told = first.cloned();
        self.listening = false;
        let question = first?;
        let mut text = render::questions(view, std::slice::from_ref(question), SystemClock.now());
        match self.asking {
            // In the background, reading would stop the process, and the run with it.
            Asking::ThisTerminal if ask::is_in_front() => {
                self.listen();
                text.push_str("Type the number of an answer, your reason after it if you like, and press Enter:");
                Some((text, None))
            }
            Asking::ThisTerminal | Asking::Elsewhere => {
                text.push_str(&elsewhere(view));
                Some((text, None))
            }
            Asking::Nobody => {
                text.push_str("nobody is asked, so what no answer means applies at once");
                let decided = Decided {
                    step: question.step,
                    hosts: hosts(view, question),
                    answer: question.otherwise,
                    why: "nobody was to be asked".to_owned(),
                };
                Some((text, Some(decided)))
            }
        }
    }

    /// From now on what is typed counts. What was typed before this question was shown is no answer to it.
    fn listen(&mut self) {
        ask::forget_typed_ahead();
        while let Some(Ok(_)) = self.typed.as_mut().map(mpsc::Receiver::try_recv) {}
        // Who ended the input of one question may still answer the next one.
        if self.typed.as_ref().is_none_or(mpsc::Receiver::is_closed) {
            self.typed = Some(typed_lines());
        }
        self.listening = true;
    }

    /// What is typed next, while something is asked here; otherwise it never comes.
    pub(crate) async fn typed(&mut self) -> Typed {
        let Some(typed) = self.typed.as_mut().filter(|_| self.listening) else {
            return std::future::pending().await;
        };
        match typed.recv().await {
            Some(line) => Typed::Line(line),
            None => {
                self.listening = false;
                Typed::End
            }
        }
    }

    /// What was typed decides, or what to say to it.
    pub(crate) fn understood(&self, view: &RunView, typed: &Typed) -> Result<Decided, String> {
        let Some(question) = &self.told else { return Err("nothing is asked any more".to_owned()) };
        let Typed::Line(line) = typed else {
            return Err(format!("nothing more can be typed, so its time decides; {}", elsewhere(view)));
        };
        let line = line.trim();
        let (number, why) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let number = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let offer = number.and_then(|number| question.answers.get(number));
        let offer = offer.ok_or_else(|| format!("type a number from 1 to {}", question.answers.len()))?;
        let why = why.trim().to_owned();
        Ok(Decided { step: question.step, hosts: hosts(view, question), answer: offer.answer, why })
    }
}

fn elsewhere(view: &RunView) -> String {
    format!("answer from elsewhere with: daytwo answer {} ANSWER", view.row.id)
}

/// An answer on its way to the run.
pub(crate) struct Decided {
    pub(crate) step: u32,
    pub(crate) hosts: Vec<HostName>,
    pub(crate) answer: Answer,
    pub(crate) why: String,
}

fn hosts(view: &RunView, question: &RunQuestion) -> Vec<HostName> {
    question.hosts.iter().filter_map(|host| view.hosts.get(*host as usize)).map(|host| host.name.clone()).collect()
}

/// Lines of standard input. A thread of its own, because a read of a terminal cannot be given up: it ends with
/// the process.
fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            // More lines than anybody types are not kept: they would be answers to what is asked later.
            if let Err(TrySendError::Closed(_)) = sender.try_send(line) {
                return;
            }
        }
    });
    lines
}

/// How each system tells of Ctrl-C.
#[cfg(unix)]
type CtrlC = tokio::signal::unix::Signal;
#[cfg(windows)]
type CtrlC = tokio::signal::windows::CtrlC;

/// What each Ctrl-C asks for: softly first, and harder each time. It listens as long as it lives, because one that is
/// pressed while a change is told must not be lost.
pub(crate) struct Interrupts {
    pressed: CtrlC,
    before: usize,
}

impl Interrupts {
    pub(crate) fn listen() -> std::io::Result<Self> {
        #[cfg(unix)]
        let pressed = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        #[cfg(windows)]
        let pressed = tokio::signal::windows::ctrl_c()?;
        Ok(Self { pressed, before: 0 })
    }

    /// The degree of the next one, and what it does. Never where nothing is harder. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> (CancelDegree, &'static str) {
        let degrees = [
            (CancelDegree::NoNewStarts, "nothing more starts, and what runs goes to its end; once more ends that too"),
            (CancelDegree::Terminate, "cancelling: what runs is being ended; once more kills it at once"),
            (CancelDegree::Kill, "killing everything at once, steps at the end too"),
        ];
        let Some(next) = degrees.get(self.before).copied() else { return std::future::pending().await };
        if self.pressed.recv().await.is_none() {
            return std::future::pending().await;
        }
        self.before += 1;
        next
    }
}
