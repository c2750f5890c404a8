//! The window's commands, one call each. `src-tauri/permissions/commands.toml` lists the same
//! names; a command that is missing there is refused, and a test compares the two.

use std::sync::{Arc, Mutex};

use daytwo_console::wire::fleet::{FleetView, HostDetail, SelectionView};
use daytwo_console::wire::plan::{PlanAnswer, PlanRequest};
use daytwo_console::wire::push::Push;
use daytwo_console::wire::run::{
    HistoryFilter, OutputGroup, OutputPage, ResumeChoices, RunRow, RunView, Touches, WaitingHost,
};
use daytwo_console::wire::runbook::{Choices, CodePage, Proposal, RunbookRow, RunbookView, Saved, TextCheck};
use daytwo_console::wire::settings::{KeyRow, KeyToTrust, SecretsView, Settings, SettingsView};
use daytwo_console::wire::{Code, StartInfo, UiError};
use daytwo_console::{Console, Session};
use daytwo_model::plan::ResumePart;
use daytwo_model::{AttemptId, CancelDegree, Digest, HostName, RunId, RunbookName, SecretName, SecretValue};
use tauri::ipc::{Channel, Invoke};
use tauri::{State, Wry};

type Answer<T> = Result<T, UiError>;

/// The console behind the window, and the window's subscription to it.
pub(crate) struct Window {
    console: Arc<Console>,
    session: Mutex<Option<Session>>,
}

impl Window {
    /// A window that has not subscribed yet.
    pub(crate) const fn new(console: Arc<Console>) -> Self {
        Self { console, session: Mutex::new(None) }
    }

    /// Ends the subscription.
    pub(crate) fn close(&self) {
        self.replace(None);
    }

    /// Whether the window may close at once. If not, the person at it is asked.
    pub(crate) fn may_close(&self) -> bool {
        let driven = self.console.drives();
        if driven.is_empty() {
            return true;
        }
        let console = Arc::clone(&self.console);
        let rows = tauri::async_runtime::block_on(async move { console.runs_active().await }).unwrap_or_default();
        let runs = rows.into_iter().filter(|row| driven.contains(&row.id)).collect();
        let mut asked = false;
        self.with_session(|session| {
            session.tell(Push::CloseAsked { runs });
            asked = true;
        });
        !asked
    }

    fn replace(&self, session: Option<Session>) {
        *self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = session;
    }

    fn with_session(&self, act: impl FnOnce(&Session)) {
        if let Some(session) = &*self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            act(session);
        }
    }
}

#[tauri::command]
async fn start_info(window: State<'_, Window>) -> Answer<StartInfo> {
    window.console.start_info().await
}

#[tauri::command]
async fn subscribe(window: State<'_, Window>, channel: Channel<Push>) -> Answer<()> {
    let send = move |push| {
        // A closed channel is a window that reloads: it subscribes again.
        let _ = channel.send(push);
    };
    window.replace(Some(Session::open(Arc::clone(&window.console), send)));
    Ok(())
}

#[tauri::command]
async fn close_window(window: tauri::WebviewWindow) -> Answer<()> {
    window.destroy().map_err(|error| UiError::new(Code::Internal, "the window did not close").because(&error))
}

#[tauri::command]
async fn fleet(window: State<'_, Window>) -> Answer<FleetView> {
    Ok(window.console.fleet())
}

#[tauri::command]
async fn select(window: State<'_, Window>, selection: String) -> Answer<SelectionView> {
    Ok(window.console.select(&selection))
}

#[tauri::command]
async fn host(window: State<'_, Window>, name: HostName) -> Answer<HostDetail> {
    window.console.host(&name).await
}

#[tauri::command]
async fn probe_now(window: State<'_, Window>, hosts: Option<Vec<HostName>>) -> Answer<()> {
    window.console.probe_now(hosts);
    Ok(())
}

#[tauri::command]
async fn catalogue(window: State<'_, Window>) -> Answer<Vec<RunbookRow>> {
    window.console.catalogue().await
}

#[tauri::command]
async fn runbook(window: State<'_, Window>, name: RunbookName) -> Answer<RunbookView> {
    window.console.runbook(&name).await
}

#[tauri::command]
async fn check_text(window: State<'_, Window>, text: String) -> Answer<TextCheck> {
    Ok(window.console.check_text(&text))
}

#[tauri::command]
async fn runbook_schema() -> Answer<serde_json::Value> {
    Ok(Console::runbook_schema())
}

#[tauri::command]
async fn explain(code: String) -> Answer<CodePage> {
    Console::explain(&code)
}

#[tauri::command]
async fn input_choices(window: State<'_, Window>, runbook: RunbookName, input: String) -> Answer<Choices> {
    window.console.input_choices(&runbook, &input).await
}

#[tauri::command]
async fn save_runbook(
    window: State<'_, Window>,
    name: RunbookName,
    text: String,
    base: Option<Digest>,
) -> Answer<Saved> {
    window.console.save_runbook(&name, &text, base)
}

#[tauri::command]
async fn copy_runbook(window: State<'_, Window>, name: RunbookName, as_name: RunbookName) -> Answer<Saved> {
    window.console.copy_runbook(&name, &as_name)
}

#[tauri::command]
async fn propose_change(window: State<'_, Window>, name: RunbookName, text: String, why: String) -> Answer<Proposal> {
    window.console.propose_change(&name, &text, &why).await
}

#[tauri::command]
async fn plan(window: State<'_, Window>, request: PlanRequest) -> Answer<PlanAnswer> {
    window.console.plan(request).await
}

