//! Spells steps out and runs their scripts as a host would: through every POSIX shell that is here.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daytwo_model::plan::{Action, CaptureFrom, Probe, RunAs};
use daytwo_model::quote::Quote;
use daytwo_model::text::Late;
use daytwo_model::{CaptureName, SecretName, SecretValue, StepId, Text};
use minijinja::Value;
use tempfile::TempDir;

use crate::diagnostic::Place;
use crate::step::{ActionTemplate, FileTemplate, LinkTemplate, PackageTemplate, ServiceState, ServiceTemplate};
use crate::template::{Engines, Template, late};
use crate::typed::{Spelled, spell};

/// A step's id as planning writes it inside a call and a `for_each`.
const STEP: &str = "roll-out/switch.2";

/// What `{{ secrets.key }}` holds.
pub(super) const SECRET: &str = "it's a $(secret) \\ %s\n";

/// A shell of hosts, and how it is called.
pub(super) type Shell = &'static [&'static str];

/// Every POSIX shell that this machine has; at least `sh`, which may be one of the others again.
pub(super) fn shells() -> Vec<Shell> {
    let known: [Shell; 5] = [&["sh"], &["dash"], &["bash"], &["busybox", "sh"], &["mksh"]];
    let here = |shell: &Shell| {
        Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", ":"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|it| it.success())
    };
    let here: Vec<Shell> = known.into_iter().filter(here).collect();
    assert!(here.contains(&known[0]), "a POSIX sh is needed");
    let sh = fs::canonicalize("/bin/sh").ok();
    let is_sh = |shell: &Shell| sh.as_ref().is_some_and(|sh| sh.file_name().is_some_and(|name| name == shell[0]));
    let again = here.iter().any(is_sh);
    here.into_iter().skip(usize::from(again)).collect()
}

/// A literal template.
pub(super) fn literal(text: &str) -> Template {
    // Braces of a tested value are not the language's.
    let escaped = text.replace("{{", "{{ '{{' }}");
    Template::new(&escaped, Quote::None, Place::START).unwrap()
}

pub(super) fn link(path: &str, to: &str) -> ActionTemplate {
    ActionTemplate::Link(Box::new(LinkTemplate { path: literal(path), to: literal(to), run_as: RunAs::Login }))
}

/// A file of which nothing is said yet.
pub(super) fn file(path: &str) -> FileTemplate {
    FileTemplate { path: literal(path), content: None, mode: None, owner: None, present: true, run_as: RunAs::Login }
}

pub(super) fn content(path: &str, content: &str) -> FileTemplate {
    FileTemplate { content: Some(literal(content)), ..file(path) }
}

/// A file with a content in the language.
pub(super) fn late_content(path: &str, text: &str) -> ActionTemplate {
    let late = Template::new(text, Quote::None, Place::START).unwrap();
    ActionTemplate::File(Box::new(FileTemplate { content: Some(late), ..file(path) }))
}

pub(super) fn service(state: Option<ServiceState>, enabled: Option<bool>) -> ActionTemplate {
    let unit = literal("app.service");
    ActionTemplate::Service(Box::new(ServiceTemplate { unit, state, enabled, run_as: RunAs::Root }))
}

pub(super) fn package(version: Option<&str>, present: bool, hold: Option<bool>) -> ActionTemplate {
    let version = version.map(literal);
    let name = literal("nginx");
    ActionTemplate::Package(Box::new(PackageTemplate { name, version, present, hold, run_as: RunAs::Root }))
}

/// Spells a step out as planning does.
pub(super) fn spelled(action: &ActionTemplate) -> Result<Spelled, String> {
    spelled_as(STEP, action)
}

fn spelled_as(step: &str, action: &ActionTemplate) -> Result<Spelled, String> {
    let key = late(Late::Secret(SecretName::new("key").unwrap()));
    let found = late(Late::Capture(CaptureName::new("found").unwrap()));
    let values = Value::from_pairs([
        ("run", Value::from_pairs([("stamp", Value::from("20261121T030405678Z"))])),
        ("secrets", Value::from_pairs([("key", key)])),
        ("captured", Value::from_pairs([("found", found)])),
    ]);
    let step = StepId::new(step).unwrap();
    spell(&step, action, &Engines::new().with(values)).map_err(|(_, message)| message)
}

/// How a script ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) ok: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// A host with one step on it: what its `before` said is kept for the way back.
pub(super) struct OnHost {
    shell: Shell,
    spelled: Spelled,
    captured: BTreeMap<CaptureName, serde_json::Value>,
    /// Ahead of everything else on the PATH.
    programs: Option<PathBuf>,
    /// Where the wrapper on a host lets a script say what it leaves elsewhere.
    left: Option<PathBuf>,
}

impl OnHost {
    pub(super) fn new(shell: Shell, action: &ActionTemplate) -> Self {
        Self::of_step(STEP, shell, action)
    }

