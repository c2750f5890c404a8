//! Hosts that exist in memory only: for tests at scale, and where no sandbox can be had.
//!
//! A simulated host executes nothing. It answers what its rules say, after the delay that they say,
//! on tokio's clock, so that a test may pause it; what varies follows from the seed alone, whatever
//! order hosts are asked in.

mod build;
mod reply;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{Cancel, Kept, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_fleet::ports::{NoAnswer, Reach};
use daytwo_model::{Exit, Host, HostName, ProcessIdentity, Stream};
use tokio::sync::mpsc;

pub use build::{Builder, Which};
pub use reply::{End, Reply};

/// Output is sent in pieces of this size, as it would come from a socket.
const PIECE_BYTES: usize = 8 * 1024;

/// Which hosts, which scripts, and the replies in order; the last one repeats.
struct Rule {
    which: Which,
    containing: String,
    replies: Vec<Reply>,
}

/// What the fleet remembers of a host.
#[derive(Default)]
struct Memory {
    /// How often each rule has answered, by its place.
    answered: HashMap<usize, usize>,
    /// Scripts that arrived, where recording is on.
    scripts: Vec<String>,
}

/// A fleet in memory. See [`SimulatedFleet::builder`].
pub struct SimulatedFleet {
    seed: u64,
    hosts: Vec<Host>,
    rules: Vec<Rule>,
    otherwise: Reply,
    recording: bool,
    memory: Mutex<HashMap<HostName, Memory>>,
}

impl SimulatedFleet {
    /// Starts a fleet; equal seeds and rules make equal fleets.
    pub fn builder(seed: u64) -> Builder {
        Builder::new(seed)
    }

    /// The hosts, in order.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The scripts that reached a host and contain `text`, oldest first. Empty unless recording is on.
    #[must_use]
    pub fn received(&self, host: &HostName, text: &str) -> Vec<String> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let scripts = memory.get(host).map(|memory| memory.scripts.as_slice()).unwrap_or_default();
        scripts.iter().filter(|script| script.contains(text)).cloned().collect()
    }

    /// The reply to this script, and counts it.
    fn reply(&self, host: &Host, script: &str) -> Reply {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = memory.entry(host.name.clone()).or_default();
        let matching = |rule: &&Rule| rule.which.has(host, self.seed) && script.contains(&rule.containing);
        let found = self.rules.iter().position(|rule| matching(&rule));
        let rule = found.and_then(|place| self.rules.get(place).map(|rule| (place, rule)));
        let reply = match rule {
            Some((place, rule)) => {
                let times = memory.answered.entry(place).or_default();
                let reply = rule.replies.get(*times).or_else(|| rule.replies.last());
                *times += 1;
                reply.unwrap_or(&self.otherwise)
            }
            None => &self.otherwise,
        };
        if self.recording && reply.reaches_the_host() {
            memory.scripts.push(script.to_owned());
        }
        reply.clone()
    }

    fn delay(&self, host: &Host, script: &str, reply: &Reply) -> Duration {
        let (least, most) = reply.delay;
        let span = most.saturating_sub(least);
        let part = draw(self.seed, &[host.name.as_str(), script]) % 1024;
        least + span * u32::try_from(part).unwrap_or(0) / 1024
    }
}

/// A number that depends on the seed and the texts alone (FNV-1a, finished as in splitmix64).
fn draw(seed: u64, texts: &[&str]) -> u64 {
    let mut hash = seed ^ 0xcbf2_9ce4_8422_2325;
    for text in texts {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

async fn say(events: &mpsc::Sender<ShellEvent>, stream: Stream, bytes: &Bytes) {
    for start in (0..bytes.len()).step_by(PIECE_BYTES) {
        let piece = bytes.slice(start..bytes.len().min(start + PIECE_BYTES));
        // A reader that is gone does not stop a host.
        if events.send(ShellEvent::Output(stream, piece)).await.is_err() {
            return;
        }
    }
}

#[async_trait]
impl Shell for SimulatedFleet {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let script = job.script.expose();
        let reply = self.reply(host, script);
        let pause = tokio::time::sleep(self.delay(host, script, &reply));
        let work = async {
            if reply.reaches_the_host() {
                let pid = u32::try_from(draw(self.seed, &[host.name.as_str(), script, "pid"]) % 30_000 + 300);
                let identity = ProcessIdentity {
                    pid: pid.unwrap_or(300),
                    boot_id: Some(format!("simulated-{}", host.name)),
                    start_ticks: Some("1".to_owned()),
                    ..ProcessIdentity::default()
                };
                let _ = events.send(ShellEvent::Started(identity)).await;
            }
            pause.await;
            say(&events, Stream::Stdout, &reply.stdout).await;
            say(&events, Stream::Stderr, &reply.stderr).await;
            match reply.end.clone() {
                End::Exit(exit) => ShellEnd::Exited(exit),
                End::Unseen(why) => ShellEnd::Unseen { why },
                End::Unreachable(why) => ShellEnd::Unreachable { why },
                End::Refused(why) => ShellEnd::Refused { why },
                End::Never | End::NeverAndIgnoresCancel => std::future::pending().await,
            }
        };
        tokio::select! {
            // An end that is there counts more than a cancel that came at the same moment.
            biased;
            end = work => end,
            () = cancel.cancelled() => match reply.end {
                End::NeverAndIgnoresCancel => ShellEnd::Unseen { why: "cancelled, and not seen dead".to_owned() },
                End::Unreachable(why) => ShellEnd::Unreachable { why },
                End::Refused(why) => ShellEnd::Refused { why },
                End::Exit(_) | End::Unseen(_) | End::Never => ShellEnd::Killed,
            },
        }
    }

    /// Nothing of a host outlives the process that simulates it.
    async fn reattach(&self, host: &Host, _: Kept, _: mpsc::Sender<ShellEvent>, _: Cancel) -> ShellEnd {
        ShellEnd::Lost { why: format!("{} is simulated, and has ended with the program since", host.name) }
    }
}

#[async_trait]
impl Reach for SimulatedFleet {
    async fn read(&self, host: &Host, script: &str, deadline: Duration) -> Result<String, NoAnswer> {
        let reply = self.reply(host, script);
        let late = || NoAnswer::Unreachable(format!("no answer in {deadline:?}"));
        let pause = self.delay(host, script, &reply);
        if tokio::time::timeout(deadline, tokio::time::sleep(pause)).await.is_err() {
            return Err(late());
        }
        match reply.end {
            End::Exit(Exit::Code(0)) => Ok(String::from_utf8_lossy(&reply.stdout).into_owned()),
            End::Exit(exit) => Err(NoAnswer::Failed(format!("the read ended with {exit}"))),
            End::Unseen(why) => Err(NoAnswer::Failed(why)),
            End::Unreachable(why) => Err(NoAnswer::Unreachable(why)),
            End::Refused(why) => Err(NoAnswer::Refused(why)),
            End::Never | End::NeverAndIgnoresCancel => {
                tokio::time::sleep(deadline.saturating_sub(pause)).await;
                Err(late())
            }
        }
    }
}

#[cfg(test)]
mod tests;
