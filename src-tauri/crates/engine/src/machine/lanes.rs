//! Who may start next, where only so many hosts behind one gateway may work at one time.

use std::collections::{BTreeMap, VecDeque};

use daytwo_model::Plan;

/// Hosts that wait to be taken up, in order, each in the lane of its gateway.
#[derive(Default)]
pub(super) struct Lanes {
    /// By host; empty where there is one lane.
    lane_of: Vec<usize>,
    /// How many of a lane work at one time; the first lane, of hosts without a gateway, has no such limit.
    at_once_max: Option<u32>,
    lanes: Vec<Lane>,
    /// Lanes that have room and somebody waiting, by the number of the first who waits.
    open: BTreeMap<u64, usize>,
    queued: u64,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<(u64, u32)>,
    working: u32,
}

impl Lanes {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut lanes = Self { lanes: vec![Lane::default()], ..Self::default() };
        if let (Some(max), Some(gateways)) = (plan.limits.hosts_at_once_per_gateway_max, &plan.gateways) {
            lanes.at_once_max = Some(max.max(1));
            lanes.lane_of = vec![0; plan.hosts.len()];
            for (_, hosts) in gateways.groups() {
                for host in hosts {
                    if let Some(lane) = lanes.lane_of.get_mut(host as usize) {
                        *lane = lanes.lanes.len();
                    }
                }
                lanes.lanes.push(Lane::default());
            }
        }
        lanes
    }

    fn lane_of(&self, host: u32) -> usize {
        self.lane_of.get(host as usize).copied().unwrap_or(0)
    }

    fn has_room(&self, lane: usize) -> bool {
        let working = self.lanes.get(lane).map_or(0, |lane| lane.working);
        lane == 0 || self.at_once_max.is_none_or(|max| working < max)
    }

    /// Lets a host wait behind those that wait already.
    pub(super) fn push(&mut self, host: u32) {
        let (lane, number) = (self.lane_of(host), self.queued);
        self.queued += 1;
        let is_first = self.lanes.get(lane).is_some_and(|lane| lane.waiting.is_empty());
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.waiting.push_back((number, host));
        }
        if is_first && self.has_room(lane) {
            self.open.insert(number, lane);
        }
    }

    /// The host whose turn it is, of those whose lane has room. It works from now on.
    pub(super) fn take(&mut self) -> Option<u32> {
        let (_, lane) = self.open.pop_first()?;
        let (_, host) = self.lanes.get_mut(lane)?.waiting.pop_front()?;
        self.occupy(host);
        Some(host)
    }

    /// A host works that did not wait.
    pub(super) fn occupy(&mut self, host: u32) {
        let lane = self.lane_of(host);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.working += 1;
        }
        self.reopen(lane);
    }

    /// A host works no more.
    pub(super) fn free(&mut self, host: u32) {
        let lane = self.lane_of(host);
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.working = lane.working.saturating_sub(1);
        }
        self.reopen(lane);
    }

    fn reopen(&mut self, lane: usize) {
        let first = self.lanes.get(lane).and_then(|lane| lane.waiting.front()).map(|(number, _)| *number);
        let Some(first) = first else { return };
        if self.has_room(lane) {
            self.open.insert(first, lane);
        } else {
            self.open.remove(&first);
        }
    }
}
