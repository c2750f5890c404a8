//! A range means the same in a fleet file and in a selector.

use daytwo_fleet::fleet_file;
use daytwo_model::Selector;

#[test]
fn a_selector_picks_by_a_range_exactly_the_hosts_that_a_fleet_file_makes_of_it() {
    // Every name that any of the ranges could be mistaken for.
    let everybody = "hosts:\n  web-[0-120]:\n  web-[00-09]:\n  web-[000-099]:\n  r[1-3]n[0-12]:\n";
    let everybody = fleet_file::parse("all.yaml", everybody).unwrap();
    for range in
        ["web-[1-3]", "web-[08-11]", "web-[8-11]", "web-[98-102]", "web-[1,3,07-9]", "web-[000-7]", "r[1-2]n[1,3,7-12]"]
    {
        let written = fleet_file::parse("fleet.yaml", &format!("hosts:\n  {range}:\n")).unwrap();
        let mut written: Vec<&str> = written.iter().map(|host| host.name.as_str()).collect();
        written.sort_unstable();
        for text in [range.to_owned(), format!("host ~ {range}"), format!("host~'{range}'")] {
            let selector = Selector::parse(&text).unwrap();
            let picked = everybody.iter().filter(|host| selector.matches(host));
            let mut picked: Vec<&str> = picked.map(|host| host.name.as_str()).collect();
            picked.sort_unstable();
            assert_eq!(picked, written, "{text}");
        }
    }
}
