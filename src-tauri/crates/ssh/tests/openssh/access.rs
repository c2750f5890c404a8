//! Who is trusted, who is let in, and which way leads there.

use std::fs;
use std::process::{Child, Command, Stdio};

use daytwo_engine::ports::ShellEnd;
use daytwo_model::{Endpoint, Exit, Host};
use daytwo_ssh::{KeyStatus, SshOptions, SshTransport, TrustError};

use crate::drive::{bounded, run, until};
use crate::sshd::{Sshd, host, keygen, user};

const FINE: ShellEnd = ShellEnd::Exited(Exit::Code(0));

async fn try_it(options: SshOptions, host: &Host) -> ShellEnd {
    run(&SshTransport::new(options), host, "exit 0").await.0
}

#[tokio::test]
async fn an_unknown_key_is_refused_until_a_person_accepts_it() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.strange_options());
    let (known, nobody) = (sshd.host("h1"), host("h2", unreachable()));
    let trace = sshd.path("trace");
    let (end, _) = run(&transport, &known, &format!("touch {}", trace.display())).await;
    assert!(
        matches!(&end, ShellEnd::Refused { why } if why.contains("not known") && why.contains("SHA256:")),
        "{end:?}"
    );
    assert!(!trace.exists());

    let survey = bounded(transport.survey_keys(&[known.clone(), nobody.clone()])).await;
    let [(first, status), (second, nothing)] = survey.as_slice() else { panic!("{survey:?}") };
    assert_eq!((first, second), (&known.name, &nobody.name));
    let listed = Command::new("ssh-keygen").arg("-lf").arg(sshd.path("host_key.pub")).output().unwrap();
    let KeyStatus::Unknown { key } = status else { panic!("{status:?}") };
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&key.fingerprint()));
    assert_eq!(key.algorithm(), "ssh-ed25519");
    assert!(matches!(nothing, KeyStatus::NoAnswer { why } if why.contains("refused")), "{nothing:?}");

    bounded(transport.trust(&known, status)).await.unwrap();
    assert_eq!(run(&transport, &known, "exit 0").await.0, FINE);
    let again = bounded(transport.survey_keys(std::slice::from_ref(&known))).await;
    assert!(matches!(again.as_slice(), [(_, KeyStatus::Known { .. })]), "{again:?}");
    let name = format!("[127.0.0.1]:{}", sshd.port);
    let found = Command::new("ssh-keygen").args(["-F", &name, "-f"]).arg(sshd.path("daytwo/known_hosts")).output();
    assert!(found.unwrap().status.success(), "OpenSSH reads what was written");
}

#[tokio::test]
async fn a_changed_key_is_refused_and_the_line_that_disagrees_is_named() {
    let sshd = Sshd::start("");
    let options = sshd.options();
    let known = sshd.path("known_hosts");
    keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &sshd.path("other"));
    let other = fs::read_to_string(sshd.path("other.pub")).unwrap();
    fs::write(&known, format!("# two\n# lines\n[127.0.0.1]:{} {other}", sshd.port)).unwrap();
    let transport = SshTransport::new(options);
    let host = sshd.host("h1");
    let (end, _) = run(&transport, &host, "exit 0").await;
    let line = format!("line 3 of {}", known.display());
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("changed") && why.contains(&line)), "{end:?}");
    let survey = bounded(transport.survey_keys(std::slice::from_ref(&host))).await;
    let [(_, status @ KeyStatus::Changed { line: 3, .. })] = survey.as_slice() else { panic!("{survey:?}") };
    let refused = bounded(transport.trust(&host, status)).await;
    assert!(matches!(refused, Err(TrustError::NotAcceptable { .. })), "a changed key cannot be clicked away");

    let key = fs::read_to_string(sshd.path("host_key.pub")).unwrap();
    fs::write(&known, format!("[127.0.0.1]:{} {key}@revoked * {key}", sshd.port)).unwrap();
    let (end, _) = run(&transport, &host, "exit 0").await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("revoked by line 2")), "{end:?}");
}

#[tokio::test]
async fn a_server_with_several_keys_is_asked_for_the_one_that_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let rsa = dir.path().join("rsa");
    keygen(&["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"], &rsa);
    let sshd = Sshd::start(&format!("HostKey {}", rsa.display()));
    let options = sshd.options();
    let key = fs::read_to_string(rsa.with_extension("pub")).unwrap();
    fs::write(sshd.path("known_hosts"), format!("[127.0.0.1]:{} {key}", sshd.port)).unwrap();
    assert_eq!(try_it(options, &sshd.host("h1")).await, FINE);
}

