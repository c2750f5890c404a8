//! Many processes on one history, each with a run of its own.
#![cfg(target_os = "linux")]

use std::process::Child;

use serde_json::Value;

use crate::support::{Desk, Ended, SLOW, decided, until, words};

/// How many command lines work at one time.
const COUNT: usize = 10;
/// The one that is killed in the middle.
const KILLED: usize = 2;

fn start(desk: &Desk, number: usize) -> Child {
    desk.start(&["--json", "run", "slow", "-i", &desk.input(&format!("c{number}")), "--yes"])
}

/// The lines that a command printed as JSON. The last one of a killed command may have been cut.
fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn of_ten_command_lines_one_is_killed_and_exactly_one_takes_its_run_up_and_no_event_is_lost() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let begun = |from: usize, to: usize| (from..to).filter(|n| !desk.read(&format!("c{n}")).is_empty()).count();
    let mut consoles: Vec<Child> = (0..COUNT / 2).map(|number| start(&desk, number)).collect();
    until("the first half runs on the host", || begun(0, COUNT / 2) == COUNT / 2);
    consoles[KILLED].kill().unwrap();
    consoles[KILLED].wait().unwrap();

    // Of the others exactly one finds the orphan. It sends nothing new before that has ended; the rest goes on.
    consoles.extend((COUNT / 2..COUNT).map(|number| start(&desk, number)));
    until("all but the one that asks what became of the orphan run", || begun(COUNT / 2, COUNT) == COUNT / 2 - 1);
    for number in (0..COUNT).filter(|number| *number != KILLED) {
        desk.open(&format!("c{number}.go"));
    }
    until("nothing but the orphan and who waits for it is left", || {
        let rows = desk.json(&["runs"]);
        rows.as_array().unwrap().iter().filter(|row| row["status"] == "succeeded").count() == COUNT - 2
    });
    assert_eq!(begun(COUNT / 2, COUNT), COUNT / 2 - 1, "the one that found the orphan did not wait for its end");
    desk.open(&format!("c{KILLED}.go"));

    let ended: Vec<Ended> =
        consoles.into_iter().map(|console| Ended::of(console.wait_with_output().unwrap())).collect();
    let found: Vec<Value> =
        ended.iter().flat_map(lines).filter_map(|line| line.pointer("/recovered/0").cloned()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["found"][0], "long on local finished with exit 0");
    let runs = desk.runs();
    assert_eq!(runs.len(), COUNT, "{runs:?}");
    for (number, ended) in ended.iter().enumerate() {
        let of_run = lines(ended);
        let id = of_run.iter().find_map(|line| line.pointer("/run/row/id")).unwrap();
        let told = of_run.iter().filter_map(|line| line.pointer("/delta/index")).filter_map(Value::as_u64).max();
        // Reading a run checks that its records are all there, in order, chained, and legal.
        let run = desk.json(&["show", id.as_str().unwrap()]);
        assert!(run["index"].as_u64() >= told && told.is_some(), "{number}: {told:?} were told, then forgotten: {run}");
        let last = if number == KILLED {
            assert_eq!(decided(&run), ["started the run", "found the run interrupted"]);
            assert_eq!((&found[0]["row"]["id"], words(&run)), (id, vec!["verified", "verified", "skipped"]));
            ""
        } else {
            ended.expect(0);
            assert_eq!((decided(&run), words(&run)), (vec!["started the run"], vec!["verified"; 3]));
            "once\n"
        };
        for (file, lines) in [("first", "once\n"), ("last", last)] {
            assert_eq!(desk.read(&format!("c{number}.{file}")), lines, "{number}: {file}");
        }
        assert_eq!(desk.read(&format!("c{number}")), "once\n", "{number}");
    }
}
