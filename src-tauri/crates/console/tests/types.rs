//! The window's types are generated from Rust and checked in; this test fails when they drift.
//!
//! `cargo xtask types` writes them anew (it runs this test with `DAYTWO_WRITE_TYPES=1`).

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use daytwo_console::wire;
use ts_rs::{Config, TS, TypeVisitor};

struct Collect<'a> {
    config: &'a Config,
    seen: HashSet<std::any::TypeId>,
    types: BTreeMap<String, String>,
}

impl TypeVisitor for Collect<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(std::any::TypeId::of::<T>()) {
            return;
        }
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            self.types.insert(T::ident(self.config), format!("{docs}export {}\n", T::decl(self.config)));
        }
        T::visit_dependencies(self);
    }
}

fn generate() -> String {
    let config = Config::default();
    let mut collect = Collect { config: &config, seen: HashSet::new(), types: BTreeMap::new() };
    collect.visit::<wire::UiError>();
    collect.visit::<wire::push::Push>();
    collect.visit::<wire::fleet::FleetView>();
    collect.visit::<wire::fleet::HostDetail>();
    collect.visit::<wire::fleet::SelectionView>();
    collect.visit::<wire::runbook::RunbookView>();
    collect.visit::<wire::runbook::TextCheck>();
    collect.visit::<wire::runbook::CodePage>();
    collect.visit::<wire::runbook::Choices>();
    collect.visit::<wire::runbook::Saved>();
    collect.visit::<wire::runbook::Proposal>();
    collect.visit::<wire::plan::PlanRequest>();
    collect.visit::<wire::plan::PlanAnswer>();
    collect.visit::<wire::run::RunView>();
    collect.visit::<wire::run::ResumeChoices>();
    collect.visit::<wire::run::Touches>();
    collect.visit::<wire::run::OutputPage>();
    collect.visit::<wire::run::OutputGroup>();
    collect.visit::<wire::run::HistoryFilter>();
    collect.visit::<wire::settings::SettingsView>();
    collect.visit::<wire::settings::KeyRow>();
    collect.visit::<wire::settings::KeyToTrust>();
    collect.visit::<wire::settings::SecretsView>();
    collect.visit::<wire::StartInfo>();
    let body: Vec<String> = collect.types.into_values().collect();
    format!(
        "// Generated from src-tauri/crates/console/src/wire by `cargo xtask types`. Do not edit.\n\n{}",
        body.join("\n")
    )
}

#[test]
fn the_windows_types_are_those_of_rust() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/lib/wire/types.ts");
    let generated = generate();
    if std::env::var_os("DAYTWO_WRITE_TYPES").is_some() {
        std::fs::write(&file, &generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap();
    assert!(checked_in == generated, "ui/src/lib/wire/types.ts is out of date: run `cargo xtask types`");
}
