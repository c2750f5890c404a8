//! The HTTP side of a host's unit, served by this process on loopback.
//!
//! A demo host has no way out of its network, so nothing can connect to it. The console answers in
//! its place; what it answers is read from the host for every request, through a command in the
//! host like any other. It never follows a path of the host from outside.

mod gateway;
mod inference;
mod limits;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::machine::DemoHost;
use crate::spec::Role;

pub(crate) use gateway::MASTER_KEY;

/// How long one look into a host may take before the request is answered with 503.
const LOOK_DEADLINE: Duration = Duration::from_secs(5);

/// What the unit behind an HTTP service is doing, and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    active: bool,
    pid: u32,
    since: u64,
    /// The host's clock, in seconds since 1970.
    now: u64,
    files: Vec<String>,
}

/// Starts the service that a role has, if it has one. Returns its address.
pub(crate) async fn serve(
    host: &Arc<DemoHost>,
    tasks: &TaskTracker,
    cancel: &CancellationToken,
    master_key: &daytwo_model::SecretValue,
    port_file: &Path,
) -> std::io::Result<Option<SocketAddr>> {
    let router = match host.spec.role {
        Role::Gateway => gateway::router(Arc::clone(host), master_key.clone()),
        Role::Inference => inference::router(Arc::clone(host)),
        Role::Web | Role::Database => return Ok(None),
    };
    let listener = bind(port_file).await?;
    let address = listener.local_addr()?;
    let (cancel, name) = (cancel.clone(), host.spec.name.clone());
    tasks.spawn(async move {
        let server = axum::serve(listener, router);
        // Not graceful: a client that holds its connection open must not hold up the stop.
        tokio::select! {
            end = async { server.await } => {
                if let Err(error) = end {
                    tracing::warn!(host = %name, %error, "an HTTP service of the demo ended");
                }
            }
            () = cancel.cancelled() => {}
        }
    });
    Ok(Some(address))
}

/// Listens where the service listened the last time, if that port is free: an undo that was planned
/// from an earlier process's run holds that address in its requests.
async fn bind(port_file: &Path) -> std::io::Result<TcpListener> {
    let before = tokio::fs::read_to_string(port_file).await.ok().and_then(|port| port.trim().parse::<u16>().ok());
    let kept = match before {
        Some(port) => TcpListener::bind(("127.0.0.1", port)).await.ok(),
        None => None,
    };
    let listener = match kept {
        Some(listener) => listener,
        None => TcpListener::bind(("127.0.0.1", 0)).await?,
    };
    tokio::fs::write(port_file, listener.local_addr()?.port().to_string()).await?;
    Ok(listener)
}

/// Looks at a unit and its files; an unready unit is answered as a load balancer would.
async fn look(host: &DemoHost, unit: &str, files: &[&str]) -> Result<Look, Response> {
    let command = format!("exec sh /opt/daytwo/state {unit} {}", files.join(" "));
    let captured = match host.capture(&command, b"", LOOK_DEADLINE).await {
        Ok(captured) => captured,
        Err(error) => return Err(unready(&error.to_string())),
    };
    let look = parse(&captured.stdout, files.len()).ok_or_else(|| unready("the host gave no answer"))?;
    if look.active { Ok(look) } else { Err(unready(&format!("{unit} is not running"))) }
}

fn unready(why: &str) -> Response {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({ "error": { "message": why, "type": "unavailable", "code": "503" } })),
    )
        .into_response()
}

/// Parses what `hosts/state.sh` prints: a line, then for each file its size on a line and its bytes.
fn parse(bytes: &[u8], files: usize) -> Option<Look> {
    let (line, mut rest) = split_line(bytes)?;
    let mut words = line.split(' ');
    let active = words.next()? == "active";
    let pid = words.next()?.parse().ok()?;
    let since = words.next()?.parse().ok()?;
    let now = words.next()?.parse().ok()?;
    let mut contents = Vec::with_capacity(files);
    for _ in 0..files {
        let (size, after) = split_line(rest)?;
        let (content, after) = after.split_at_checked(size.trim().parse().ok()?)?;
        contents.push(String::from_utf8_lossy(content).into_owned());
        rest = after;
    }
    Some(Look { active, pid, since, now, files: contents })
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(bytes.get(..end)?).ok()?;
    Some((line, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_taken_apart_by_sizes_and_never_by_what_files_hold() {
        let look = parse(b"active 7 100 160\n5\na\nb\n\n0\n2\nok", 3).unwrap();
        assert_eq!((look.active, look.pid, look.since, look.now), (true, 7, 100, 160));
        assert_eq!(look.files, ["a\nb\n\n", "", "ok"]);
        assert_eq!(parse(b"active 7 100 160\n9\nshort", 1), None);
        assert_eq!(parse(b"", 0), None);
    }
}
