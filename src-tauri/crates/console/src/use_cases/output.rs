//! The output of attempts, in pages and in groups.

use std::collections::BTreeMap;

use daytwo_model::{AttemptId, Digest, RunId};
use daytwo_store::{OutputPage as StoredPage, Streams};

use crate::Console;
use crate::view;
use crate::view::attempt::StepOf;
use crate::view::output::visible;
use crate::wire::run::{OutputGroup, OutputPage, OutputPiece};
use crate::wire::{Code, Mark, UiError};

/// A page of output on its way to a screen.
const PAGE_BYTES_MAX: u64 = 64 * 1024;

impl Console {
    /// A page of an attempt's output, from the position that the page before named, or its last page.
    pub async fn output(&self, attempt: AttemptId, from: u64, from_end: bool) -> Result<OutputPage, UiError> {
        let read = |from| self.parts.store.output(attempt, Streams::Both, from, PAGE_BYTES_MAX);
        let history = |error: daytwo_store::Error| UiError::history(&error);
        let mut page = read(from).await.map_err(history)?;
        if from_end && page.total > from + PAGE_BYTES_MAX {
            page = read(page.total - PAGE_BYTES_MAX).await.map_err(history)?;
        }
        let dropped_bytes = self.parts.store.dropped_bytes(attempt).await.map_err(history)?;
        Ok(OutputPage {
            attempt,
            next: page.from + page.bytes.len() as u64,
            more: page.next.is_some(),
            pieces: pieces(&page),
            dropped_bytes,
        })
    }

    /// What a step wrote, grouped by hosts that wrote the same and ended the same.
    pub async fn output_groups(&self, run: RunId, step: u32) -> Result<Vec<OutputGroup>, UiError> {
        let sealed = self.plan_of(run).await?;
        let of = StepOf::at(sealed.plan(), step);
        let of = of.ok_or_else(|| UiError::new(Code::NotFound, "the run has no such step"))?;
        let outputs = self.parts.store.outputs_of_step(run, step).await.map_err(|error| UiError::history(&error))?;
        let mut groups: BTreeMap<(Mark, String, Digest), OutputGroup> = BTreeMap::new();
        for host in outputs.hosts {
            let (mark, word, detail) = view::attempt::describe(&host.state, of);
            let words = if detail.is_empty() { word.to_owned() } else { format!("{word} · {detail}") };
            let group = groups.entry((mark, words.clone(), host.digest)).or_insert_with(|| {
                let head = outputs.heads.get(&host.digest);
                OutputGroup {
                    hosts: Vec::new(),
                    attempt: host.attempt,
                    mark,
                    words,
                    head: head.map(|head| pieces(&head.page)).unwrap_or_default(),
                    whole: head.is_none_or(|head| head.page.next.is_none()),
                }
            });
            group.hosts.push(host.host_name);
        }
        let mut groups: Vec<OutputGroup> = groups.into_values().collect();
        // Bad news first, then what most hosts say.
        groups.sort_by_key(|group| (group.mark, std::cmp::Reverse(group.hosts.len())));
        Ok(groups)
    }
}

/// A stored page as pieces of safe text, each as it arrived.
fn pieces(page: &StoredPage) -> Vec<OutputPiece> {
    let mut start = 0_usize;
    page.spans
        .iter()
        .filter_map(|span| {
            let end = start.saturating_add(usize::try_from(span.length).unwrap_or(usize::MAX));
            let bytes = page.bytes.get(start..end.min(page.bytes.len()))?;
            start = end;
            let stderr = span.stream == daytwo_model::Stream::Stderr;
            Some(OutputPiece { stderr, at: span.at, text: visible(bytes) })
        })
        .collect()
}
