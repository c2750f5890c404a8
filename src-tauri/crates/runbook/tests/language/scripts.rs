//! Scripts for other interpreters: what they print is what was written, whatever the values hold.

use daytwo_model::plan::{Action, RunAs};
use daytwo_model::{SecretValue, Timestamp};
use daytwo_runbook::PlanRequest;
use serde_json::Value;

use crate::kit::{Around, fleet, planned, refused, request, runbook, sh, shown};

const HOSTILE: &[&str] =
    &["plain", "two words", "it's", "$(reboot)", "`id`", "a\nb\n", "END_OF_SCRIPT", "\\", "", "'; id; '", "é"];

fn only(step: &str, inputs: &[(&str, &str)]) -> Action {
    let fleet = fleet();
    let book = runbook(&format!("inputs: {{ x: {{ type: string, required: false }} }}\nsteps:\n{step}"));
    planned(&book, &request(&fleet, "host~web-ams-1", inputs))
        .plan()
        .steps
        .last()
        .unwrap()
        .action
        .get(0)
        .unwrap()
        .clone()
}

fn text(action: &Action, captured: &str) -> String {
    let Action::Run { script, .. } = action else { panic!("not a script") };
    let filled = script.fill(|_| Some(SecretValue::new("s")), |_| Some(Value::from(captured)));
    filled.unwrap().expose().to_owned()
}

fn left_over() -> usize {
    let names = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten().map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().starts_with("daytwo-scripts-test")).count()
}

#[test]
fn arguments_reach_another_interpreter_as_they_are() {
    for value in HOSTILE {
        let step = "  - id: a\n    script: { text: \"for each in sys.argv[1:]: print('[%s]' % each, end='')\\n\", interpreter: python3, args: ['{{ x }}', '-{{ x }}-', fixed] }\n";
        let step = step.replace("\"for", "\"import sys\\nfor");
        let script = text(&only(&step, &[("x", value)]), "");
        assert_eq!(sh(&script), (0, format!("[{value}][-{value}-][fixed]")), "{script}");
    }
}

#[test]
fn a_shell_script_with_values_known_only_later_reads_each_as_one_word() {
    for value in HOSTILE {
        let step = "  - { id: look, effect: read, run: id, capture: { c: stdout } }\n  - id: a\n    script: { text: \"printf '[%s]' {{ captured.c }} {{ x }}\", interpreter: dash, args: ['{{ captured.c }}'] }\n";
        let script = text(&only(step, &[("x", value)]), value).replace("dash \"$", "sh \"$");
        assert_eq!(sh(&script), (0, format!("[{value}][{value}]")), "{script}");
    }
}

#[test]
fn the_exit_code_passes_and_the_file_is_gone() {
    let step = "  - { id: a, sudo: true, script: { text: \"exit 7\\n\", interpreter: /bin/sh } }\n";
    let action = only(step, &[]);
    assert!(matches!(&action, Action::Run { run_as: RunAs::Root, .. }));
    let script = text(&action, "").replace("/daytwo.XXXX", "/daytwo-scripts-test.XXXX");
    assert!(script.contains("<<'END_OF_SCRIPT'\nexit 7\nEND_OF_SCRIPT\n"), "{script}");
    assert_eq!(sh(&script).0, 7);
    assert_eq!(left_over(), 0);
    let plain = only("  - { id: a, script: { text: 'echo {{ x }}' } }\n", &[("x", "a b")]);
    assert_eq!(text(&plain, ""), "echo 'a b'", "the host's shell needs no file");
}

#[test]
fn a_file_beside_the_runbook_is_sent_byte_for_byte_and_none_from_elsewhere() {
    let fleet = fleet();
    let content = "import sys\nprint('END_OF_SCRIPT')\nEND_OF_SCRIPT = 1\nprint(sys.argv[1])\n";
    let around = Around { files: [("tools/x.py".to_owned(), content.to_owned())].into(), ..Around::default() };
    let book = runbook(
        "steps:\n  - { id: a, script: { file: tools/x.py, interpreter: python3, args: ['{{ host.name }}'] } }\n",
    );
    let request =
        PlanRequest { surroundings: &around, at: Timestamp::from_unix_ms(0), ..request(&fleet, "role=web", &[]) };
    let sealed = planned(&book, &request);
    let script = shown(sealed.plan(), "a", "web-ams-1").unwrap();
    assert_eq!(sh(&script), (0, "END_OF_SCRIPT\nweb-ams-1\n".to_owned()));
    let missing = runbook("steps:\n  - { id: a, script: { file: tools/y.py, interpreter: python3 } }\n");
    assert!(refused(&missing, &request).to_string().contains("there is no file tools/y.py"));
}
