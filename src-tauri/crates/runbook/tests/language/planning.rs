//! What a plan promises: what was typed is what is sent, and what cannot be promised is refused.

use crate::kit::{fleet, host, now, planned, refused, request, runbook, script};
use daytwo_model::SecretValue;
use daytwo_model::plan::{Action, Body, HttpRequest, InputValue, WayBack};
use daytwo_runbook::{Diagnostics, RENDERED_BYTES_MAX, parse};

const STRING: &str = "inputs: { x: { type: string, required: false } }\n";

fn rendered(rest: &str, inputs: &[(&str, &str)]) -> String {
    let fleet = fleet();
    let sealed = planned(&script(STRING, rest), &request(&fleet, "host~web-ams-1", inputs));
    let Some(Action::Run { script, .. }) = sealed.plan().steps[0].action.get(0) else { panic!("no script") };
    script.preview()
}

fn errors_of(text: &str) -> Diagnostics {
    parse("test.yaml", text).map_or_else(|errors| errors, |_| panic!("it was accepted"))
}

#[test]
fn a_hostile_value_is_one_word_for_a_real_shell() {
    for value in [
        "plain",
        "",
        "two words",
        "it's",
        "$(reboot)",
        "`reboot`",
        "; reboot",
        "a\nb\n",
        "\t",
        "*",
        "~root",
        "-n",
        "\\",
        "\\'",
        "'; reboot; '",
        "\"$HOME\"",
        "a\u{a0}b",
        "{{ x }}",
        "{% if %}",
        "é😀",
        "#",
        "!!",
        "$'\\n'",
        "a=b",
        "&&",
        "<(id)",
    ] {
        let script = rendered("printf '[%s]' {{ x }} pre-{{ x }}-{{ x }}", &[("x", value)]);
        let output = std::process::Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        let expected = format!("[{value}][pre-{value}-{value}]");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{script}");
    }
}

#[test]
fn templates_see_inputs_host_and_the_moment_and_nothing_else() {
    assert_eq!(rendered("echo {{ host.name }} {{ host.labels.site }}", &[]), "echo web-ams-1 ams\n");
    assert_eq!(
        rendered("{{ run.at }} {{ run.stamp }}", &[]),
        "2026-11-21T03:04:05.678Z 20261121T030405678Z\n"
            .replace("2026-11-21T03", &now().to_string()[..13])
            .replace("20261121T03", &now().to_string()[..13].replace('-', ""))
    );
    assert_eq!(
        rendered("{% if x == 'a' %}yes{% else %}no{% endif %} ${#y} ${y%%.*}", &[("x", "a")]),
        "yes ${#y} ${y%%.*}\n"
    );
    assert_eq!(rendered("{% for p in x|split %}{{ p }} {% endfor %}", &[("x", "a  b'c")]), "a 'b'\\''c' \n");
    assert_eq!(rendered("{{ host.labels.rack | default('none') }}", &[]), "none\n");
    assert_eq!(rendered("{{ x | upper | raw }}", &[("x", "a b")]), "A B\n");
    for unknown in
        ["{{ env.HOME }}", "{{ range(3) }}", "{{ y }}", "{{ host.address }}", "{{ captured.x }}", "{{ x | tojson }}"]
    {
        let text = format!(
            "runbook: a\ntitle: a\nsummary: a\nkind: operation\n{STRING}steps:\n  - {{ id: a, run: '{unknown}' }}\n"
        );
        errors_of(&text);
    }
}

#[test]
fn secrets_and_captures_stay_out_of_the_plan_and_are_quoted_when_they_are_put_in() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { key: { type: secret, default: api-key } }\nsteps:\n  - id: look\n    effect: read\n    run: id\n    capture: { who: stdout }\n  - id: use\n    run: login {{ key }} {{ captured.who }}\n    undo: { run: 'logout {{ captured.who }}' }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    assert!(matches!(&sealed.plan().inputs["key"], InputValue::Secret(name) if name.as_str() == "api-key"));
    let Some(Action::Run { script, .. }) = sealed.plan().steps[1].action.get(3) else { panic!("no script") };
    assert_eq!(script.preview(), "login ‹secret api-key› ‹captured who›");
    let filled = script.fill(|_| Some(SecretValue::new("a b")), |_| Some("c;d".into())).unwrap();
    assert_eq!(filled.expose(), "login 'a b' 'c;d'");
    assert!(matches!(sealed.plan().steps[1].way_back, WayBack::Inverse { .. }));
}

#[test]
fn a_late_value_can_only_stand_alone() {
    for code in [
        "{{ key | upper }}",
        "{{ key ~ 'a' }}",
        "{% if key == 'a' %}{% endif %}",
        "{{ captured['who'] }}",
        "{% for c in captured %}{% endfor %}",
    ] {
        let text = format!(
            "runbook: a\ntitle: a\nsummary: a\nkind: operation\ninputs: {{ key: {{ type: secret }} }}\nsteps:\n  - {{ id: a, run: id, capture: {{ who: stdout }} }}\n  - id: b\n    run: |\n      {code}\n"
        );
        let errors = errors_of(&text);
        assert!(errors.list().iter().any(|error| error.code == "late-value"), "{code}: {errors}");
    }
}

fn json_body(request: &HttpRequest) -> String {
    let Some(Body::Json(json)) = &request.body else { panic!("no JSON: {request:?}") };
    json.preview()
}

