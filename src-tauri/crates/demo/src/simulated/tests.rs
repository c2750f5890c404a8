use super::*;
use daytwo_model::SecretValue;
use daytwo_model::plan::RunAs;
use tokio::time::Instant;

fn job(script: &str) -> ShellJob {
    ShellJob::read(SecretValue::new(script), RunAs::Login)
}

async fn run(fleet: &SimulatedFleet, host: &Host, script: &str, cancel: &Cancel) -> (ShellEnd, Vec<ShellEvent>) {
    let (sender, mut receiver) = mpsc::channel(16);
    let mut events = Vec::new();
    let read = async {
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
    };
    let (end, ()) = tokio::join!(fleet.run(host, job(script), sender, cancel.clone()), read);
    (end, events)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_hosts_answer_alike_for_equal_seeds_in_any_order() {
    let build = || {
        let (least, most) = (Duration::from_millis(10), Duration::from_secs(30));
        SimulatedFleet::builder(7)
            .hosts(10_000)
            .unwrap()
            .reply(Which::PerMille(20), "", Reply::unreachable("no route"))
            .otherwise(Reply::ok("done\n").between(least, most))
            .build()
    };
    let never = Cancel::new();
    let mut course = Vec::new();
    for backwards in [false, true] {
        let fleet = build();
        let mut hosts: Vec<_> = fleet.hosts().iter().collect();
        if backwards {
            hosts.reverse();
        }
        let start = Instant::now();
        let ends = futures::future::join_all(hosts.iter().map(|host| async {
            let (end, _) = run(&fleet, host, "true", &never).await;
            (host.name.clone(), end, start.elapsed())
        }));
        let mut ends = ends.await;
        ends.sort_by(|a, b| a.0.cmp(&b.0));
        course.push(ends);
    }
    assert_eq!(course[0], course[1]);
    let gone = course[0].iter().filter(|(_, end, _)| matches!(end, ShellEnd::Unreachable { .. })).count();
    assert!((100..300).contains(&gone), "{gone} of 10,000 were unreachable, and 2% were asked for");
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_their_order_per_host_and_scripts_that_arrived_are_known() {
    let fleet = SimulatedFleet::builder(1)
        .hosts(2)
        .unwrap()
        .replies(Which::All, "restart", vec![Reply::fails(1, "busy\n"), Reply::ok("up\n")])
        .recording()
        .build();
    let never = Cancel::new();
    for host in fleet.hosts() {
        let (first, events) = run(&fleet, host, "restart a", &never).await;
        assert_eq!(first, ShellEnd::Exited(Exit::Code(1)));
        assert!(matches!(events[0], ShellEvent::Started(_)));
        assert_eq!(events[1], ShellEvent::Output(Stream::Stderr, Bytes::from("busy\n")));
        assert_eq!(run(&fleet, host, "restart b", &never).await.0, ShellEnd::Exited(Exit::Code(0)));
        assert_eq!(fleet.received(&host.name, "restart"), ["restart a", "restart b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_without_end_ends_by_cancel_and_only_a_stubborn_one_stays_unseen() {
    let fleet = SimulatedFleet::builder(1)
        .hosts(1)
        .unwrap()
        .reply(Which::All, "stubborn", Reply::ends(End::NeverAndIgnoresCancel))
        .otherwise(Reply::ends(End::Never))
        .build();
    let host = &fleet.hosts()[0];
    let cancel = Cancel::new();
    cancel.terminate();
    assert_eq!(run(&fleet, host, "tail -f", &cancel).await.0, ShellEnd::Killed);
    assert!(matches!(run(&fleet, host, "stubborn", &cancel).await.0, ShellEnd::Unseen { .. }));
    let answer = fleet.read(host, "tail -f", Duration::from_secs(3)).await;
    assert!(matches!(answer, Err(NoAnswer::Unreachable(_))));
}
