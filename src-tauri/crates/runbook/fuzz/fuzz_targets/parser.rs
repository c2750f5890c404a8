//! Bytes as a runbook: no panic, no hang, and diagnostics that cannot move a terminal's cursor.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Err(errors) = daytwo_runbook::parse_bytes("fuzz.yaml", bytes) else { return };
    assert!(!errors.list().is_empty(), "refused without a reason");
    let said = errors.to_string();
    assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "a message holds a control character");
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for error in errors.list() {
        assert!(error.place.line as usize <= lines + 1, "{error}: beyond the end of the file");
        assert!(error.place.column >= 1 && error.place.width >= 1);
        assert!(error.excerpt.chars().count() <= 160, "an excerpt is not cut");
    }
});