#[tokio::test]
async fn key_files_and_the_agent_are_used_and_a_failure_says_what_was_tried() {
    let sshd = Sshd::start("");
    for (name, kind, passphrase) in [("rsa", "rsa", ""), ("ec", "ecdsa", ""), ("locked", "ed25519", "secret")] {
        keygen(&["-q", "-t", kind, "-N", passphrase, "-f"], &sshd.path(name));
        let mut all = fs::read_to_string(sshd.path("authorized_keys")).unwrap();
        all.push_str(&fs::read_to_string(sshd.path(&format!("{name}.pub"))).unwrap());
        fs::write(sshd.path("authorized_keys"), all).unwrap();
    }
    keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &sshd.path("stranger"));
    for name in ["id", "rsa", "ec"] {
        assert_eq!(try_it(sshd.options(), &sshd.host_with("h1", Some(&sshd.path(name)))).await, FINE, "{name}");
    }

    let locked = sshd.host_with("h1", Some(&sshd.path("locked")));
    let end = try_it(sshd.options(), &locked).await;
    let ShellEnd::Refused { why } = &end else { panic!("{end:?}") };
    assert!(why.contains("encrypted; add it to the agent with ssh-add"), "{why}");
    assert!(why.contains("the server accepts: publickey"), "{why}");
    assert!(!why.contains("secret"));

    let stranger = sshd.host_with("h1", Some(&sshd.path("stranger")));
    let end = try_it(sshd.options(), &stranger).await;
    assert!(
        matches!(&end, ShellEnd::Refused { why } if why.contains("offered: ") && why.contains("SHA256:")),
        "{end:?}"
    );

    let agent = Agent::start(&sshd);
    agent.add(&sshd, "locked", "secret");
    let with_agent = || SshOptions { agent: Some(agent.socket.clone()), ..sshd.options() };
    assert_eq!(try_it(with_agent(), &locked).await, FINE, "the file names the key, the agent holds it");
    assert_eq!(try_it(with_agent(), &sshd.host_with("h1", None)).await, FINE, "the agent alone");

    fs::create_dir(sshd.path("dot_ssh")).unwrap();
    fs::copy(sshd.path("rsa"), sshd.path("dot_ssh/id_rsa")).unwrap();
    let usual = SshOptions { key_dir: Some(sshd.path("dot_ssh")), ..sshd.options() };
    assert_eq!(try_it(usual, &sshd.host_with("h1", None)).await, FINE, "the usual key files");
}

#[tokio::test]
async fn an_alias_resolves_as_ssh_resolves_it_also_through_a_gateway() {
    let (gate, inner) = (Sshd::start(""), Sshd::start(""));
    let config = gate.path("ssh_config");
    let known = gate.path("both_known");
    let lines: String = [&gate, &inner]
        .iter()
        .map(|sshd| format!("[127.0.0.1]:{} {}", sshd.port, fs::read_to_string(sshd.path("host_key.pub")).unwrap()))
        .collect();
    fs::write(&known, lines).unwrap();
    let text = format!(
        "Host *\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile /dev/null\n  User {user}\n  HostName 127.0.0.1\n\
         Host gate\n  Port {gate_port}\n  IdentityFile {gate_id}\n\
         Host inner\n  Port {inner_port}\n  IdentityFile {inner_id}\n  ProxyJump gate\n\
         Host odd\n  ProxyCommand nc %h %p\n",
        known = known.display(),
        user = user(),
        gate_port = gate.port,
        gate_id = gate.path("id").display(),
        inner_port = inner.port,
        inner_id = inner.path("id").display(),
    );
    // In ssh_config the first value counts, so the general part belongs at the end.
    let (general, special) = text.split_once("Host gate").unwrap();
    fs::write(&config, format!("Host gate{special}{general}")).unwrap();
    let options = SshOptions { ssh_config: Some(config), ..gate.strange_options() };
    let alias = |alias: &str| host("h1", Endpoint::SshConfig { alias: alias.into() });
    let transport = SshTransport::new(options.clone());
    assert_eq!(run(&transport, &alias("gate"), "exit 0").await.0, FINE);
    assert_eq!(run(&transport, &alias("inner"), "exit 0").await.0, FINE);
    assert_eq!(gate.sessions().len(), 1, "the gateway's connection is shared");
    let end = run(&transport, &alias("odd"), "exit 0").await.0;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("proxycommand nc")), "{end:?}");

    let nowhere = SshOptions { ssh_program: Some("/nonexistent/ssh".into()), ..options };
    let end = try_it(nowhere, &alias("gate")).await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("there is no program")), "{end:?}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_nothing_was_started() {
    let sshd = Sshd::start("");
    let end = try_it(sshd.options(), &host("h1", unreachable())).await;
    assert!(matches!(&end, ShellEnd::Unreachable { why } if why.contains("connect to 127.0.0.1:1")), "{end:?}");
}

/// Port 1 (tcpmux) is served nowhere.
fn unreachable() -> Endpoint {
    Endpoint::Ssh { address: "127.0.0.1".into(), port: 1, user: None, identity_file: None }
}

struct Agent {
    socket: std::path::PathBuf,
    child: Child,
}

impl Agent {
    fn start(sshd: &Sshd) -> Self {
        let socket = sshd.path("agent.sock");
        let child = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
        Self { socket, child }
    }

    fn add(&self, sshd: &Sshd, key: &str, passphrase: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let ask = sshd.path("askpass");
        fs::write(&ask, format!("#!/bin/sh\necho {passphrase}\n")).unwrap();
        fs::set_permissions(&ask, fs::Permissions::from_mode(0o700)).unwrap();
        let deadline = std::time::Instant::now() + crate::sshd::PATIENCE;
        loop {
            let added = Command::new("ssh-add")
                .arg(sshd.path(key))
                .env("SSH_AUTH_SOCK", &self.socket)
                .env("SSH_ASKPASS", &ask)
                .env("SSH_ASKPASS_REQUIRE", "force")
                .stderr(Stdio::null())
                .status()
                .unwrap();
            if added.success() {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "ssh-add never succeeded");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_the_next_use_makes_a_new_one() {
    let sshd = Sshd::start("");
    let mut options = sshd.options();
    options.deadlines.idle = std::time::Duration::from_millis(100);
    let transport = SshTransport::new(options);
    assert_eq!(run(&transport, &sshd.host("h1"), "exit 0").await.0, FINE);
    until("the idle connection was closed", || sshd.sessions().is_empty()).await;
    assert_eq!(run(&transport, &sshd.host("h1"), "exit 0").await.0, FINE);
}
