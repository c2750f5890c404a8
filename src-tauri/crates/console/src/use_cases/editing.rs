//! Writing runbooks: checking a text while it is typed, saving, copying, proposing; and the choices
//! that a form offers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use daytwo_model::{Digest, RunbookName};
use daytwo_runbook::{ChoiceSource, Diagnostic, InputKind, Severity};

use crate::catalogue::Catalogue;
use crate::wire::push::Stale;
use crate::wire::runbook::{Choices, CodePage, Editing, Finding, Proposal, RunbookView, Saved, TextCheck};
use crate::wire::{Code, UiError};
use crate::{Console, choices, editing, view};

impl Console {
    /// Everything that is wrong with a text, and how it reads.
    pub fn check_text(&self, text: &str) -> TextCheck {
        match daytwo_runbook::parse("this text", text) {
            Err(errors) => TextCheck { findings: errors.list().iter().map(finding).collect(), runbook: None },
            Ok(runbook) => {
                let findings: Vec<Finding> = self.findings(&runbook);
                let row = view::runbook::row_of(&runbook, "", None, self.clock.now());
                let runbook: RunbookView = view::runbook::view(row, &runbook, findings.clone(), Editing::Save, None);
                TextCheck { findings, runbook: Some(runbook) }
            }
        }
    }

    /// What the checker says of a runbook, with what it calls.
    pub(super) fn findings(&self, runbook: &daytwo_runbook::Runbook) -> Vec<Finding> {
        let catalogue = self.catalogue_now();
        let lookup = |name: &RunbookName| catalogue.get(name)?.runbook.as_ref().ok().map(Arc::clone);
        let calls = daytwo_runbook::check_calls(runbook, &lookup);
        let warnings = daytwo_runbook::lint(runbook, self.clock.now());
        let mut findings: Vec<Finding> = calls.iter().chain(&warnings).map(finding).collect();
        findings.sort_by_key(|finding| (finding.line, finding.column));
        findings
    }

    /// The page about a code.
    pub fn explain(code: &str) -> Result<CodePage, UiError> {
        let found = daytwo_runbook::explain(code).ok_or_else(|| {
            let codes = daytwo_runbook::codes().map(|page| page.code);
            let error = UiError::new(Code::NotFound, format!("there is no code {code:?}"));
            match daytwo_model::suggest::nearest(code, codes) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("`daytwo explain` lists them all"),
            }
        })?;
        Ok(page(found))
    }

    /// Every page.
    #[must_use]
    pub fn explained() -> Vec<CodePage> {
        daytwo_runbook::codes().map(page).collect()
    }

    /// The JSON Schema of runbooks.
    #[must_use]
    pub fn runbook_schema() -> serde_json::Value {
        daytwo_runbook::schema()
    }

    /// The JSON Schema of runbooks, or of their tests, as a file for editors.
    pub fn schema(of_tests: bool) -> Result<String, UiError> {
        let schema = if of_tests { daytwo_runbook::rehearsal_schema() } else { Self::runbook_schema() };
        let text = serde_json::to_string_pretty(&schema)
            .map_err(|error| UiError::new(Code::Internal, "the schema cannot be written").because(&error))?;
        Ok(format!("{text}\n"))
    }

    /// Reads the choices of an input anew; where that fails, the last ones, with their date and the reason.
    pub async fn input_choices(&self, runbook: &RunbookName, input: &str) -> Result<Choices, UiError> {
        let book = self.runbook_named(runbook)?;
        let no_choices = || {
            UiError::new(Code::NotFound, format!("the input {input} of {runbook} has no choices that are asked for"))
        };
        let spec = book.inputs.get(input).ok_or_else(no_choices)?;
        let InputKind::Choice { from: Some(source), .. } = &spec.kind else { return Err(no_choices()) };
        self.choices_of(runbook, input, source).await
    }

    pub(super) async fn choices_of(
        &self,
        runbook: &RunbookName,
        input: &str,
        source: &ChoiceSource,
    ) -> Result<Choices, UiError> {
        let folder = self.folder_of(runbook);
        let (store, http) = (&self.parts.store, &*self.parts.ports.http);
        choices::read(store, http, source, &folder, (runbook, input), self.clock.now()).await
    }

    /// Where a runbook's own commands run: in its folder.
    fn folder_of(&self, name: &RunbookName) -> PathBuf {
        let catalogue = self.catalogue_now();
        let path = catalogue.get(name).and_then(|entry| entry.path.as_deref());
        path.and_then(Path::parent).map_or_else(|| self.profile.runbooks_dir(), Path::to_owned)
    }

    /// Saves a text as one's own runbook, if its file still is what the editor began with.
    pub fn save_runbook(&self, name: &RunbookName, text: &str, base: Option<Digest>) -> Result<Saved, UiError> {
        let catalogue = self.catalogue_now();
        if let Some(entry) = catalogue.get(name) {
            let editing = editing::editing(entry, entry.runbook.as_deref().ok());
            if editing != Editing::Save {
                let error = UiError::new(Code::BadRequest, format!("{name} is not owned here"));
                return Err(error.hint("copy it to a runbook of your own, or propose the change to its owner"));
            }
        }
        let saved = editing::save(&self.profile.runbooks_dir(), name, text, base)?;
        self.read_catalogue_again();
        Ok(saved)
    }

    /// Copies a runbook to one of one's own.
    pub fn copy_runbook(&self, name: &RunbookName, as_name: &RunbookName) -> Result<Saved, UiError> {
        let runbook = self.runbook_named(name)?;
        if self.catalogue_now().get(as_name).is_some() {
            let error = UiError::new(Code::Conflict, format!("there is a runbook {as_name} already"));
            return Err(error.hint("choose another name"));
        }
        let text = editing::as_own(&runbook, as_name)?;
        let saved = editing::save(&self.profile.runbooks_dir(), as_name, &text, None)?;
        self.read_catalogue_again();
        Ok(saved)
    }

    /// Proposes a change of a shared runbook to its owner.
    pub async fn propose_change(&self, name: &RunbookName, text: &str, why: &str) -> Result<Proposal, UiError> {
        let catalogue = self.catalogue_now();
        let entry = catalogue.get(name).ok_or_else(|| self.no_such_runbook(name))?;
        let patches = self.profile.data_dir.join("proposals");
        editing::propose(entry, text, why, (&self.profile.actor, self.clock.now()), &patches).await
    }

    /// A command has no watcher, and a window should not wait for it.
    fn read_catalogue_again(&self) {
        let catalogue = Arc::new(Catalogue::read(&self.profile.runbooks_dir()));
        *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = catalogue;
        self.tell_stale(Stale::Catalogue);
    }
}

fn page(page: daytwo_runbook::Page) -> CodePage {
    CodePage { code: page.code.to_owned(), title: page.title.to_owned(), text: page.text.to_owned() }
}

/// A diagnostic for the window.
pub(super) fn finding(diagnostic: &Diagnostic) -> Finding {
    Finding {
        code: diagnostic.code.to_string(),
        error: diagnostic.severity == Severity::Error,
        line: diagnostic.place.line,
        column: diagnostic.place.column,
        width: diagnostic.place.width,
        message: diagnostic.message.clone(),
        hint: diagnostic.hint.clone(),
    }
}
