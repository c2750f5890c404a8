//! The command line's promises that need no host of one's own.

use crate::support::Desk;

#[test]
fn a_desk_without_hosts_says_how_to_get_some() {
    let ended = Desk::new().run(&["hosts"]);
    ended.expect(0);
    assert!(ended.stdout.contains("fleet.yaml"), "{}", ended.stdout);
    assert!(ended.stdout.contains("--demo"), "{}", ended.stdout);
}

#[test]
fn bad_requests_send_nothing_name_the_place_and_exit_with_2() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("config/fleet.yaml"),
        "hosts:\n  web-1: { address: 10.255.255.1, labels: { role: web } }\n",
    )
    .unwrap();
    for (arguments, told) in [
        (vec!["hosts", "role="], "column 6"),
        (vec!["hosts", "role=database"], "none of 1 host"),
        (vec!["plan", "restart-servise"], "restart-service"),
        (vec!["plan", "restart-service", "-i", "unit=a b"], "unit"),
        (vec!["plan", "restart-service", "-i", "unti=nginx"], "unti"),
        (vec!["plan", "restart-service", "-s", "role=database"], "none of"),
        (vec!["show", "0000"], "0000"),
        (vec!["check", "no-such-file.yaml"], "no-such-file.yaml"),
    ] {
        let ended = desk.run(&arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains(told), "{arguments:?} does not say {told:?}: {all}");
        assert!(!all.contains("panicked"), "{all}");
    }
}

#[test]
fn a_broken_fleet_file_names_line_and_column_and_loses_nothing() {
    let desk = Desk::new();
    let broken = "hosts:\n  web-1: { adress: 10.0.0.1 }\n";
    std::fs::write(desk.path("config/fleet.yaml"), broken).unwrap();
    let ended = desk.run(&["hosts"]);
    let all = format!("{}{}", ended.stdout, ended.stderr);
    assert!(all.contains("2:") && all.contains("address"), "{all}");
    assert_eq!(std::fs::read_to_string(desk.path("config/fleet.yaml")).unwrap(), broken);
}

#[test]
fn the_shipped_runbooks_pass_their_own_check() {
    let ended = Desk::new().run(&["check", "--strict"]);
    ended.expect(0);
    assert!(ended.stdout.contains("0 errors, 0 warnings"), "{}", ended.stdout);
}

#[test]
fn completion_scripts_and_help_need_no_home() {
    for shell in ["bash", "zsh", "fish"] {
        let ended = Desk::new().run(&["completions", shell]);
        ended.expect(0);
        assert!(ended.stdout.contains("daytwo"));
    }
    let help = Desk::new().run(&["--help"]);
    help.expect(0);
    assert!(help.stdout.contains("Exit codes:"));
}

#[test]
fn the_demo_main_job_works_from_plan_to_undo() {
    let desk = Desk::new();
    let hosts = desk.json(&["--demo", "hosts", "role=gateway"]);
    assert_eq!(hosts.as_array().unwrap().len(), 4, "{hosts}");
    let select = "role=web and site=ams";
    let plan = desk.json(&["--demo", "plan", "roll-back", "-s", select]);
    assert_eq!(plan["hosts"].as_array().unwrap().len(), 2, "{plan}");
    desk.run(&["--demo", "run", "roll-back", "-s", select, "--yes"]).expect(0);
    let runs = desk.json(&["--demo", "runs"]);
    assert_eq!(runs[0]["status"], "succeeded");
    let id = runs[0]["id"].as_str().unwrap().to_owned();
    desk.run(&["--demo", "undo", &id, "--yes"]).expect(0);
    assert_eq!(desk.json(&["--demo", "runs"])[0]["status"], "rolled back");
    let own = desk.json(&["runs"]);
    assert_eq!(own.as_array().unwrap().len(), 0, "the demo's history is its own");
}

#[test]
fn a_plan_asks_hosts_only_when_it_is_told_to_and_says_where_a_step_is_needed() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("config/demo/runbooks")).unwrap();
    let text = "runbook: mark\ntitle: Mark\nsummary: Leaves a mark.\ntargets: role=web and site=ams\nsteps:\n  - id: mark\n    check: { run: cat /srv/app/mark, expect: { stdout: here } }\n    run: echo here >/srv/app/mark\n";
    std::fs::write(desk.path("config/demo/runbooks/mark.yaml"), text).unwrap();
    let plan = desk.json(&["--demo", "plan", "mark"]);
    assert_eq!(plan["steps"][0]["asked"], serde_json::json!([]));
    let asked = desk.json(&["--demo", "plan", "mark", "--ask"]);
    let answer = &asked["steps"][0]["asked"][0];
    assert_eq!((answer["verdict"].as_str(), answer["hosts"].as_array().map(Vec::len)), (Some("needed"), Some(2)));
    assert_ne!(plan["digest"], asked["digest"], "the answers are part of what was seen");
}
