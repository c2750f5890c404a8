use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::fleet_file::parse;
use crate::observation::{Facts, Freshness, Standing};

const INTERVAL: Duration = Duration::from_secs(15);

/// What a host is made to do.
#[derive(Clone)]
enum Play {
    Answer(&'static str),
    Silent,
    Refuse,
    Hang,
    Panic,
}

/// Hosts that follow a script, and a record of how they were asked.
#[derive(Default)]
struct Hosts {
    plays: Mutex<BTreeMap<String, Play>>,
    asked: Mutex<Vec<(String, Instant)>>,
    busy: Mutex<Vec<String>>,
    together_most: AtomicUsize,
    same_twice: AtomicBool,
    takes: Mutex<Duration>,
}

impl Hosts {
    fn play(&self, host: &str, play: Play) {
        self.plays.lock().unwrap().insert(host.to_owned(), play);
    }
    fn times(&self, host: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(name, _)| name == host).count()
    }
}

#[async_trait]
impl Reach for Hosts {
    async fn read(&self, host: &Host, script: &str, _deadline: Duration) -> Result<String, NoAnswer> {
        assert_eq!(script, probe::SCRIPT);
        let name = host.name.to_string();
        self.asked.lock().unwrap().push((name.clone(), Instant::now()));
        {
            let mut busy = self.busy.lock().unwrap();
            self.same_twice.fetch_or(busy.contains(&name), Ordering::SeqCst);
            busy.push(name.clone());
            self.together_most.fetch_max(busy.len(), Ordering::SeqCst);
        }
        let (play, takes) = (self.plays.lock().unwrap().get(&name).cloned(), *self.takes.lock().unwrap());
        tokio::time::sleep(takes).await;
        if matches!(play, Some(Play::Hang)) {
            std::future::pending::<()>().await;
        }
        self.busy.lock().unwrap().retain(|other| *other != name);
        match play {
            Some(Play::Answer(text)) => Ok(format!("daytwo_probe=1\n{text}\n")),
            None => Ok("daytwo_probe=1\nuptime_s=1\n".to_owned()),
            Some(Play::Refuse) => Err(NoAnswer::Refused("host key changed".to_owned())),
            Some(Play::Panic) => panic!("a bug in the transport"),
            Some(Play::Silent | Play::Hang) => Err(NoAnswer::Unreachable("connection refused".to_owned())),
        }
    }
}

/// A store in memory that can be made to fail.
#[derive(Default)]
struct Kept {
    all: Mutex<BTreeMap<HostName, Observation>>,
    largest_batch: AtomicUsize,
    fails: AtomicBool,
}

#[async_trait]
impl ObservationStore for Kept {
    async fn load(&self) -> Result<Vec<Observation>, KeepError> {
        Ok(self.all.lock().unwrap().values().cloned().collect())
    }
    async fn save(&self, observations: &[Observation]) -> Result<(), KeepError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(KeepError("the disk is full".to_owned()));
        }
        self.largest_batch.fetch_max(observations.len(), Ordering::SeqCst);
        self.all.lock().unwrap().extend(observations.iter().map(|seen| (seen.host.clone(), seen.clone())));
        Ok(())
    }
}

/// Follows the paused clock of the test.
struct Paused(Instant);

impl Now for Paused {
    fn now(&self) -> Timestamp {
        let elapsed_ms = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_unix_ms(1_800_000_000_000 + elapsed_ms)
    }
}

struct Bench {
    hosts: Arc<Hosts>,
    kept: Arc<Kept>,
    now: Arc<Paused>,
    handle: ProberHandle,
    cancel: CancellationToken,
    life: JoinSet<Result<(), KeepError>>,
}

impl Bench {
    fn start(kept: Arc<Kept>) -> Self {
        let (hosts, now) = (Arc::new(Hosts::default()), Arc::new(Paused(Instant::now())));
        *hosts.takes.lock().unwrap() = Duration::from_millis(100);
        let ports = ProberPorts {
            reach: Arc::clone(&hosts) as Arc<dyn Reach>,
            store: Arc::clone(&kept) as Arc<dyn ObservationStore>,
            now: Arc::clone(&now) as Arc<dyn Now>,
        };
        let (prober, handle) = Prober::new(ProberOptions::default(), ports);
        let (cancel, mut life) = (CancellationToken::new(), JoinSet::new());
        life.spawn(prober.run(cancel.clone()));
        Self { hosts, kept, now, handle, cancel, life }
    }

