//! The Settings place, without keys and secrets.

use std::sync::PoisonError;

use crate::Console;
use crate::wire::push::Stale;
use crate::wire::settings::{Settings, SettingsView, SourceView};
use crate::wire::{Code, UiError};

/// Hosts are not looked at more often than this: a probe is a small load on each of them.
const PROBE_INTERVAL_S_MIN: u32 = 5;
/// A fleet that is looked at once a day is a list.
const PROBE_INTERVAL_S_MAX: u32 = 86_400;

impl Console {
    /// Settings, and what they govern.
    #[must_use]
    pub fn settings(&self) -> SettingsView {
        let fleet = self.inventory.fleet();
        let source = |source: &daytwo_fleet::sources::SourceStatus| SourceView {
            name: source.name.clone(),
            path: Some(source.path.clone()).filter(|path| !path.is_empty()),
            hosts: source.hosts,
            read_at: source.read_at,
            error: source.error.as_ref().map(|error| error.why.clone()).or_else(|| self.demo_note().map(str::to_owned)),
        };
        let profile = &self.profile;
        let path = |label: &str, path: &std::path::Path| (label.to_owned(), path.display().to_string());
        SettingsView {
            settings: self.settings_now(),
            sources: fleet.sources.iter().map(source).collect(),
            paths: vec![
                path("Fleet file", &profile.fleet_file()),
                path("Own runbooks", &profile.runbooks_dir()),
                path("History", &profile.data_dir.join(daytwo_store::DATABASE_FILE)),
                path("Accepted host keys", &profile.known_hosts()),
                path("Log files", &profile.logs_dir()),
            ],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            demo: self.is_demo(),
        }
    }

    /// Takes new settings. A new probe interval counts from the next start of the console.
    pub async fn save_settings(&self, settings: Settings) -> Result<(), UiError> {
        if !(PROBE_INTERVAL_S_MIN..=PROBE_INTERVAL_S_MAX).contains(&settings.probe_interval_s) {
            let message = format!("the probe interval is {PROBE_INTERVAL_S_MIN} to {PROBE_INTERVAL_S_MAX} seconds");
            return Err(UiError::new(Code::BadRequest, message));
        }
        self.parts.store.set_setting("settings", Some(&settings)).await.map_err(|error| UiError::history(&error))?;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        self.tell_stale(Stale::Settings);
        Ok(())
    }
}
