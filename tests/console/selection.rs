//! Selecting hosts on the command line: who is picked and why, who is not, and of whom it cannot be said.

use crate::support::Desk;

const FLEET: &str = "\
hosts:
  web-1: { address: 10.255.255.1, labels: { role: web, site: ams } }
  web-2: { address: 10.255.255.2, labels: { role: web, site: fra } }
  db-1: { address: 10.255.255.3, labels: { role: db, site: ams } }
";

fn desk() -> Desk {
    let desk = Desk::new();
    std::fs::write(desk.path("config/fleet.yaml"), FLEET).unwrap();
    desk
}

fn names(hosts: &serde_json::Value, verdict: &str) -> Vec<String> {
    let hosts = hosts.as_array().unwrap().iter().filter(|host| host["verdict"] == verdict);
    hosts.map(|host| host["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_host_is_listed_with_why_it_is_picked_and_the_others_with_why_not() {
    let desk = desk();
    let picked = desk.json(&["hosts", "role=web and site=ams"]);
    assert_eq!(picked.as_array().unwrap().len(), 1, "{picked}");
    assert!(picked[0]["why"].as_str().unwrap().contains("site"), "{picked}");
    let all = desk.json(&["hosts", "role=web and site=ams", "--why-not"]);
    assert_eq!(
        (names(&all, "picked"), names(&all, "not_picked")),
        (vec!["web-1".into()], vec!["db-1".into(), "web-2".into()])
    );
    let text = desk.run(&["hosts", "role=web and site=ams", "--why-not"]);
    text.expect(0);
    assert!(text.stdout.contains("not picked: 2 hosts") && text.stdout.contains("fra"), "{}", text.stdout);
    let none = desk.run(&["hosts", "role=cache"]);
    none.expect(2);
    assert!(none.stderr.contains("picks none of 3 hosts") && none.stderr.contains("--why-not"), "{}", none.stderr);
}

#[test]
fn a_host_whose_fact_is_not_known_is_undecided_and_neither_in_nor_out() {
    let desk = desk();
    let hosts = desk.json(&["hosts", "role=web and disk.root.free < 10%"]);
    assert_eq!((names(&hosts, "picked").len(), names(&hosts, "undecided").len()), (0, 2), "{hosts}");
    let ended = desk.run(&["hosts", "role=web and disk.root.free < 10%"]);
    ended.expect(2);
    assert!(ended.stdout.contains("undecided: 2 hosts") && !ended.stdout.contains("db-1"), "{}", ended.stdout);
    let either = desk.json(&["hosts", "role=db or disk.root.free < 10%"]);
    assert_eq!((names(&either, "picked"), names(&either, "undecided").len()), (vec!["db-1".into()], 2));
    let plan = desk.run(&["plan", "fetch-logs", "-s", "role=db or disk.root.free < 10%"]);
    let told = format!("{}{}", plan.stdout, plan.stderr);
    assert!(told.contains("undecided, and left out: 2 hosts") && told.contains("web-1"), "{told}");
}

#[test]
fn a_fact_that_does_not_exist_is_an_error_on_every_way_in() {
    let desk = desk();
    desk.runbook("low", "runbook: low\ntitle: Low\nsummary: Low.\nkind: diagnostic\nowner: test\ntargets: disk.rot.free < 10%\nsteps:\n  - { id: a, run: df, effect: read }\n");
    for arguments in [
        &["hosts", "disk.rot.free < 10%"][..],
        &["fleet", "--offline", "disk.rot.free < 10%"],
        &["plan", "fetch-logs", "-s", "disk.rot.free < 10%"],
        &["plan", "low"],
    ] {
        let ended = desk.run(arguments);
        ended.expect(2);
        assert!(ended.stderr.contains("disk.root.free"), "{arguments:?}: {}", ended.stderr);
    }
    let facts = desk.json(&["hosts", "--facts"]);
    assert!(facts.as_array().unwrap().iter().any(|fact| fact["name"] == "disk.root.free"), "{facts}");
}

#[test]
fn facts_that_the_demos_hosts_told_decide_in_the_next_command() {
    let desk = Desk::new();
    let before = desk.json(&["--demo", "hosts", "role=gateway or disk.root.free >= 0%"]);
    assert_eq!(names(&before, "picked").len(), 4, "{before}");
    assert!(names(&before, "undecided").len() > 2, "{before}");
    desk.run(&["--demo", "fleet"]).expect(0);
    let after = desk.json(&["--demo", "hosts", "disk.root.free >= 0%"]);
    assert!(names(&after, "picked").len() > 4, "what was learned is not remembered: {after}");
}