#[test]
fn urls_and_json_quote_for_themselves() {
    let hosts = [host("gw", &[], &[("url", "http://[::1]:4000/")]), host("bad", &[], &[("url", "file:///etc/passwd")])];
    let book = runbook(
        "inputs: { x: { type: string } }\nsteps:\n  - id: a\n    http:\n      method: POST\n      url: '{{ host.vars.url }}/k/{{ x }}?q={{ x }}'\n      json: { whole: '{{ x }}', part: 'say \"{{ x }}\"', no: no, n: 1, list: ['{{ x }}', true, null], o: 0777 }\n",
    );
    let sealed = planned(&book, &request(&hosts, "host~gw", &[("x", "a/b \"c\"")]));
    let Some(Action::Http { request: sent }) = sealed.plan().steps[0].action.get(0) else { panic!("no request") };
    assert_eq!(sent.url.preview(), "http://[::1]:4000/k/a%2Fb%20%22c%22?q=a%2Fb%20%22c%22");
    let json: serde_json::Value = serde_json::from_str(&json_body(sent)).unwrap();
    let expected = serde_json::json!({
        "whole": "a/b \"c\"", "part": "say \"a/b \"c\"\"", "no": "no", "n": 1, "list": ["a/b \"c\"", true, null], "o": "0777"
    });
    assert_eq!(json, expected);
    let errors = refused(&book, &request(&hosts, "host~gw", &[("x", "..")]));
    assert!(errors.to_string().contains("leads to another place"), "{errors}");
    let errors = refused(&book, &request(&hosts, "host~bad", &[("x", "a")]));
    assert!(errors.to_string().contains("not an http:// or https:// address"), "{errors}");
}

#[test]
fn an_empty_selection_is_an_error_that_says_who_emptied_it() {
    let fleet = fleet();
    let with_targets = runbook("targets: role=web\nsteps: [{ id: a, run: id }]\n");
    let without = runbook("steps: [{ id: a, run: id }]\n");
    for (book, selection, expected) in [
        (&without, "", "neither the runbook nor you say for which hosts"),
        (&without, "role=mail", "your selection `role=mail` picks none of the fleet's 12 hosts"),
        (
            &with_targets,
            "role=database",
            "your selection `role=database` picks 2 hosts, and none of them is among the 4 hosts that the runbook is for (`role=web`)",
        ),
    ] {
        let errors = refused(book, &request(&fleet, selection, &[]));
        assert_eq!(errors.0.len(), 1);
        assert_eq!(errors.0[0].message, expected);
    }
    let nobody = runbook("targets: role=mail\nsteps: [{ id: a, run: id }]\n");
    assert!(refused(&nobody, &request(&fleet, "", &[])).to_string().contains("the runbook is for `role=mail`"));
    let narrowed = planned(&with_targets, &request(&fleet, "site=ams", &[]));
    assert_eq!(narrowed.plan().selection, "(role=web) and (site=ams)");
    assert_eq!(narrowed.plan().hosts.len(), 2);
}

#[test]
fn all_wrong_inputs_and_a_missing_host_value_are_said_with_their_place() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { unit: { type: string, pattern: '[a-z]+' }, n: { type: integer } }\nsteps:\n  - id: a\n    run: echo {{ unit }} {{ n }} {{ host.labels.rack }}\n",
    );
    let errors = refused(&book, &request(&fleet, "role=web", &[("unti", "x"), ("n", "many")]));
    let named: Vec<_> = errors.0.iter().map(|error| error.input.as_deref().unwrap()).collect();
    assert_eq!(named, ["unti", "unit", "n"]);
    assert_eq!(errors.0[0].hint.as_deref(), Some("did you mean `unit`?"));
    let errors = refused(&book, &request(&fleet, "role=web", &[("unit", "x"), ("n", "1")]));
    assert_eq!(errors.0.len(), 1, "the same mistake on four hosts is one mistake");
    assert_eq!(
        errors.0[0].to_string(),
        "step a (line 10): web-ams-1: it has no label `rack`, and the step needs it ({{ host.labels.rack }}) (and so on 3 more)"
    );
}

#[test]
fn the_same_request_gives_the_same_digest_and_hosts_share_what_is_the_same() {
    let fleet = fleet();
    let book = runbook("steps:\n  - { id: a, run: uptime }\n  - { id: b, run: 'echo {{ host.labels.site }}' }\n");
    let one = planned(&book, &request(&fleet, "role=web", &[]));
    assert_eq!(one.digest(), planned(&book, &request(&fleet, "role=web", &[])).digest());
    assert_ne!(one.digest(), planned(&book, &request(&fleet, "role=database", &[])).digest());
    assert_eq!(one.plan().steps[0].action.groups().count(), 1);
    assert_eq!(one.plan().steps[1].action.groups().count(), 2);
}

#[test]
fn a_template_cannot_run_or_grow_without_end() {
    let fleet = fleet();
    let long = "a".repeat(10_000);
    let loops = "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}";
    let grows = "{% for a in x|split('a') %}{{ x }}{% endfor %}";
    for (code, expected) in [(loops, "too long"), (grows, &format!("longer than {RENDERED_BYTES_MAX} bytes")[..])] {
        let errors = refused(&script(STRING, code), &request(&fleet, "role=web", &[("x", &long)]));
        assert!(errors.to_string().contains(expected), "{errors}");
    }
}
