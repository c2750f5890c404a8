//! Batches, budgets and pace: how far a mistake can reach before somebody sees it.

use daytwo_model::plan::{Budget, Order};
use serde::Serialize;
use ts_rs::TS;

/// How many hosts work at one time, within a batch, where the runbook does not say. A laptop's
/// connections and a shared gateway both stand this.
const HOSTS_AT_ONCE_DEFAULT: u32 = 50;

/// How a plan's hosts are brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Rollout {
    /// The batches; whatever they leave over is a last batch.
    pub batches: Vec<Reach>,
    /// No batch but the last takes all hosts that share a value of this label, where it can be avoided.
    pub spread: Option<String>,
    /// How many hosts may fail before no further host is started.
    pub max_failed: Allowance,
    /// How many hosts may be unreachable before no further host is started.
    pub max_unreachable: Allowance,
    /// The same within one batch, where the runbook says so; a percentage is one of the batch.
    pub max_failed_per_batch: Option<Allowance>,
    /// As for those that fail.
    pub max_unreachable_per_batch: Option<Allowance>,
    /// A first batch in which nothing could be reached stops the rollout, whatever the budgets.
    pub unreachable_canary_stops: bool,
    /// In which order the steps of a batch's hosts are done.
    pub order: Order,
    /// Pause after each batch, in milliseconds.
    #[ts(type = "number")]
    pub hold_ms: u64,
    /// How many hosts work at one time, within a batch.
    pub at_once: u32,
    /// How many hosts behind one gateway work at one time.
    pub at_once_per_gateway: Option<u32>,
    /// For how long after the plan is made a host that could not be reached still gets its part, in milliseconds.
    #[ts(type = "number | null")]
    pub when_reachable_ms: Option<u64>,
}

/// One batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// This many hosts.
    Hosts(u32),
    /// Until this percentage of all hosts has been reached, this batch and those before it together.
    /// Rounded up, so that a percentage is at least one host.
    Percent(u32),
}

/// A budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// This many hosts.
    Hosts(u32),
    /// This percentage of all hosts that it is about, rounded down: one that is too small for them allows none.
    Percent(u32),
}

impl Allowance {
    /// How many of `hosts` hosts that is.
    #[must_use]
    pub fn of(self, hosts: u32) -> u32 {
        match self {
            Self::Hosts(count) => count,
            Self::Percent(percent) => share(hosts, percent, 0),
        }
    }
}

/// `percent` of `hosts`; `round_up` is 99 to round up and 0 to round down.
fn share(hosts: u32, percent: u32, round_up: u64) -> u32 {
    u32::try_from((u64::from(hosts) * u64::from(percent) + round_up) / 100).unwrap_or(u32::MAX)
}

impl Rollout {
    /// The rollout of a runbook that says nothing about it. One that changes something starts with
    /// one host and stops at the first that fails or cannot be reached; one that only reads asks all.
    #[must_use]
    pub fn default_for(changes: bool) -> Self {
        let (batches, allowance) = if changes {
            (vec![Reach::Hosts(1), Reach::Percent(10), Reach::Percent(50), Reach::Percent(100)], Allowance::Hosts(0))
        } else {
            (vec![Reach::Percent(100)], Allowance::Percent(100))
        };
        Self {
            batches,
            spread: None,
            max_failed: allowance,
            max_unreachable: allowance,
            max_failed_per_batch: None,
            max_unreachable_per_batch: None,
            unreachable_canary_stops: true,
            order: Order::Free,
            hold_ms: 0,
            at_once: HOSTS_AT_ONCE_DEFAULT,
            at_once_per_gateway: None,
            when_reachable_ms: None,
        }
    }

    /// The budget of the whole rollout over so many hosts.
    #[must_use]
    pub fn budget(&self, hosts: u32) -> Budget {
        Budget { failed_max: self.max_failed.of(hosts), unreachable_max: self.max_unreachable.of(hosts) }
    }

    /// The budget of each batch; none where only the whole counts. What is not said of a batch is as large as it.
    #[must_use]
    pub fn batch_budgets(&self, batches: &[Vec<u32>]) -> Vec<Budget> {
        if self.max_failed_per_batch.is_none() && self.max_unreachable_per_batch.is_none() {
            return Vec::new();
        }
        let of = |batch: &Vec<u32>| {
            let hosts = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            let within = |allowance: Option<Allowance>| allowance.map_or(hosts, |allowance| allowance.of(hosts));
            Budget {
                failed_max: within(self.max_failed_per_batch),
                unreachable_max: within(self.max_unreachable_per_batch),
            }
        };
        batches.iter().map(of).collect()
    }

    /// Deals hosts into batches: each host into exactly one, in their order, none empty.
    ///
    /// `values` holds each host's value of the spread label; hosts without the label are not held apart.
    #[must_use]
    pub fn deal(&self, values: &[Option<&str>]) -> Vec<Vec<u32>> {
        let hosts = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let sizes = self.sizes(hosts);
        let mut deck = Deck::new(values);
        let last = sizes.len().saturating_sub(1);
        sizes
            .iter()
            .enumerate()
            .map(|(index, size)| {
                let mut batch = deck.take(*size, index < last && self.spread.is_some());
                batch.sort_unstable();
                batch
            })
            .filter(|batch| !batch.is_empty())
            .collect()
    }

    /// The size of each batch; together exactly `hosts`.
    fn sizes(&self, hosts: u32) -> Vec<u32> {
        let mut reached: u32 = 0;
        let mut sizes = Vec::new();
        for reach in &self.batches {
            let target = match reach {
                Reach::Hosts(count) => reached.saturating_add(*count),
                Reach::Percent(percent) => share(hosts, *percent, 99),
            };
            let target = target.min(hosts);
            if target > reached {
                sizes.push(target - reached);
                reached = target;
            }
        }
        if reached < hosts {
            sizes.push(hosts - reached);
        }
        sizes
    }
}

