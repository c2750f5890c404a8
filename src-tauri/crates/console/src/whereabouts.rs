//! Where the hosts of a run are found that was taken up: under their names, as their sources tell it now.
//!
//! A plan is sealed with the addresses of when it was made. The console that takes its run up may live in another
//! time: the host has another address, or no source names it any more. What another machine does not know of an
//! attempt must never become what is known of it.

use std::sync::Arc;

use async_trait::async_trait;
use daytwo_engine::ports::{Cancel, DeadManEnd, Kept, Ports, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_fleet::sources::Fleet;
use daytwo_model::{Host, HostName, Plan};
use daytwo_ssh::SshTransport;
use tokio::sync::{mpsc, watch};

use crate::Console;

/// A shell for one run, which finds each host where it is now.
struct AsOfNow {
    shell: Arc<dyn Shell>,
    fleet: watch::Receiver<Arc<Fleet>>,
    machines: Machines,
}

/// How a machine is told from another one that has its name.
struct Machines {
    /// None where hosts are simulated.
    ssh: Option<Arc<SshTransport>>,
    /// The demo's addresses are new in each process, and its hosts are the same.
    is_demo: bool,
    planned: Arc<Plan>,
}

/// Where a host of the plan is.
#[derive(Debug, PartialEq, Eq)]
enum Whereabouts {
    /// Here, and it is the machine that was planned for.
    Known(Host),
    /// Under its name there is another address, and nothing says that it is the same machine.
    Moved(Host),
    /// No source names it.
    Gone,
}

impl Console {
    /// The ports of a run that was planned for hosts as they were then.
    pub(crate) fn ports_as_of_now(&self, planned: Plan) -> Ports {
        let shell = AsOfNow {
            shell: Arc::clone(&self.parts.ports.shell),
            fleet: self.inventory_changes(),
            machines: Machines { ssh: self.parts.ssh.clone(), is_demo: self.is_demo(), planned: Arc::new(planned) },
        };
        Ports { shell: Arc::new(shell), ..self.parts.ports.clone() }
    }
}

impl AsOfNow {
    /// Looked up with each question: an inventory that is put right meanwhile counts from then on.
    async fn find(&self, planned: &Host) -> Whereabouts {
        let now = self.fleet.borrow().hosts.iter().find(|host| host.name == planned.name).cloned();
        match now {
            None => Whereabouts::Gone,
            Some(now) if now.endpoint == planned.endpoint || self.machines.is_same(&now).await => {
                Whereabouts::Known(now)
            }
            Some(now) => Whereabouts::Moved(now),
        }
    }
}

impl Machines {
    /// Whether the machine at another address is the one that was planned for: by a key that was its own then.
    async fn is_same(&self, now: &Host) -> bool {
        if self.is_demo {
            return true;
        }
        let Some(then) = self.planned.host_keys.get(&now.name) else { return false };
        let Some(ssh) = &self.ssh else { return false };
        let known = ssh.known_keys(std::slice::from_ref(now)).await;
        known.get(&now.name).is_some_and(|keys| keys.iter().any(|key| then.contains(key)))
    }
}

#[async_trait]
impl Shell for AsOfNow {
    /// A host that no source names is done what was planned for it: that is what was asked for. One that may be
    /// another machine is not.
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        match self.find(host).await {
            Whereabouts::Known(now) => self.shell.run(&now, job, events, cancel).await,
            Whereabouts::Gone => self.shell.run(host, job, events, cancel).await,
            Whereabouts::Moved(now) => ShellEnd::Refused { why: moved(host, &now) },
        }
    }

    async fn reattach(&self, host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        match self.find(host).await {
            Whereabouts::Known(now) => self.shell.reattach(&now, kept, events, cancel).await,
            // Whoever holds its folder is the one; a machine without it says nothing about the one that was meant.
            Whereabouts::Moved(now) => match self.shell.reattach(&now, kept, events, cancel).await {
                ShellEnd::NotStarted { why } | ShellEnd::Lost { why } => {
                    ShellEnd::Unaskable { why: format!("{}: {why}", moved(host, &now)) }
                }
                end => end,
            },
            // It may still be where it was. Once is enough: nobody is going to put right what is no longer kept.
            Whereabouts::Gone => match self.shell.reattach(host, kept, events, cancel).await {
                ShellEnd::Unseen { why } | ShellEnd::Unreachable { why } | ShellEnd::Refused { why } => {
                    ShellEnd::Unaskable { why: gone(&host.name, &why) }
                }
                end => end,
            },
        }
    }

    async fn disarm(&self, host: &Host, kept: &Kept) -> DeadManEnd {
        match self.find(host).await {
            Whereabouts::Known(now) => self.shell.disarm(&now, kept).await,
            Whereabouts::Moved(now) => match self.shell.disarm(&now, kept).await {
                DeadManEnd::Unknown { why } => DeadManEnd::Unknown { why: format!("{}: {why}", moved(host, &now)) },
                end => end,
            },
            Whereabouts::Gone => match self.shell.disarm(host, kept).await {
                DeadManEnd::Unknown { why } => DeadManEnd::Unaskable { why: gone(&host.name, &why) },
                end => end,
            },
        }
    }

    async fn look(&self, host: &Host, kept: &Kept) -> Option<String> {
        match self.find(host).await {
            Whereabouts::Known(now) | Whereabouts::Moved(now) => self.shell.look(&now, kept).await,
            Whereabouts::Gone => self.shell.look(host, kept).await,
        }
    }
}