    fn fleet(&self, text: &str) {
        self.handle.set_hosts(parse("fleet.yaml", &format!("hosts: {{ {text} }}")).unwrap());
    }

    fn seen(&self, host: &str) -> Observation {
        self.handle.snapshot().get(&HostName::new(host).unwrap()).cloned().unwrap()
    }

    async fn end(mut self) -> Result<(), KeepError> {
        self.cancel.cancel();
        self.life.join_next().await.unwrap().unwrap()
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn facts_outlive_the_answer_with_their_own_age() {
    let bench = Bench::start(Arc::default());
    bench.hosts.play("web-1", Play::Answer("uptime_s=60\nos=\"Debian GNU/Linux 12\""));
    bench.fleet("web-1");
    pass(2).await;
    let first = bench.seen("web-1");
    assert_eq!(first.reachability, Reachability::Live);
    let known = first.known.clone().unwrap();
    assert_eq!(known.facts.os.as_deref(), Some("Debian GNU/Linux 12"));

    bench.hosts.play("web-1", Play::Silent);
    pass(300).await;
    let later = bench.seen("web-1");
    let Reachability::Unreachable { why, since } = &later.reachability else { panic!("{later:?}") };
    assert_eq!(why, "connection refused");
    assert!(since.ms_since(known.at) < 45_000, "since the first probe that failed, not the last");
    assert_eq!(later.known, Some(known), "facts and their time are those of the last answer");
    assert!(later.at > *since);
    assert!(matches!(later.freshness(bench.now.now(), INTERVAL), Freshness::Stale { age_ms } if age_ms > 290_000));

    bench.hosts.play("web-1", Play::Refuse);
    bench.handle.probe_now(Some(vec![HostName::new("web-1").unwrap()]));
    pass(1).await;
    let refused = bench.seen("web-1");
    assert_eq!(refused.reachability.word(), "refused");
    assert!(refused.reachability.since() > Some(*since), "another trouble begins anew");
    bench.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_known_is_there_after_a_restart_and_not_called_live() {
    let kept = Arc::new(Kept::default());
    let bench = Bench::start(Arc::clone(&kept));
    bench.hosts.play("db-1", Play::Answer("app_version=1.4.2"));
    bench.fleet("db-1");
    pass(1).await;
    bench.end().await.unwrap();
    assert_eq!(kept.all.lock().unwrap().len(), 1, "what was seen last is saved at the end");

    pass(3600).await;
    let mut bench = Bench::start(kept);
    bench.now = Arc::new(Paused(Instant::now() - Duration::from_secs(3600)));
    let changed = bench.handle.subscribe().recv().await.unwrap();
    assert_eq!(changed.as_str(), "db-1", "nobody has to wait for a probe");
    let seen = bench.seen("db-1");
    assert_eq!(seen.known.as_ref().unwrap().facts.app_version.as_deref(), Some("1.4.2"));
    assert_eq!(Standing::of(Some(&seen), bench.now.now(), INTERVAL), Standing::Stale);
    bench.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_thousand_hosts_are_asked_evenly_and_never_one_twice_at_once() {
    let bench = Bench::start(Arc::default());
    bench.fleet("'h[1-1000]'");
    let start = Instant::now();
    for _ in 0..60 {
        pass(1).await;
        bench.handle.probe_now(Some(vec![HostName::new("h7").unwrap()]));
    }
    let asked = bench.hosts.asked.lock().unwrap().clone();
    let mut per_second = [0_usize; 60];
    for (_, when) in asked.iter().filter(|(name, _)| name != "h7") {
        per_second[usize::try_from((*when - start).as_secs()).unwrap().min(59)] += 1;
    }
    assert!(per_second.iter().all(|count| (30..=110).contains(count)), "67 a second is even: {per_second:?}");
    let counts: Vec<usize> =
        (1..=1000).map(|n| asked.iter().filter(|(name, _)| *name == format!("h{n}")).count()).collect();
    assert!(counts.iter().all(|count| *count >= 3), "nobody is forgotten");
    assert!(counts[6] >= 55, "who is asked for is asked at once");
    assert!(!bench.hosts.same_twice.load(Ordering::SeqCst));
    assert!(bench.hosts.together_most.load(Ordering::SeqCst) <= 64);
    assert_eq!(bench.handle.snapshot().len(), 1000);
    let kept = Arc::clone(&bench.kept);
    bench.end().await.unwrap();
    assert!((50..=SAVE_BATCH_MAX).contains(&kept.largest_batch.load(Ordering::SeqCst)), "saved in batches");
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_is_asked_less_often_within_a_bound_and_the_limit_holds() {
    let bench = Bench::start(Arc::default());
    bench.hosts.play("gone", Play::Silent);
    bench.fleet("gone, here");
    pass(3600).await;
    let (gone, here) = (bench.hosts.times("gone"), bench.hosts.times("here"));
    assert!((30..=40).contains(&gone), "about every 2 min: {gone}");
    assert!((215..=265).contains(&here), "about every 15 s: {here}");
    bench.hosts.play("gone", Play::Answer("cpus=2"));
    pass(121).await;
    assert_eq!(bench.seen("gone").reachability, Reachability::Live, "back within the bound");
    bench.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_host_that_hangs_or_a_probe_that_panics_ends_and_is_told() {
    let bench = Bench::start(Arc::default());
    bench.hosts.play("hung", Play::Hang);
    bench.hosts.play("bug", Play::Panic);
    bench.hosts.play("menu", Play::Answer(""));
    bench.fleet("hung, bug, menu");
    pass(14).await;
    let why = |host| match bench.seen(host).reachability {
        Reachability::Unreachable { why, .. } => format!("unreachable: {why}"),
        Reachability::Unreadable { why, .. } => format!("unreadable: {why}"),
        other @ (Reachability::Live | Reachability::Refused { .. }) => format!("{other:?}"),
    };
    assert_eq!(why("hung"), "unreachable: no answer within 10 s");
    assert_eq!(why("bug"), "unreadable: the probe stopped unexpectedly");
    assert_eq!(bench.seen("menu").known.unwrap().facts, Facts::default(), "a host may have nothing to say");
    pass(60).await;
    assert!(bench.hosts.times("bug") > 1, "it is asked again");
    bench.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_a_host_that_was_redefined_meanwhile_is_not_taken() {
    let bench = Bench::start(Arc::default());
    *bench.hosts.takes.lock().unwrap() = Duration::from_secs(5);
    bench.hosts.play("web-1", Play::Answer("app_version=old"));
    bench.fleet("web-1: 10.0.0.1, web-2: 10.0.0.2");
    pass(1).await;
    bench.hosts.play("web-1", Play::Answer("app_version=new"));
    bench.fleet("web-1: 10.9.9.9");
    pass(5).await;
    assert!(bench.handle.snapshot().is_empty(), "neither the old web-1 nor the removed web-2");
    pass(5).await;
    assert_eq!(bench.seen("web-1").known.unwrap().facts.app_version.as_deref(), Some("new"));
    assert_eq!(bench.hosts.times("web-2"), 1);
    assert!(!bench.hosts.same_twice.load(Ordering::SeqCst));
    bench.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_tried_again_and_the_end_says_if_something_is_lost() {
    let bench = Bench::start(Arc::default());
    bench.kept.fails.store(true, Ordering::SeqCst);
    bench.fleet("web-1");
    pass(10).await;
    assert_eq!(bench.seen("web-1").reachability, Reachability::Live, "it is shown although it is not saved");
    bench.kept.fails.store(false, Ordering::SeqCst);
    pass(3).await;
    assert_eq!(bench.kept.all.lock().unwrap().len(), 1, "tried again without a new probe");
    bench.kept.fails.store(true, Ordering::SeqCst);
    pass(30).await;
    assert_eq!(bench.end().await.unwrap_err().to_string(), "the disk is full");
}

#[tokio::test(start_paused = true)]
async fn the_clocks_difference_is_seen() {
    let bench = Bench::start(Arc::default());
    bench.hosts.play("late", Play::Answer("time=1799999940"));
    bench.fleet("late");
    pass(2).await;
    assert_eq!(bench.seen("late").known.unwrap().facts.clock_skew_s, Some(-60));
    bench.end().await.unwrap();
}
