//! Files that people edit are taken as they are saved, and a file that is broken loses nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daytwo_console::{Console, Mode, Profile, ProfileKind};

/// Far beyond what a file watch needs; reached only when the promise is broken.
const PATIENCE: Duration = Duration::from_secs(30);

fn profile(dir: &Path) -> Profile {
    Profile {
        kind: ProfileKind::Own,
        config_dir: dir.join("config"),
        data_dir: dir.join("data"),
        ssh_dir: Some(dir.join("ssh")),
        ssh_agent: None,
        http_proxy: None,
        login: "tester".to_owned(),
        actor: "tester@test".to_owned(),
    }
}

async fn until(what: &str, console: &Arc<Console>, holds: impl Fn(&Console) -> bool) {
    let asked = async {
        while !holds(console) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "waited in vain: {what}");
}

fn names(console: &Console) -> Vec<String> {
    console.fleet().hosts.iter().map(|host| host.name.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_fleet_file_and_ssh_config_are_taken_and_a_broken_one_keeps_the_hosts_it_had() {
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::create_dir_all(dir.path().join("ssh")).unwrap();
    let fleet_file = dir.path().join("config/fleet.yaml");
    let console = Console::open(profile(dir.path()), Mode::Window).await.unwrap();
    assert!(names(&console).is_empty());
    until("the configuration is watched", &console, |_| dir.path().join("config/runbooks").is_dir()).await;

    std::fs::write(&fleet_file, "hosts: { web-1: 192.0.2.1 }\n").unwrap();
    until("the fleet file is taken", &console, |console| names(console) == ["web-1"]).await;
    std::fs::write(dir.path().join("ssh/config"), "Host bastion\n  HostName 192.0.2.9\nHost *.example\n").unwrap();
    until("ssh_config is taken", &console, |console| names(console) == ["bastion", "web-1"]).await;

    std::fs::write(&fleet_file, "hosts: { web-1: { adress: 192.0.2.1 } }\n").unwrap();
    let error = |console: &Console| console.settings().sources.iter().find_map(|source| source.error.clone());
    until("the mistake is told", &console, |console| error(console).is_some()).await;
    assert!(error(&console).unwrap().contains("address"), "{:?}", error(&console));
    assert_eq!(names(&console), ["bastion", "web-1"], "a broken file lost its hosts");
    console.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_runbook_is_in_the_catalogue_and_a_broken_one_says_why() {
    let dir = tempfile::TempDir::new().unwrap();
    let console = Console::open(profile(dir.path()), Mode::Window).await.unwrap();
    let runbooks = dir.path().join("config/runbooks");
    until("the configuration is watched", &console, |_| runbooks.is_dir()).await;
    std::fs::write(runbooks.join("mine.yaml"), "runbook: mine\ntitel: Mine\n").unwrap();
    let found = async {
        loop {
            let rows = console.catalogue().await.unwrap();
            if let Some(row) = rows.into_iter().find(|row| row.name.as_str() == "mine") {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let row = tokio::time::timeout(PATIENCE, found).await.unwrap();
    assert!(row.broken.as_ref().is_some_and(|why| why.contains("title")), "{row:?}");
    console.close().await;
}
