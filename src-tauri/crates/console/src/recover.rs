//! Brings runs whose process is gone to the truth.

use daytwo_model::{Record, RunId};
use daytwo_store::limits::RECORDS_PAGE_MAX;

use crate::compose::Parts;
use crate::wire::UiError;

/// Brings every run whose process is gone to the truth: what was in flight is unknown.
pub(crate) async fn recover_orphans(parts: &Parts, found_by: &str) -> Result<Vec<RunId>, UiError> {
    let mut recovered = Vec::new();
    for run in parts.store.orphans().await.map_err(|error| UiError::history(&error))? {
        match recover_orphan(parts, run, found_by).await {
            Ok(true) => recovered.push(run),
            Ok(false) => {}
            // One damaged run must not keep the console shut; it stays as it is and is shown so.
            Err(error) => tracing::error!(%run, error = %chain(&*error), "recovering a run"),
        }
    }
    Ok(recovered)
}

/// False where another process was quicker: exactly one gets the fence.
async fn recover_orphan(
    parts: &Parts,
    run: RunId,
    found_by: &str,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let Some(fence) = parts.store.take_over(run).await? else { return Ok(false) };
    let plan = parts.store.plan_of(run).await?;
    let mut records: Vec<Record> = Vec::new();
    loop {
        let page = parts.store.records(run, records.len() as u64, RECORDS_PAGE_MAX).await?;
        let complete = page.len() < RECORDS_PAGE_MAX as usize;
        records.extend(page);
        if complete {
            break;
        }
    }
    daytwo_engine::recover(&plan, &records, fence, found_by.to_owned(), &parts.ports).await?;
    Ok(true)
}

/// An error and its causes, in one line for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
