//! The house stands as `ARCHITECTURE.md` draws it: who may depend on whom, who may know which outside crate, and what
//! the window may call. An edge that is not in here is its own reviewed change.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each crate, and all of the workspace that it may name, also in its tests.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("daytwo-model", &[]),
    ("daytwo-runbook", &["daytwo-model"]),
    ("daytwo-engine", &["daytwo-model"]),
    ("daytwo-fleet", &["daytwo-model"]),
    // It plays hosts and clock, so that planner and engine need not be played.
    ("daytwo-rehearsal", &["daytwo-model", "daytwo-runbook", "daytwo-engine"]),
    // Adapters: they answer the ports of engine and fleet, and never see each other.
    ("daytwo-ssh", &["daytwo-model", "daytwo-engine", "daytwo-fleet"]),
    ("daytwo-http", &["daytwo-model", "daytwo-engine"]),
    ("daytwo-store", &["daytwo-model", "daytwo-engine", "daytwo-fleet"]),
    ("daytwo-secrets", &["daytwo-model", "daytwo-engine"]),
    // The demo fleet serves SSH, so that everything above it is real.
    ("daytwo-demo", &["daytwo-model", "daytwo-engine", "daytwo-fleet", "daytwo-ssh"]),
    (
        "daytwo-console",
        &[
            "daytwo-model",
            "daytwo-runbook",
            "daytwo-engine",
            "daytwo-rehearsal",
            "daytwo-fleet",
            "daytwo-ssh",
            "daytwo-http",
            "daytwo-store",
            "daytwo-secrets",
            "daytwo-demo",
        ],
    ),
    // Window and command line: the console's use cases, and the nouns that these speak of.
    ("daytwo", &["daytwo-console", "daytwo-model"]),
    ("daytwo-xtask", &[]),
];

/// Outside crates that exactly one crate of the house may know.
const KNOWN_BY_ONE: &[(&str, &str)] = &[
    ("russh", "daytwo-ssh"),
    ("reqwest", "daytwo-http"),
    ("sqlx", "daytwo-store"),
    ("keyring", "daytwo-secrets"),
    ("tauri", "daytwo"),
    ("tauri-build", "daytwo"),
];

/// What must not be in the tree of a build without the window.
const OF_THE_WINDOW: &[&str] =
    &["tauri", "tauri-build", "wry", "tao", "gtk", "gtk-sys", "webkit2gtk", "webkit2gtk-sys"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Debug)]
struct Package {
    name: String,
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    optional: bool,
}

