//! Members of a document behind a real API: set, seen by others meanwhile, and taken back.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use daytwo_model::plan::{
    Action, Capture, CaptureFrom, Direction, Effect, Expect, HttpMethod, HttpRequest, HttpSet, PerHost, PlannedStep,
    Probe, SetMember, Verify, WayBack, WriteForm,
};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{AttemptState, CaptureName, RunOutcome, RunState, StepId, Text};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::serve;
use crate::world::{Ran, run};

/// A document that is read with GET and written with anything else.
#[derive(Default)]
struct Shared {
    document: Value,
    version: u32,
    /// Whether it says which version it is, and compares.
    tags: bool,
    /// The document as somebody else writes it after so many reads.
    meddling: Option<(u32, Value)>,
    reads: u32,
    /// Method, content type and body of each write that arrived.
    writes: Vec<(String, String, Value)>,
}

type Api = Arc<Mutex<Shared>>;

async fn answer(State(api): State<Api>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let mut api = api.lock().unwrap();
    let of = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    if method == Method::GET {
        let tag = format!("\"v{}\"", api.version);
        let shown = axum::Json(json!({ "info": api.document })).into_response();
        api.reads += 1;
        if let Some((_, document)) = api.meddling.take_if(|(after, _)| *after == 0) {
            api.document = document;
            api.version += 1;
        } else if let Some((after, _)) = &mut api.meddling {
            *after -= 1;
        }
        return if api.tags { ([("etag", tag)], shown).into_response() } else { shown };
    }
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let kind = of("content-type").unwrap_or_default();
    if api.tags && of("if-match") != Some(format!("\"v{}\"", api.version)) {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    api.writes.push((method.to_string(), kind, sent.clone()));
    api.version += 1;
    if method == Method::PUT {
        api.document = sent;
    } else {
        let object = api.document.as_object_mut().unwrap();
        for (name, value) in sent.as_object().unwrap().iter().filter(|(name, _)| *name != "key") {
            if value.is_null() {
                object.remove(name)
            } else {
                object.insert(name.clone(), value.clone())
            };
        }
    }
    StatusCode::OK.into_response()
}

async fn api(document: Value, tags: bool) -> (Api, String, JoinSet<()>) {
    let api = Arc::new(Mutex::new(Shared { document, tags, ..Shared::default() }));
    let (base, life) = serve(Router::new().route("/", any(answer)).with_state(Arc::clone(&api))).await;
    (api, base, life)
}

fn name(index: usize) -> CaptureName {
    CaptureName::new(format!("was_{index}")).unwrap()
}

/// The two steps of a change, as planning makes them.
fn steps(base: &str, write: HttpMethod, form: WriteForm, wanted: &[(&str, &str)]) -> Vec<PlannedStep> {
    let was = |index| Text::new([Part::Late { value: Late::Capture(name(index)), quote: Quote::Json }]);
    let member = |(index, (pointer, to)): (usize, &(&str, &str))| SetMember {
        pointer: (*pointer).to_owned(),
        from: was(index),
        to: Text::plain(*to),
    };
    let there: Vec<SetMember> = wanted.iter().enumerate().map(member).collect();
    let swap = |it: &SetMember| SetMember { pointer: it.pointer.clone(), from: it.to.clone(), to: it.from.clone() };
    let back: Vec<SetMember> = there.iter().map(swap).collect();
    let read = HttpRequest::new(HttpMethod::GET, Text::plain(base));
    let set = |members: &[SetMember], direction| Action::HttpSet {
        set: Box::new(HttpSet {
            read: read.clone(),
            root: "/info".into(),
            write: HttpRequest::new(write.clone(), Text::plain(base)),
            form: form.clone(),
            members: members.to_vec(),
            direction,
        }),
    };
    let verify = |members: &[SetMember]| {
        let expected = members.iter().map(|it| (format!("/info{}", it.pointer), it.to.clone())).collect();
        let expect = Expect { members: expected, ..Expect::default() };
        Some(Verify::once(
            PerHost::same(Probe { action: Action::Http { request: Box::new(read.clone()) }, expect }, 1),
            0,
        ))
    };
    let step = |id: &str, action| PlannedStep::new(StepId::new(id).unwrap(), PerHost::same(action, 1));
    let captures = wanted.iter().enumerate().map(|(index, (pointer, _))| Capture {
        name: name(index),
        from: CaptureFrom::Member(format!("/info{pointer}")),
    });
    let before = PlannedStep {
        effect: Effect::Read,
        captures: captures.collect(),
        way_back: WayBack::NotNeeded,
        ..step("set.before", Action::Http { request: Box::new(read.clone()) })
    };
    let inverse = PerHost::same(set(&back, Direction::Back), 1);
    let change = PlannedStep {
        verify: verify(&there),
        way_back: WayBack::Inverse { action: inverse, verify: verify(&back) },
        ..step("set", set(&there, Direction::Forward))
    };
    vec![before, change]
}

/// The undo of such a change, with what was captured.
fn taken_back(steps: &[PlannedStep], state: &RunState) -> Vec<PlannedStep> {
    let captured = state.captured(0);
    let fill = |text: &Text| Ok::<_, ()>(text.with_captures(|name| captured.get(name).cloned()));
    let WayBack::Inverse { action, verify } = &steps[1].way_back else { panic!("no way back") };
    let probe = verify.as_ref().unwrap().probe.get(0).unwrap().try_map(&fill).unwrap();
    let action = action.get(0).unwrap().try_map(&fill).unwrap();
    let verify = Some(Verify::once(PerHost::same(probe, 1), 0));
    vec![PlannedStep { verify, ..PlannedStep::new(steps[1].id.clone(), PerHost::same(action, 1)) }]
}

fn refusal(ran: &Ran) -> String {
    match &ran.state.attempt(0, 1).unwrap().state {
        AttemptState::Refused { why } => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_and_its_undo_leave_the_document_as_it_was_in_every_form() {
    let before = json!({ "limit": 500, "note": null, "other": [1, 2] });
    let with = || WriteForm::Fields { with: Text::plain(r#"{"key":"k"}"#) };
    for (method, form, kind, tags) in [
        (HttpMethod::PUT, WriteForm::Document, "application/json", true),
        (HttpMethod::PUT, WriteForm::Document, "application/json", false),
        (HttpMethod::PATCH, WriteForm::MergePatch, "application/merge-patch+json", true),
        (HttpMethod::POST, with(), "application/json", false),
    ] {
        let (api, base, _life) = api(before.clone(), tags).await;
        let wanted: &[(&str, &str)] = &[("/limit", "[800]"), ("/owner", r#"["ops"]"#)];
        let steps = steps(&base, method, form.clone(), wanted);
        let ran = run(steps.clone(), false).await;
        assert_eq!((ran.outcome, ran.words()), (RunOutcome::Succeeded, vec!["finished", "verified"]), "{form:?}");
        assert_eq!(
            api.lock().unwrap().document,
            json!({ "limit": 800, "note": null, "other": [1, 2], "owner": "ops" })
        );
        let undone = run(taken_back(&steps, &ran.state), true).await;
        assert_eq!((undone.outcome, undone.words()), (RunOutcome::RolledBack, vec!["undone"]), "{form:?}");
        let api = api.lock().unwrap();
        assert_eq!(api.document, before, "no value before is no value again");
        assert_eq!(api.writes.len(), 2, "each was written once");
        assert!(api.writes.iter().all(|(_, sent, _)| sent == kind), "{:?}", api.writes);
    }
}

#[tokio::test]
async fn null_and_a_removed_member_come_back_as_what_they_were() {
    let before = json!({ "limit": null, "owner": "ops" });
    let (api, base, _life) = api(before.clone(), true).await;
    let steps = steps(&base, HttpMethod::PUT, WriteForm::Document, &[("/limit", "[800]"), ("/owner", "[]")]);
    let ran = run(steps.clone(), false).await;
    assert_eq!(api.lock().unwrap().document, json!({ "limit": 800 }));
    let undone = run(taken_back(&steps, &ran.state), true).await;
    assert_eq!(undone.outcome, RunOutcome::RolledBack);
    assert_eq!(api.lock().unwrap().document, before);
}

#[tokio::test]
async fn what_somebody_changed_before_our_write_is_refused_and_left() {
    for tags in [true, false] {
        let (api, base, _life) = api(json!({ "limit": 500 }), tags).await;
        api.lock().unwrap().meddling = Some((0, json!({ "limit": 900 })));
        let ran = run(steps(&base, HttpMethod::PUT, WriteForm::Document, &[("/limit", "[800]")]), false).await;
        assert_eq!((ran.outcome, ran.words()), (RunOutcome::Failed, vec!["finished", "refused"]));
        assert_eq!(
            refusal(&ran),
            "somebody else changed it since: /limit is 900, it was 500 when it was read, and was to become 800; \
             nothing was written"
        );
        assert!(api.lock().unwrap().writes.is_empty());
    }
}

#[tokio::test]
async fn with_an_etag_nothing_can_come_between_our_look_and_our_write() {
    let (api, base, _life) = api(json!({ "limit": 500 }), true).await;
    // After the second read: the look just before the write.
    api.lock().unwrap().meddling = Some((1, json!({ "limit": 900 })));
    let ran = run(steps(&base, HttpMethod::PUT, WriteForm::Document, &[("/limit", "[800]")]), false).await;
    assert_eq!((ran.outcome, ran.words()), (RunOutcome::Failed, vec!["finished", "finished"]));
    assert!(ran.told.contains("changed it between our read and our write"), "{}", ran.told);
    let api = api.lock().unwrap();
    assert_eq!((&api.document, api.writes.len()), (&json!({ "limit": 900 }), 0));
}

#[tokio::test]
async fn an_undo_of_what_somebody_changed_since_is_stuck_and_says_who_has_what() {
    let (api, base, _life) = api(json!({ "limit": 500 }), false).await;
    let steps = steps(&base, HttpMethod::PUT, WriteForm::Document, &[("/limit", "[800]")]);
    let ran = run(steps.clone(), false).await;
    api.lock().unwrap().document = json!({ "limit": 900 });
    let undone = run(taken_back(&steps, &ran.state), true).await;
    assert_eq!((undone.outcome, undone.words()), (RunOutcome::Stuck, vec!["stuck"]));
    let told = "somebody else changed it since: /limit is 900, we set 800, it was 500; nothing was written";
    assert!(undone.told.contains(told), "{}", undone.told);
    let stuck = &undone.state.attempt(0, 0).unwrap().state;
    assert!(matches!(stuck, AttemptState::Stuck { why } if why.contains(told)), "{stuck:?}");
    assert_eq!(api.lock().unwrap().document, json!({ "limit": 900 }));
    // Somebody put back what was there: then there is nothing to do.
    api.lock().unwrap().document = json!({ "limit": 500 });
    let undone = run(taken_back(&steps, &ran.state), true).await;
    assert_eq!((undone.outcome, api.lock().unwrap().writes.len()), (RunOutcome::RolledBack, 1));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_unknown_and_sent_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let writes = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&writes);
    let mut life = JoinSet::new();
    life.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            let read = socket.read(&mut buffer).await.unwrap();
            if buffer[..read].starts_with(b"GET") {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"info\":{\"limit\":500}}";
                socket.write_all(answer).await.unwrap();
            } else {
                *counter.lock().unwrap() += 1;
            }
        }
    });
    let ran = run(steps(&base, HttpMethod::PUT, WriteForm::Document, &[("/limit", "[800]")]), false).await;
    assert_eq!(ran.words(), ["finished", "unknown"]);
    assert_eq!(*writes.lock().unwrap(), 1);
}
