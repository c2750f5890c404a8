#![allow(missing_docs)]
mod kit { pub(crate) fn now() -> daytwo_model::Timestamp { daytwo_model::Timestamp::from_unix_ms(1_795_230_245_678) } }
mod shipped {
use std::collections::BTreeMap;use std::path::Path;use daytwo_runbook::{Runbook,parse};
pub(crate) fn catalogue() -> BTreeMap<String, Runbook> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../runbooks");
    let mut runbooks = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && !name.ends_with(".test.yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let runbook = parse(&name, &text).unwrap_or_else(|errors| panic!("{errors}"));
            runbooks.insert(runbook.name.to_string(), runbook);
        }
    }
    runbooks
}
#[test] fn clean() { for (n, r) in catalogue() { let w = daytwo_runbook::lint(&r, crate::kit::now()); assert!(w.is_empty(), "{n} {}", w.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")); } }
}
#[path = "language/linting.rs"]
mod linting;
