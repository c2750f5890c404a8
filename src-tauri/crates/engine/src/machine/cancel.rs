//! A person stops the run, or some of its hosts.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{Answer, CancelDegree, Event, SkipReason};

use super::course::Waits;
use super::rollout::Stage;
use super::{Effect, Machine, Move};

impl Machine {
    /// A cancel looks at every host that it is for; nothing else does while a run goes on.
    pub(super) fn cancel(&mut self, by: &str, degree: CancelDegree, hosts: Option<&[u32]>) -> Vec<Move> {
        let mut moves = vec![Move::Perform(Effect::Cancel { degree, hosts: hosts.map(<[u32]>::to_vec) })];
        let concerned: BTreeSet<u32> = match hosts {
            Some(hosts) => hosts.iter().copied().collect(),
            None => {
                self.stop = Some(SkipReason::Cancelled);
                if let Stage::Holding(batch) = self.rollout.stage {
                    self.rollout.stage = Stage::Entering;
                    moves.push(Move::Record(Event::BatchEnded { batch }));
                }
                (0_u32..).take(self.courses.len()).collect()
            }
        };
        for host in &concerned {
            match self.waits(*host) {
                Waits::Pause if self.next_step(*host).is_some_and(|step| self.is_closed(*host, step).is_some()) => {
                    self.wait_for(*host, Waits::Nothing);
                    moves.extend(self.follow(*host));
                }
                Waits::Once => {
                    self.wait_for(*host, Waits::Nothing);
                    moves.extend(self.moves_of(*host));
                }
                Waits::Nothing | Waits::Pause | Waits::Check | Waits::Person | Waits::DeadMan => {}
            }
        }
        moves.extend(self.close_questions(&concerned, Some(by), "the run or this host was cancelled"));
        moves
    }

    /// Ends the questions that nobody may wait for any more: the same answer for all that are about one step.
    fn close_questions(&self, hosts: &BTreeSet<u32>, by: Option<&str>, why: &str) -> Vec<Move> {
        let mut closed: BTreeMap<(u32, Answer), Vec<u32>> = BTreeMap::new();
        for host in hosts {
            let Some(asked) = self.state.question(*host) else { continue };
            let answer = match by {
                None => asked.otherwise,
                Some(_) if self.is_closed(*host, asked.step).is_none() => continue,
                Some(_) if self.is_main(asked.step) => Answer::Exclude,
                Some(_) => Answer::Stop,
            };
            closed.entry((asked.step, answer)).or_default().push(*host);
        }
        let (by, why) = (by.map(str::to_owned), why.to_owned());
        let answered = closed.into_iter().map(|((step, answer), hosts)| {
            Move::Record(Event::QuestionAnswered { hosts, step, answer, by: by.clone(), why: why.clone() })
        });
        answered.collect()
    }

    /// Nobody answers what was asked by a process that is gone.
    pub(super) fn close_all_questions(&self) -> Vec<Move> {
        let hosts: BTreeSet<u32> = self.state.questions().map(|(host, _)| host).collect();
        self.close_questions(&hosts, None, "the process that asked was gone")
    }
}