    pub(super) fn of_step(step: &str, shell: Shell, action: &ActionTemplate) -> Self {
        let found = (CaptureName::new("found").unwrap(), serde_json::Value::from("v 7"));
        let spelled = spelled_as(step, action).unwrap();
        Self { shell, spelled, captured: BTreeMap::from([found]), programs: None, left: None }
    }

    pub(super) fn with_programs(mut self, programs: &Path) -> Self {
        self.programs = Some(programs.to_owned());
        self
    }

    pub(super) fn keeping(mut self, left: &Path) -> Self {
        self.left = Some(left.to_owned());
        self
    }

    /// The script as it is sent.
    fn filled(&self, script: &Text) -> String {
        let secret = |_: &SecretName| Some(SecretValue::new(SECRET));
        script.fill(secret, |name| self.captured.get(name).cloned()).unwrap().expose().to_owned()
    }

    fn run(&self, script: &Text) -> Ended {
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]);
        // As the wrapper on a host does it: the script comes on standard input, all of it first.
        match &self.left {
            None => command.args(["-c", r#"unset daytwo_left; s=$(cat); exec </dev/null; eval "$s""#]),
            Some(left) => {
                command.args(["-c", r#"daytwo_left=$1; s=$(cat); exec </dev/null; eval "$s""#, "sh"]).arg(left)
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("LC_ALL", "C.UTF-8");
        if let Some(programs) = &self.programs {
            let path = std::env::var("PATH").unwrap();
            command.env("PATH", format!("{}:{path}", programs.display()));
        }
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.filled(script).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Runs the read before the change, and keeps what it says.
    pub(super) fn before(&mut self) -> Ended {
        let ended = self.run(&self.spelled.before);
        if ended.ok {
            for capture in &self.spelled.captures {
                assert_eq!(capture.from, CaptureFrom::Stdout);
                let said = ended.stdout.trim_end_matches(['\n', '\r']).to_owned();
                self.captured.insert(capture.name.clone(), serde_json::Value::String(said));
            }
        }
        ended
    }

    pub(super) fn change(&self) -> Ended {
        self.run(&self.spelled.change)
    }

    pub(super) fn verify(&self) -> Ended {
        self.probe(&self.spelled.verify)
    }

    pub(super) fn inverse(&self) -> Ended {
        self.run(&self.spelled.inverse.as_ref().unwrap().script)
    }

    pub(super) fn verify_inverse(&self) -> Ended {
        self.probe(&self.spelled.inverse.as_ref().unwrap().verify)
    }

    fn probe(&self, probe: &Probe) -> Ended {
        let Action::Run { script, .. } = &probe.action else { panic!("a probe of a typed step is a script") };
        self.run(script)
    }

    /// What the journal keeps of the read before the change.
    pub(super) fn recorded(&self) -> &str {
        let name = &self.spelled.captures[0].name;
        self.captured[name].as_str().unwrap()
    }

    /// Before, change and verification, all well.
    pub(super) fn perform(&mut self) {
        self.before().well();
        self.change().well();
        self.verify().well();
    }

    /// The way back and its verification, all well.
    pub(super) fn take_back(&self) {
        self.inverse().well();
        self.verify_inverse().well();
    }
}

impl Ended {
    #[track_caller]
    pub(super) fn well(self) -> Self {
        assert!(self.ok, "{self:?}");
        self
    }

    /// It was refused, and says why with these words.
    #[track_caller]
    pub(super) fn refused(self, words: &str) {
        assert!(!self.ok && self.stderr.contains(words), "not refused with {words:?}: {self:?}");
    }
}

/// A directory with a hostile name, and a file or link in it with another one.
pub(super) struct Spot {
    pub(super) dir: TempDir,
    pub(super) path: String,
}

pub(super) const NAMES: &[&str] =
    &["plain", "-n", "a b", "it's", "\"q\"", "*?[a]", "$(reboot) `id` $HOME", "é–ü", "~", "a\\b", "x=1;#"];

pub(super) fn spot(name: &str) -> Spot {
    let dir = TempDir::with_prefix("a 'dir' $x ").unwrap();
    let path = dir.path().join(name).to_str().unwrap().to_owned();
    Spot { dir, path }
}

/// What a directory holds.
pub(super) fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

pub(super) fn mode_of(path: &str) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(super) fn set_mode(path: &str, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A program that stands in for a real one.
pub(super) fn program(dir: &Path, name: &str, script: &str) {
    let path = dir.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Every script of a step, filled, for a checker.
pub(super) fn scripts(action: &ActionTemplate) -> Vec<String> {
    let mut host = OnHost::new(&["sh"], action);
    for capture in host.spelled.captures.clone() {
        host.captured.insert(capture.name, serde_json::Value::from("link a"));
    }
    let probe = |probe: &Probe| match &probe.action {
        Action::Run { script, .. } => script.clone(),
        other => panic!("{other:?}"),
    };
    let it = &host.spelled;
    let mut texts = vec![it.before.clone(), it.change.clone(), probe(&it.verify)];
    if let Some(inverse) = &it.inverse {
        texts.extend([inverse.script.clone(), probe(&inverse.verify)]);
    }
    texts.iter().map(|text| host.filled(text)).collect()
}
