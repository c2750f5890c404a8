//! What ends work in flight: all of the run's, that of a phase, that of a host.
//!
//! A cancel is handed down a tree, so that what is begun after it, for a fact that came late, is born
//! cancelled; single hosts are remembered, because most never are.

use std::collections::HashMap;

use daytwo_model::CancelDegree;

use crate::cancel::Cancel;

/// Which cancel reaches a unit of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Of the main phase: a cancel of degree `Terminate` ends it.
    Main,
    /// Of a host's end, or of a way back: ending those half-way leaves a host in the worst place. Only a kill does.
    End,
}

/// A unit of work, and how it is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) part: Part,
    /// It only asks or waits, so that nothing is lost when it is given up.
    pub(super) asks: bool,
}

/// What ends the units of a run.
pub(super) struct Stops {
    run: Cancel,
    main: Stop,
    end: Stop,
    hosts: HashMap<u32, CancelDegree>,
}

struct Stop {
    all: Cancel,
    asks: Cancel,
}

impl Stop {
    fn below(parent: &Cancel) -> Self {
        let all = parent.child();
        Self { asks: all.child(), all }
    }
}

impl Stops {
    pub(super) fn new() -> Self {
        let run = Cancel::new();
        Self { main: Stop::below(&run), end: Stop::below(&run), run, hosts: HashMap::new() }
    }

    /// For a new unit that works for a host, or for all.
    pub(super) fn of(&self, kind: Kind, host: Option<u32>) -> Cancel {
        let stop = match kind.part {
            Part::Main => &self.main,
            Part::End => &self.end,
        };
        let cancel = if kind.asks { stop.asks.child() } else { stop.all.child() };
        if let Some(degree) = host.and_then(|host| self.hosts.get(&host)) {
            apply(&cancel, kind, *degree);
        }
        cancel
    }

    /// Of everything that the degree reaches.
    pub(super) fn cancel(&self, degree: CancelDegree) {
        match degree {
            CancelDegree::NoNewStarts => {}
            CancelDegree::Terminate => self.main.all.terminate(),
            CancelDegree::Kill => self.run.kill(),
        }
    }

    /// Of these hosts only; `working` are the units in flight.
    pub(super) fn cancel_hosts<'w>(
        &mut self,
        degree: CancelDegree,
        hosts: &[u32],
        working: impl Iterator<Item = (u32, Kind, &'w Cancel)>,
    ) {
        for host in hosts {
            let known = self.hosts.entry(*host).or_insert(degree);
            *known = degree.max(*known);
        }
        for (host, kind, cancel) in working {
            if hosts.contains(&host) {
                apply(cancel, kind, degree);
            }
        }
    }

    /// What only asks or waits is given up; what acts goes on.
    pub(super) fn stop_asking(&self) {
        self.main.asks.terminate();
        self.end.asks.terminate();
    }

    /// Everything is asked to end.
    pub(super) fn terminate_all(&self) {
        self.run.terminate();
    }
}

fn apply(cancel: &Cancel, kind: Kind, degree: CancelDegree) {
    match (degree, kind.part) {
        (CancelDegree::NoNewStarts, _) | (CancelDegree::Terminate, Part::End) => {}
        (CancelDegree::Terminate, Part::Main) => cancel.terminate(),
        (CancelDegree::Kill, _) => cancel.kill(),
    }
}
