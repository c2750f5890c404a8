//! How long planning takes and how much memory it needs, for 100 to 100,000 hosts and 20 steps.
//!
//! One JSON line per size. Each size runs in a process of its own, because a peak of memory is
//! never given back:
//!
//! ```text
//! cargo run --release -p daytwo-runbook --example plan            all sizes
//! cargo run --release -p daytwo-runbook --example plan 10000      one size
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;
use std::time::Instant;

use daytwo_model::{Endpoint, Host, HostName, Selector, Timestamp};
use daytwo_runbook::{Nowhere, PlanRequest, WhenReachable, parse, plan};

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];

/// As many hosts as a large site of a large customer has.
const SITES: usize = 40;

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() -> Result<(), Box<dyn Error>> {
    if let Some(size) = std::env::args().nth(1) {
        println!("{}", measured(size.parse()?)?);
        return Ok(());
    }
    for size in SIZES {
        let output = Command::new(std::env::current_exe()?).arg(size.to_string()).output()?;
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Plans once for so many hosts, and says what it took.
fn measured(size: usize) -> Result<String, Box<dyn Error>> {
    let fleet = fleet(size)?;
    let runbook = parse("bench.yaml", &text()).map_err(|errors| errors.to_string())?;
    let request = PlanRequest {
        inputs: BTreeMap::new(),
        selection: Some(Selector::parse("role=web")?),
        fleet: &fleet,
        surroundings: &Nowhere,
        source: None,
        by: "bench".to_owned(),
        at: Timestamp::from_unix_ms(1_795_230_245_678),
        when_reachable: WhenReachable::default(),
    };
    let before = peak_bytes();
    let started = Instant::now();
    let sealed = plan(&runbook, &request)?;
    let took = started.elapsed();
    let peak = peak_bytes();
    let (hosts, steps, digest) = (sealed.plan().hosts.len(), sealed.plan().steps.len(), sealed.digest().short());
    let document = sealed.to_json()?.len();
    let ms = took.as_secs_f64() * 1000.0;
    let [peak, before] = [peak, before].map(|bytes| bytes / (1 << 20));
    Ok(format!(
        "{{\"bench\":\"plan\",\"hosts\":{hosts},\"steps\":{steps},\"ms\":{ms:.1},\"peak_rss_mb\":{peak},\"fleet_rss_mb\":{before},\"document_bytes\":{document},\"digest\":\"{digest}\"}}"
    ))
}

fn fleet(size: usize) -> Result<Vec<Host>, Box<dyn Error>> {
    let host = |number: usize| -> Result<Host, Box<dyn Error>> {
        let site = format!("site-{:02}", number % SITES);
        let labels = [
            ("role", "web".to_owned()),
            ("site", site),
            ("env", "prod".to_owned()),
            ("rack", format!("r{}", number % 400)),
        ];
        let address = format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255);
        Ok(Host {
            name: HostName::new(format!("web-{number:06}"))?,
            endpoint: Endpoint::Ssh { address, port: 22, user: Some("ops".to_owned()), identity_file: None },
            labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
            vars: [("url".to_owned(), "http://127.0.0.1:8000".to_owned())].into(),
            source: "fleet.yaml".to_owned(),
        })
    };
    (0..size).map(host).collect()
}

/// Twenty steps: most are the same everywhere, six differ by site, four by host.
fn text() -> String {
    let mut text = "runbook: bench\ntitle: Bench\nsummary: A runbook for measuring.\nkind: operation\nowner: us\nreviewed: 2026-11-01\ntargets: role=web\ninputs: { unit: { type: string, default: nginx.service } }\nvars: { app: '/srv/{{ host.labels.site }}' }\nrollout: { batches: [1, 10%, 100%], spread: site }\nsteps:\n".to_owned();
    for number in 0..20 {
        let value = match number % 5 {
            0 => "{{ host.name }}",
            1 | 2 if number < 15 => "{{ app }}",
            _ => "{{ unit }}",
        };
        text.push_str(&format!(
            "  - id: step-{number}\n    title: Step {number}\n    run: systemctl restart {value} && systemctl is-enabled {{{{ unit }}}}\n    sudo: true\n    timeout: 60s\n    verify: {{ run: 'systemctl is-active {value}', expect: {{ stdout: active }}, within: 30s }}\n    undo: {{ run: 'systemctl stop {value}', verify: {{ run: 'systemctl is-active {value}', expect: {{ exit_code: 3 }} }} }}\n"
        ));
    }
    text
}

/// The most memory that this process has had, in bytes; 0 where the system does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).map_or(0, |kb| kb * 1024)
}