fn packages() -> Vec<Package> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps", "--locked"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let dependency =
        |value: &Value| Dependency { name: text(&value["name"]), optional: value["optional"].as_bool().unwrap() };
    let package = |value: &Value| Package {
        name: text(&value["name"]),
        folder: Path::new(value["manifest_path"].as_str().unwrap()).parent().unwrap().to_path_buf(),
        dependencies: value["dependencies"].as_array().unwrap().iter().map(dependency).collect(),
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn every_edge_between_crates_is_drawn_in_the_house() {
    let allowed: BTreeMap<_, _> = MAY_DEPEND_ON.iter().copied().collect();
    let ours: BTreeSet<_> = allowed.keys().copied().collect();
    let packages = packages();
    let found: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(found, ours, "the crates of the workspace are not the rooms of the house");
    for package in &packages {
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(dependency.name.as_str())) {
            let edges = allowed[package.name.as_str()];
            assert!(
                edges.contains(&dependency.name.as_str()),
                "{} depends on {}, which the house does not draw",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn russh_reqwest_sqlx_keyring_and_tauri_are_each_known_by_one_crate() {
    let packages = packages();
    for (outside, knower) in KNOWN_BY_ONE {
        let knows = |package: &&Package| package.dependencies.iter().any(|dependency| dependency.name == *outside);
        let found: Vec<_> = packages.iter().filter(knows).map(|package| package.name.as_str()).collect();
        assert_eq!(found, [*knower], "who depends on {outside}");
    }
}

#[test]
fn tauri_is_named_in_the_window_and_its_build_script_only() {
    let app = packages().into_iter().find(|package| package.name == "daytwo").unwrap();
    for dependency in app.dependencies.iter().filter(|dependency| dependency.name.starts_with("tauri")) {
        assert!(dependency.optional, "{} is not behind the feature `gui`", dependency.name);
    }
    let src = root().join("src-tauri");
    let window = [src.join("desktop"), src.join("build.rs")];
    for file in rust_files(&src).into_iter().filter(|file| !window.iter().any(|allowed| file.starts_with(allowed))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let uses = text.contains("tauri::") || text.contains("use tauri") || text.contains("tauri_build");
        assert!(!uses, "{} uses tauri", file.display());
    }
}

#[test]
fn the_workspace_builds_without_webkit() {
    let arguments =
        ["tree", "--workspace", "--locked", "--edges=normal,build,dev", "--prefix=none", "--format={p}", "--no-dedupe"];
    let tree = cargo(&arguments);
    let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains("daytwo-console") && names.contains("russh"), "this is not the tree of the workspace");
    for outside in OF_THE_WINDOW {
        assert!(!names.contains(outside), "{outside} is in the tree of a build without the feature `gui`");
    }
}

#[test]
fn every_crate_has_a_purpose_line() {
    let manifest = read("Cargo.toml");
    for package in packages().iter().filter(|package| package.folder != root()) {
        let entry = format!("{} = {{ path", package.name);
        let above = manifest.lines().zip(manifest.lines().skip(1)).find(|(_, line)| line.starts_with(&entry));
        let purpose = above.and_then(|(line, _)| line.strip_prefix("# ")).unwrap_or_default();
        assert!(purpose.len() > 20, "{} has no purpose line above it in Cargo.toml", package.name);
    }
}

#[test]
fn the_window_may_call_exactly_what_its_handler_answers() {
    let between = |text: &str, from: &str, to: char| {
        let rest = text.split_once(from).unwrap_or_else(|| panic!("`{from}` is gone")).1;
        rest.split_once(to).unwrap().0.to_owned()
    };
    let words = |list: &str| {
        let words = list.split(',').map(|word| word.trim().trim_matches('"').to_owned());
        words.filter(|word| !word.is_empty()).collect::<BTreeSet<_>>()
    };
    let handled = words(&between(&read("src-tauri/desktop/commands.rs"), "generate_handler![", ']'));
    let allowed = words(&between(&read("src-tauri/permissions/commands.toml"), "commands.allow = [", ']'));
    assert!(handled.len() > 5, "the handler's list was not understood: {handled:?}");
    assert_eq!(allowed, handled, "src-tauri/permissions/commands.toml and generate_handler! differ");

    let asked = read("ui/src/lib/host/commands.ts");
    let asked = asked.split_once("export interface Commands {").unwrap().1.split_once("\n}").unwrap().0;
    let asked = asked.lines().filter_map(|line| Some(line.trim().split_once(": Command<")?.0.to_owned()));
    // It takes a channel, which the other commands do not.
    let asked: BTreeSet<String> = asked.chain(["subscribe".to_owned()]).collect();
    assert_eq!(asked, handled, "ui/src/lib/host/commands.ts and generate_handler! differ");

    let capability: Value = serde_json::from_str(&read("src-tauri/capabilities/main.json")).unwrap();
    assert_eq!(
        capability["permissions"],
        serde_json::json!(["allow-console"]),
        "the window may do more than call the console"
    );
    assert!(capability.get("remote").is_none(), "a remote page may call the console");
}

#[test]
fn the_windows_content_comes_from_the_binary_alone() {
    let config: Value = serde_json::from_str(&read("tauri.conf.json")).unwrap();
    let policy = config["app"]["security"]["csp"].as_object().unwrap();
    assert_eq!(policy["default-src"], "'none'");
    for (directive, sources) in policy {
        for source in sources.as_str().unwrap().split_whitespace() {
            let local = ["'none'", "'self'", "data:", "ipc:", "http://ipc.localhost"].contains(&source)
                || (directive == "style-src-attr" && source == "'unsafe-inline'");
            assert!(local, "{directive} allows {source}");
        }
    }
}
