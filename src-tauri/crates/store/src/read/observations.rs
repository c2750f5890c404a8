//! What was last known of each host, and how it came to that.

use daytwo_fleet::observation::Observation;
use daytwo_model::HostName;

use crate::column::from_json;
use crate::error::Error;
use crate::store::Store;

/// Observations of one host that one question returns at most.
pub const OBSERVATIONS_PAGE_MAX: u32 = 500;

impl Store {
    /// The last observation of each host.
    pub async fn observations(&self) -> Result<Vec<Observation>, Error> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT host, document FROM observations ORDER BY host")
            .fetch_all(self.readers())
            .await
            .map_err(Error::read)?;
        Ok(rows.iter().filter_map(|(host, document)| readable(host, document)).collect())
    }

    /// Earlier observations of a host, newest first: each change, and otherwise one in five minutes.
    pub async fn observations_of(&self, host: &HostName, limit: u32) -> Result<Vec<Observation>, Error> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT document FROM observation_history WHERE host = ?1 ORDER BY key DESC LIMIT ?2")
                .bind(host.as_str())
                .bind(i64::from(limit.min(OBSERVATIONS_PAGE_MAX)))
                .fetch_all(self.readers())
                .await
                .map_err(Error::read)?;
        Ok(rows.iter().filter_map(|document| readable(host.as_str(), document)).collect())
    }
}

/// An observation is a memory, not a journal: one that another version wrote and this one cannot
/// read is as good as never made, and must not keep the others from being shown.
fn readable(host: &str, document: &str) -> Option<Observation> {
    from_json(|| format!("an observation of {host}"), document)
        .inspect_err(|error| tracing::warn!(host, %error, "an observation is passed over"))
        .ok()
}