fn moved(planned: &Host, now: &Host) -> String {
    format!(
        "{} was at {} when it was planned, is at {} now, and may be another machine",
        planned.name,
        planned.endpoint.describe(),
        now.endpoint.describe()
    )
}

fn gone(name: &HostName, why: &str) -> String {
    format!("{name} is not in the fleet any more, and where it was: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::plan_of_steps;
    use daytwo_model::plan::RunAs;
    use daytwo_model::{AttemptId, Endpoint};
    use std::sync::Mutex;
    use std::time::Duration;

    /// Says the same of every attempt, and remembers where it was asked.
    struct Says {
        end: ShellEnd,
        at: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Shell for Says {
        async fn run(&self, host: &Host, _: ShellJob, _: mpsc::Sender<ShellEvent>, _: Cancel) -> ShellEnd {
            self.at.lock().unwrap().push(host.endpoint.describe());
            self.end.clone()
        }

        async fn reattach(&self, host: &Host, _: Kept, _: mpsc::Sender<ShellEvent>, _: Cancel) -> ShellEnd {
            self.at.lock().unwrap().push(host.endpoint.describe());
            self.end.clone()
        }
    }

    fn at(host: &Host, address: &str) -> Host {
        let endpoint = Endpoint::Ssh { address: address.to_owned(), port: 22, user: None, identity_file: None };
        Host { endpoint, ..host.clone() }
    }

    /// Asks about an attempt on the plan's host, which was at `then`; what was told, and where it was asked.
    async fn asked(fleet: Vec<Host>, is_demo: bool, end: ShellEnd) -> (ShellEnd, Vec<String>) {
        let plan = plan_of_steps(1);
        let host = at(&plan.hosts[0], "then");
        let says = Arc::new(Says { end, at: Mutex::default() });
        let (_sender, fleet) = watch::channel(Arc::new(Fleet { hosts: fleet, ..Fleet::default() }));
        let machines = Machines { ssh: None, is_demo, planned: Arc::new(plan) };
        let shell = AsOfNow { shell: Arc::clone(&says) as _, fleet, machines };
        let kept = Kept {
            attempt: AttemptId::from_uuid(uuid::Uuid::from_u128(7)),
            run_as: RunAs::Login,
            process: None,
            attached: false,
            have: (0, 0),
            sent_ago: Duration::ZERO,
        };
        let (events, _heard) = mpsc::channel(1);
        let told = shell.reattach(&host, kept, events, Cancel::new()).await;
        let at = says.at.lock().unwrap().clone();
        (told, at)
    }

    #[tokio::test]
    async fn a_host_is_asked_where_its_source_says_that_it_is_now() {
        let host = plan_of_steps(1).hosts[0].clone();
        let lost = ShellEnd::Lost { why: "it was started since".to_owned() };
        let (told, places) = asked(vec![at(&host, "now")], true, lost.clone()).await;
        assert_eq!((told, places), (lost, vec![at(&host, "now").endpoint.describe()]));
    }

    #[tokio::test]
    async fn what_another_machine_does_not_know_is_not_what_is_known() {
        let host = plan_of_steps(1).hosts[0].clone();
        let none = ShellEnd::NotStarted { why: "it holds nothing of it".to_owned() };
        let (told, _) = asked(vec![at(&host, "now")], false, none).await;
        assert!(matches!(&told, ShellEnd::Unaskable { why } if why.contains("may be another machine")), "{told:?}");
        let exited = ShellEnd::Exited(daytwo_model::Exit::Code(0));
        let (told, _) = asked(vec![at(&host, "now")], false, exited.clone()).await;
        assert_eq!(told, exited, "who has its folder is the one");
    }

    #[tokio::test]
    async fn a_host_that_no_source_names_is_asked_once_where_it_was_and_then_given_up() {
        let unseen = ShellEnd::Unseen { why: "no route".to_owned() };
        let (told, places) = asked(Vec::new(), false, unseen).await;
        assert!(matches!(&told, ShellEnd::Unaskable { why } if why.contains("not in the fleet any more")), "{told:?}");
        assert_eq!(places.len(), 1);
    }
}
