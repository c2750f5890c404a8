//! The store as the engine and the fleet see it.

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{Fence, Journal, KeptOutput, KeptStream, Outputs, PortError};
use daytwo_fleet::observation::Observation;
use daytwo_fleet::ports::{KeepError, ObservationStore};
use daytwo_model::plan::Intent;
use daytwo_model::{AttemptId, Event, Record, RunState, SealedPlan, Stream, Timestamp};

use crate::column::{json, length};
use crate::error::Error;
use crate::read::runs::Part;
use crate::store::Store;
use crate::writer::facts::ObservationRow;
use crate::writer::{NewRun, Sealed, Write};

#[async_trait]
impl Journal for Store {
    async fn open(&self, plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        let run = first.run;
        let new = new_run(plan, first)?;
        let fence = self.submit(Write::Open(Box::new(new))).await?;
        fence.ok_or_else(|| Error::Misused { run, why: "the writer gave no fence" }.into())
    }

    async fn append(&self, fence: Fence, records: &[Record]) -> Result<(), PortError> {
        if records.is_empty() {
            return Ok(());
        }
        let records = records.iter().map(Sealed::new).collect::<Result<_, _>>()?;
        self.submit(Write::Append { fence, records }).await?;
        Ok(())
    }
}

#[async_trait]
impl Outputs for Store {
    async fn append(&self, attempt: AttemptId, stream: Stream, at: Timestamp, bytes: Bytes) -> Result<(), PortError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.submit(Write::Output { attempt, stream, at, bytes }).await?;
        Ok(())
    }

    async fn kept(&self, attempt: AttemptId) -> Result<KeptOutput, PortError> {
        let [stdout, stderr] = self.kept_streams(attempt).await?.map(|(bytes, digest)| KeptStream { bytes, digest });
        Ok(KeptOutput { stdout, stderr })
    }
}

#[async_trait]
impl ObservationStore for Store {
    async fn load(&self) -> Result<Vec<Observation>, KeepError> {
        Ok(self.observations().await?)
    }

    async fn save(&self, observations: &[Observation]) -> Result<(), KeepError> {
        if observations.is_empty() {
            return Ok(());
        }
        let rows = observations.iter().map(ObservationRow::of).collect::<Result<_, _>>()?;
        self.submit(Write::Observations(rows)).await?;
        Ok(())
    }
}

fn new_run(sealed: &SealedPlan, first: &Record) -> Result<NewRun, Error> {
    let Event::RunOpened { plan: stated, by } = &first.event else {
        return Err(Error::Misused { run: first.run, why: "its first record does not open it" });
    };
    if *stated != sealed.digest() {
        return Err(Error::Misused { run: first.run, why: "its first record names another plan" });
    }
    let plan = sealed.plan();
    let document = sealed.to_json().map_err(|source| Error::Unwritable { what: "a plan", source })?;
    let names: Vec<&str> = plan.hosts.iter().map(|host| host.name.as_str()).collect();
    Ok(NewRun {
        plan: sealed.digest(),
        document,
        host_names: json("host names", &names)?,
        hosts: length(plan.hosts.len()),
        steps: plan.steps.iter().map(|step| (step.id.to_string(), step.title.clone())).collect(),
        runbook: plan.runbook.name.to_string(),
        title: plan.runbook.title.clone(),
        undo_of: match plan.intent {
            Intent::Forward | Intent::Resume { .. } | Intent::Late { .. } => None,
            Intent::Undo { of, .. } => Some(of),
        },
        part_of: match plan.intent {
            Intent::Forward | Intent::Undo { .. } => None,
            Intent::Resume { of, part, .. } => Some((of, Part::Resumed(part))),
            Intent::Late { of } => Some((of, Part::Late)),
        },
        after: plan.intent.made_of().map(|(_, after)| after.to_vec()).unwrap_or_default(),
        wait_until: plan.limits.when_reachable_until,
        by: by.clone(),
        first: Sealed::new(first)?,
        state: RunState::new(plan),
    })
}
