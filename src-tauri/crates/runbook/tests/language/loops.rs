//! `for_each` and `vars`: one step per item, values of each host's own.

use daytwo_runbook::{ITEMS_MAX, PLANNED_STEPS_MAX};

use crate::kit::{fleet, host, ids, planned, refused, request, runbook, sh, shown};

#[test]
fn each_item_is_a_step_of_its_own_and_lists_may_differ_from_host_to_host() {
    let hosts =
        [host("one", &[("role", "web")], &[("dirs", "/a /b")]), host("two", &[("role", "web")], &[("dirs", "/c")])];
    let book = runbook(
        "inputs: { units: { type: list, of: { type: string }, default: [x, 'y z'] } }\nsteps:\n  - { id: a, title: Start, for_each: '{{ units }}', run: 'start {{ item }}' }\n  - { id: b, title: Clean, for_each: '{{ host.vars.dirs | split }}', run: 'rm -r {{ item }}', needs: [a] }\n  - { id: c, run: c, needs: [b] }\n",
    );
    let sealed = planned(&book, &request(&hosts, "role=web", &[]));
    let plan = sealed.plan();
    assert_eq!(ids(plan), ["a.1", "a.2", "b.1", "b.2", "c"]);
    let titles: Vec<&str> = plan.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(titles, ["Start: x", "Start: y z", "Clean (item 1)", "Clean: /b", "c"]);
    assert_eq!(shown(plan, "a.2", "one").as_deref(), Some("start 'y z'"));
    assert_eq!(shown(plan, "b.1", "two").as_deref(), Some("rm -r /c"));
    assert_eq!((shown(plan, "b.2", "one").as_deref(), shown(plan, "b.2", "two")), (Some("rm -r /b"), None));
    assert_eq!(plan.steps[2].needs, [0, 1]);
    assert_eq!(plan.steps[4].needs, [2], "a second item that only some hosts have is not needed by all");
}

#[test]
fn an_empty_list_leaves_a_step_that_does_nothing_and_a_long_one_is_refused() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { l: { type: string, required: false } }\nsteps: [{ id: a, for_each: '{{ l | split }}', run: 'x {{ item }}' }]\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[("l", "")]));
    assert_eq!(ids(sealed.plan()), ["a"]);
    assert!(sealed.plan().steps[0].action.variants().is_empty());
    let long = vec!["x"; ITEMS_MAX as usize + 1].join(" ");
    let errors = refused(&book, &request(&fleet, "role=web", &[("l", &long)]));
    assert!(errors.to_string().contains("`for_each` has 101 items, and at most 100 are allowed"), "{errors}");
    let text: String = (0..11)
        .map(|n| format!("  - {{ id: s{n}, for_each: '{{{{ l | split }}}}', run: 'x {{{{ item }}}}' }}\n"))
        .collect();
    let many = runbook(&format!("inputs: {{ l: {{ type: string }} }}\nsteps:\n{text}"));
    let hundred = vec!["x"; ITEMS_MAX as usize].join(" ");
    let errors = refused(&many, &request(&fleet, "role=web", &[("l", &hundred)]));
    assert!(errors.to_string().contains(&format!("more than {PLANNED_STEPS_MAX} steps")), "{errors}");
}

#[test]
fn vars_are_worked_out_per_host_in_order_and_keep_their_types() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { n: { type: integer, default: 3 } }\nvars:\n  app: '/srv/{{ host.labels.role }}'\n  dirs: ['{{ app }}/a b', '{{ host.labels.site }}']\n  twice: '{{ n }}'\nsteps:\n  - { id: a, run: \"{% for d in dirs %}{{ d }} {% endfor %}\" }\n  - { id: b, run: 'x {{ app }}', when: twice == 3 }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    assert_eq!(shown(sealed.plan(), "a", "web-fra-1").as_deref(), Some("'/srv/web/a b' fra "));
    assert_eq!(sealed.plan().steps[0].action.variants().len(), 2);
    assert_eq!(sealed.plan().steps[1].action.variants().len(), 1);
    let errors = refused(
        &runbook("vars: { rack: '{{ host.labels.rack }}' }\nsteps: [{ id: a, run: 'x {{ rack }}' }]\n"),
        &request(&fleet, "role=web", &[]),
    );
    assert!(errors.to_string().contains("web-ams-1: it has no label `rack`"), "{errors}");
}

#[test]
fn hostile_items_and_vars_are_one_word_for_a_real_shell() {
    let hostile = ["it's", "$(reboot)", "; reboot", "`id`", "-n", "a b", "*", "'; reboot; '"];
    let hosts = [host("one", &[("role", "web")], &[("v", hostile[7])])];
    let list: String = hostile.join("\n");
    let book = runbook(
        "inputs: { l: { type: list, of: { type: string } } }\nvars: { all: ['{{ host.vars.v }}'] }\nsteps: [{ id: a, for_each: '{{ l }}', run: \"printf '[%s]' {{ item }}{% for v in all %} {{ v }}{% endfor %}\" }]\n",
    );
    let sealed = planned(&book, &request(&hosts, "role=web", &[("l", &list)]));
    for (number, value) in (1..).zip(hostile) {
        let script = shown(sealed.plan(), &format!("a.{number}"), "one").unwrap();
        assert_eq!(sh(&script), (0, format!("[{value}][{}]", hostile[7])), "{script}");
    }
}

#[test]
fn a_wait_is_bounded_wherever_its_length_comes_from() {
    let fleet = fleet();
    let book = |item: &str| runbook(&format!("steps: [{{ id: a, for_each: [{item}], wait: '{{{{ item }}}}' }}]\n"));
    assert_eq!(ids(planned(&book("2592000"), &request(&fleet, "role=web", &[])).plan()), ["a.1"]);
    for long in ["2592001", "999999999", "1e300"] {
        let errors = refused(&book(long), &request(&fleet, "role=web", &[]));
        assert!(errors.to_string().contains("longer than 30 days") || long == "1e300", "{errors}");
    }
}
