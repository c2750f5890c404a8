use super::*;

fn errors(text: &str) -> String {
    parse("fleet.yaml", text).map_or_else(|problems| problems.to_string(), |hosts| format!("{} hosts", hosts.len()))
}

#[test]
fn a_file_gives_the_hosts_that_it_says_with_defaults_ranges_and_short_forms() {
    let hosts = parse(
        "fleet.yaml",
        r#"
defaults:
  user: ops
  port: 2222
  labels: { env: prod, tier: 1 }
hosts:
  web-[09-10]:
    address: "{name}.ams.example.com"
    labels: { role: web, tier: 1.10 }
    vars: { url: "https://{name}.example.com/" }
  db-01: 10.0.3.7
  edge-7:
  bastion: { address: "2001:db8::7", port: 22, user: root, identity_file: ~/.ssh/id_bastion }
"#,
    )
    .unwrap();
    let told: Vec<String> = hosts.iter().map(|host| format!("{} {}", host.name, host.endpoint.describe())).collect();
    assert_eq!(
        told,
        [
            "web-09 ops@web-09.ams.example.com:2222",
            "web-10 ops@web-10.ams.example.com:2222",
            "db-01 ops@10.0.3.7:2222",
            "edge-7 ops@edge-7:2222",
            "bastion root@2001:db8::7:22",
        ]
    );
    assert_eq!(hosts[0].labels["tier"], "1.10", "a label is text, whatever YAML would make of it");
    assert_eq!(hosts[0].labels["env"], "prod");
    assert_eq!(hosts[1].vars["url"], "https://web-10.example.com/");
    assert_eq!(hosts[0].source, "fleet.yaml");
    assert!(parse("fleet.yaml", "").unwrap().is_empty());
    assert!(parse("fleet.yaml", "hosts:\n").unwrap().is_empty());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(errors(
        r"defaults:
  user: ops
  adress: 10.0.0.1
hosts:
  web-01: { adress: 10.0.0.1, port: 70000 }
  web-[01-02]: { address: '{name}.example.com' }
  'db 1': 10.0.0.3
  db-[1-3]: 10.0.0.4
  gw: { address: -oProxyCommand=id, user: 'a b' }
  kiosk: { address: '{nmae}.example.com' }
  cam: { labels: { host: x, role: web }, vars: { a-b: c } }
host: {}
"
    ), @r#"
    fleet.yaml:3:3: defaults have no field "adress" (did you mean address?)
    fleet.yaml:5:13: hosts have no field "adress" (did you mean address?)
    fleet.yaml:5:37: "70000" is not a port (a number from 1 to 65535)
    fleet.yaml:6:3: host web-01 is there twice; it is first given in line 5
    fleet.yaml:7:3: "db 1" is not a valid host name: it holds a character that is not allowed here
    fleet.yaml:8:3: all 3 hosts of db-[1-3] would have the address 10.0.0.4 (use {name} in the address)
    fleet.yaml:9:18: "-oProxyCommand=id" is not a usable address: it begins with -
    fleet.yaml:9:43: "a b" is not a usable user: it holds white space
    fleet.yaml:10:21: "{nmae}.example.com" is not a usable address: it holds a brace that is not {name}
    fleet.yaml:11:20: "host" is not a usable name for a label: selectors use that word for something else
    fleet.yaml:11:50: "a-b" is not a usable name for a value: it holds a character that is not allowed here
    fleet.yaml:12:1: fleet files have no field "host" (did you mean hosts?)
    "#);
}

#[test]
fn what_is_not_yaml_or_not_a_mapping_is_told_with_its_place() {
    let check = |text: &str, expected: &str| assert_eq!(errors(text), expected);
    let entry = "expected an address, or a mapping with address, port, user, identity_file, labels, vars";
    check("hosts:\n  web-01: [1, 2\n", &format!("fleet.yaml:2:3: invalid type: sequence, {entry}"));
    check("hosts:\n  web-01: 17\n", &format!("fleet.yaml:2:3: invalid type: integer `17`, {entry}"));
    check(
        "hosts:\n  web-01: 10.0.0.1\n  web-01: 10.0.0.2\n",
        "fleet.yaml:3:3: \"web-01\" is there twice in the same mapping",
    );
    check("hosts: [web-01]\n", "fleet.yaml:1:1: invalid type: sequence, expected a mapping of host names");
    check("- web-01\n", "fleet.yaml: invalid type: sequence, expected a mapping with `hosts:`");
    check("{}\n", "fleet.yaml: it has no hosts (write them below hosts:)");
}

#[test]
fn the_bounds_hold() {
    assert_eq!(errors("hosts:\n  'h[1-100000]':\n"), "100000 hosts");
    assert_eq!(
        errors("hosts:\n  'h[1-100000]':\n  one: 10.0.0.1\n"),
        "fleet.yaml:3:3: a fleet cannot have more than 100000 hosts"
    );
    let large = format!("hosts: {{}}\n#{}", "x".repeat(FLEET_FILE_BYTES_MAX));
    assert_eq!(errors(&large), "fleet.yaml: it is larger than 32 MiB");
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\n\
                d: &d [*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d]\nhosts: { x: *e }\n";
    assert!(errors(bomb).starts_with("fleet.yaml:"), "an alias bomb ends as an error");
}