/// The hosts that no batch has yet, by the value of the spread label.
struct Deck {
    /// For each value: how many hosts have it in all, and those left, last first.
    groups: Vec<Group>,
    left: usize,
}

struct Group {
    total: usize,
    may_be_held_apart: bool,
    left: Vec<u32>,
}

impl Deck {
    fn new(values: &[Option<&str>]) -> Self {
        let mut index: std::collections::HashMap<Option<&str>, usize> = std::collections::HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for (host, value) in (0_u32..).zip(values) {
            let group = *index.entry(*value).or_insert_with(|| {
                groups.push(Group { total: 0, may_be_held_apart: value.is_some(), left: Vec::new() });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(group) {
                group.total += 1;
                group.left.push(host);
            }
        }
        for group in &mut groups {
            group.left.reverse();
        }
        Self { groups, left: values.len() }
    }

    /// Takes `size` hosts; spread over the values when asked, in plain order otherwise.
    fn take(&mut self, size: u32, spread: bool) -> Vec<u32> {
        let size = (size as usize).min(self.left);
        let mut batch = Vec::with_capacity(size);
        let mut taken = vec![0_usize; self.groups.len()];
        while batch.len() < size {
            let Some(group) = self.next_group(&taken, spread) else { break };
            let host = self.groups.get_mut(group).and_then(|group| group.left.pop());
            batch.extend(host);
            if let Some(count) = taken.get_mut(group) {
                *count += 1;
            }
        }
        self.left -= batch.len();
        batch
    }

    fn next_group(&self, taken: &[usize], spread: bool) -> Option<usize> {
        let open = || self.groups.iter().zip(taken).enumerate().filter(|(_, (group, _))| !group.left.is_empty());
        if !spread {
            // In the hosts' own order: the group whose next host comes first.
            return open().min_by_key(|(_, (group, _))| group.left.last().copied()).map(|(index, _)| index);
        }
        let whole =
            |group: &Group, taken: usize| group.may_be_held_apart && group.total > 1 && taken + 1 >= group.total;
        // The value of which the smallest share is used up; a value that would be used up whole only
        // when nothing else is left, because then it cannot be avoided.
        open()
            .min_by_key(|(index, (group, taken))| {
                let used = (group.total - group.left.len()) as u64 * 1_000_000 / group.total.max(1) as u64;
                (whole(group, **taken), used, *index)
            })
            .map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(batches: &[Reach], spread: bool) -> Rollout {
        let spread = spread.then(|| "site".to_owned());
        Rollout { batches: batches.to_vec(), spread, ..Rollout::default_for(true) }
    }

    #[test]
    fn percentages_say_how_many_have_been_reached_and_numbers_say_how_many_come() {
        use Reach::{Hosts, Percent};
        let ramp = [Hosts(1), Percent(10), Percent(50), Percent(100)];
        for (batches, hosts, sizes) in [
            (&ramp[..], 40, vec![1, 3, 16, 20]),
            (&ramp[..], 8, vec![1, 3, 4]),
            (&ramp[..], 1, vec![1]),
            (&[Percent(10)][..], 5, vec![1, 4]),
            (&[Hosts(2), Hosts(2)][..], 7, vec![2, 2, 3]),
            (&[Hosts(5), Percent(20)][..], 10, vec![5, 5]),
            (&[][..], 3, vec![3]),
        ] {
            let dealt = rollout(batches, false).deal(&vec![None; hosts]);
            assert_eq!(dealt.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{batches:?} of {hosts}");
            assert_eq!(dealt.concat(), (0..u32::try_from(hosts).unwrap()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_batch_but_the_last_takes_all_hosts_of_a_site() {
        let sites = ["ams", "ams", "fra", "fra", "iad", "iad", "sgp", "sgp"].map(Some);
        let dealt = rollout(&[Reach::Hosts(1), Reach::Percent(50)], true).deal(&sites);
        assert_eq!(dealt, [vec![0], vec![2, 4, 6], vec![1, 3, 5, 7]]);
        // A site with one host cannot be held apart; two of one site can, although order says otherwise.
        let dealt = rollout(&[Reach::Hosts(2)], true).deal(&["ams", "ams", "fra"].map(Some));
        assert_eq!(dealt, [vec![0, 2], vec![1]]);
    }

    #[test]
    fn a_batch_has_a_budget_of_its_own_where_the_runbook_says_so_and_a_percentage_is_one_of_the_batch() {
        let batches = [vec![0], vec![1, 2, 3], (4..24).collect()];
        let mut rollout = Rollout::default_for(true);
        assert_eq!(rollout.batch_budgets(&batches), []);
        rollout.max_failed_per_batch = Some(Allowance::Percent(34));
        let of = |rollout: &Rollout| -> Vec<(u32, u32)> {
            rollout.batch_budgets(&batches).iter().map(|it| (it.failed_max, it.unreachable_max)).collect()
        };
        // 34% of one host and of three are less than the next whole host: rounded down.
        assert_eq!(of(&rollout), [(0, 1), (1, 3), (6, 20)]);
        rollout.max_failed_per_batch = Some(Allowance::Percent(33));
        rollout.max_unreachable_per_batch = Some(Allowance::Hosts(2));
        assert_eq!(of(&rollout), [(0, 2), (0, 2), (6, 2)]);
    }

    #[test]
    fn budgets_round_down() {
        assert_eq!(Allowance::Percent(2).of(49), 0);
        assert_eq!(Allowance::Percent(2).of(50), 1);
        assert_eq!(Allowance::Hosts(3).of(1), 3);
    }
}