#[tauri::command]
async fn ask_checks(window: State<'_, Window>, digest: Digest) -> Answer<PlanAnswer> {
    window.console.ask_checks(digest).await
}

#[tauri::command]
async fn plan_undo(window: State<'_, Window>, run: RunId) -> Answer<PlanAnswer> {
    window.console.plan_undo(run).await
}

#[tauri::command]
async fn start(window: State<'_, Window>, digest: Digest, typed: Option<u32>) -> Answer<RunId> {
    window.console.start(digest, typed).await
}

#[tauri::command]
async fn runs_active(window: State<'_, Window>) -> Answer<Vec<RunRow>> {
    window.console.runs_active().await
}

#[tauri::command]
async fn run(window: State<'_, Window>, run: RunId) -> Answer<RunView> {
    let view = window.console.run(run).await?;
    window.with_session(|session| session.watch(run, view.index));
    Ok(view)
}

#[tauri::command]
async fn unwatch(window: State<'_, Window>, run: RunId) -> Answer<()> {
    window.with_session(|session| session.unwatch(run));
    Ok(())
}

#[tauri::command]
async fn cancel(
    window: State<'_, Window>,
    run: RunId,
    degree: CancelDegree,
    hosts: Option<Vec<HostName>>,
    why: String,
) -> Answer<()> {
    // Who has it now, this process or another, the run itself shows.
    window.console.cancel(run, degree, hosts, why).await.map(drop)
}

#[tauri::command]
async fn answer(
    window: State<'_, Window>,
    run: RunId,
    step: u32,
    hosts: Vec<HostName>,
    answer: daytwo_model::Answer,
    why: String,
) -> Answer<()> {
    window.console.answer(run, step, hosts, answer, why).await.map(drop)
}

#[tauri::command]
async fn ask_again(window: State<'_, Window>, run: RunId) -> Answer<()> {
    window.console.ask_again(run).await
}

#[tauri::command]
async fn resume_choices(window: State<'_, Window>, run: RunId) -> Answer<ResumeChoices> {
    window.console.resume_choices(run).await
}

#[tauri::command]
async fn plan_resume(window: State<'_, Window>, run: RunId, part: ResumePart) -> Answer<PlanAnswer> {
    window.console.plan_resume(run, part).await
}

#[tauri::command]
async fn waiting(window: State<'_, Window>) -> Answer<Vec<WaitingHost>> {
    window.console.waiting().await
}

#[tauri::command]
async fn withdraw(window: State<'_, Window>, run: RunId, host: HostName) -> Answer<()> {
    window.console.withdraw(run, &host).await
}

#[tauri::command]
async fn touched(window: State<'_, Window>, host: HostName) -> Answer<Touches> {
    window.console.touched(&host).await
}

#[tauri::command]
async fn output(window: State<'_, Window>, attempt: AttemptId, from: u64, from_end: bool) -> Answer<OutputPage> {
    window.console.output(attempt, from, from_end).await
}

#[tauri::command]
async fn output_groups(window: State<'_, Window>, run: RunId, step: u32) -> Answer<Vec<OutputGroup>> {
    window.console.output_groups(run, step).await
}

#[tauri::command]
async fn history(window: State<'_, Window>, filter: HistoryFilter) -> Answer<Vec<RunRow>> {
    window.console.history(filter).await
}

#[tauri::command]
async fn settings(window: State<'_, Window>) -> Answer<SettingsView> {
    Ok(window.console.settings())
}

#[tauri::command]
async fn save_settings(window: State<'_, Window>, settings: Settings) -> Answer<()> {
    window.console.save_settings(settings).await
}

#[tauri::command]
async fn survey_keys(window: State<'_, Window>, hosts: Option<Vec<HostName>>) -> Answer<Vec<KeyRow>> {
    window.console.survey_keys(hosts).await
}

#[tauri::command]
async fn trust_keys(window: State<'_, Window>, keys: Vec<KeyToTrust>) -> Answer<Vec<KeyRow>> {
    window.console.trust_keys(keys).await
}

#[tauri::command]
async fn secrets(window: State<'_, Window>) -> Answer<SecretsView> {
    window.console.secrets().await
}

#[tauri::command]
async fn set_secret(window: State<'_, Window>, name: SecretName, value: String) -> Answer<()> {
    window.console.set_secret(name, SecretValue::new(value)).await
}

#[tauri::command]
async fn delete_secret(window: State<'_, Window>, name: SecretName) -> Answer<()> {
    window.console.delete_secret(name).await
}

#[tauri::command]
async fn unlock_secrets(window: State<'_, Window>, passphrase: String) -> Answer<()> {
    window.console.unlock_secrets(SecretValue::new(passphrase)).await
}

#[tauri::command]
async fn export_report(window: State<'_, Window>, run: RunId) -> Answer<String> {
    window.console.report(run).await
}

/// Every command above.
pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        start_info,
        subscribe,
        close_window,
        fleet,
        select,
        host,
        probe_now,
        catalogue,
        runbook,
        check_text,
        runbook_schema,
        explain,
        input_choices,
        save_runbook,
        copy_runbook,
        propose_change,
        plan,
        ask_checks,
        plan_undo,
        start,
        runs_active,
        run,
        unwatch,
        cancel,
        answer,
        ask_again,
        resume_choices,
        plan_resume,
        waiting,
        withdraw,
        touched,
        output,
        output_groups,
        history,
        settings,
        save_settings,
        survey_keys,
        trust_keys,
        secrets,
        set_secret,
        delete_secret,
        unlock_secrets,
        export_report
    ]
}
