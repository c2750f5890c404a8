//! Whatever is typed into a demo host, the machine that it runs on is not touched.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{eventually, fleet, host, out, rebooted, sh};
use daytwo_demo::{DemoFleet, DemoOptions, Error};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_machine_can_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let witness = dir.path().join("witness");
    std::fs::write(&witness, "untouched").unwrap();
    let machine_name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();

    for target in ["/usr/bin/daytwo-was-here", "/bin/sh", "/usr/lib/x", "/proc/sys/kernel/core_pattern", "/dev/sda"] {
        let (code, ..) = sh(&web, &format!("echo x >{target} && [ -s {target} ] && rm {target} && false")).await;
        assert_ne!(code, Some(0), "{target} could be written");
    }
    sh(&web, &format!("mkdir -p {0} && echo changed >{0}/witness; echo changed >/etc/hostname", dir.path().display()))
        .await;
    assert_eq!(std::fs::read_to_string(&witness).unwrap(), "untouched");
    assert_eq!(std::fs::read_to_string("/etc/hostname").unwrap_or_default(), machine_name);
    assert!(!std::path::Path::new("/usr/bin/daytwo-was-here").exists());

    for escape in [
        "mount -o remount,rw /usr",
        "umount /usr",
        "mount -t tmpfs x /mnt",
        "unshare --user true",
        "unshare --mount true",
        "nsenter -t 1 --mount true",
        "mknod /tmp/disk b 254 0",
        "chroot /proc/1/root true && chroot /proc/1/cwd/.. cat /etc/shadow",
        "echo 5 >/proc/sys/user/max_user_namespaces",
        "hostname -b elsewhere",
    ] {
        let (code, stdout, _) = sh(&web, escape).await;
        assert_ne!(code, Some(0), "{escape} worked: {stdout}");
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_user_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let environment = out(&web, "env | cut -d= -f1 | sort | paste -sd' '").await;
    assert_eq!(environment, "HOME LANG LOGNAME PATH PWD SHELL TZ USER");
    let own = format!("/proc/{}", std::process::id());
    assert_ne!(sh(&web, &format!("ls {own}")).await.0, Some(0), "the console's process can be seen");
    assert_eq!(out(&web, "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c CARGO || :").await, "0");
    // The whole of what there is: no home but root's empty one, no keys, nothing of the machine's /etc.
    let listed = "ls -A / | tr '\\n' ' '";
    let top = out(&web, listed).await;
    let allowed = "bin dev etc home lib lib32 lib64 libx32 opt proc root run sbin srv tmp usr var";
    for name in top.split_whitespace() {
        assert!(allowed.split(' ').any(|known| known == name), "/{name} is visible");
    }
    assert_eq!(out(&web, "ls -A /home /root /tmp | tr -d '\\n'").await, "/home:/root:/tmp:");
    assert_ne!(sh(&web, "cat /etc/shadow").await.0, Some(0));
    assert_ne!(sh(&web, &format!("ls {}", dir.path().display())).await.0, Some(0));
    assert_eq!(out(&web, "cut -d: -f1 /etc/passwd | tr '\\n' ' '").await, "root nobody");
    // Open files that were inherited would be a way around everything else.
    let open = out(&web, "ls -l /proc/self/fd /proc/1/fd | grep -v pipe | grep -o ' -> .*' | sort -u").await;
    for target in open.lines() {
        let known = ["/proc/", "/dev/null", "/run/daytwo/init.log", "/opt/daytwo/init", "socket:"];
        assert!(known.iter().any(|known| target.contains(known)), "inherited: {target}");
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_process_of_the_machine_can_be_signalled() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let mut bystander = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let boot = web.boot_id().unwrap_or(out(&web, "cat /proc/sys/kernel/random/boot_id").await);
    sh(&web, &format!("kill -9 {}", bystander.id())).await;
    // Ends the command itself as well, and with it the host: that is what it does to a real one.
    let _ = web.capture("kill -9 -1; pkill -9 sleep; killall -9 sleep", b"", Duration::from_secs(10)).await;
    rebooted(&web, &boot).await;
    assert_eq!(bystander.try_wait().unwrap(), None, "the bystander was killed");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_port_of_the_machine_can_be_reached() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), "the listener works");
    let connect = format!("exec 2>/dev/null; bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' && echo reached");
    assert_eq!(sh(&web, &connect).await.1, "");
    assert_eq!(out(&web, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \\n'").await, "lo");
    assert_eq!(out(&web, "tail -n +2 /proc/net/route").await, "");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_is_bounded_and_the_host_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let boot = out(&web, "cat /proc/sys/kernel/random/boot_id").await;
    // Unlike the classic, whose shells die of their failures to fork, what this starts stays.
    let bomb = "for i in 1 2 3 4; do setsid sh -c 'trap \"\" TERM; while :; do sleep 1000 & done' & done; sleep 3";
    let _ = web.capture(bomb, b"", Duration::from_secs(5)).await;
    // The machine stays usable, as far as processes go.
    assert!(Command::new("true").status().unwrap().success());
    assert!(processes_of(&boot).len() <= 110, "{} processes", processes_of(&boot).len());
    rebooted(&web, &boot).await;
    assert_eq!(out(&web, "echo again").await, "again");
    eventually("the end of the bomb", || async { processes_of(&boot).is_empty() }).await;
    fleet.stop().await;
}

/// Processes of the machine that live in a host with this boot id. (A root console sees them all.)
fn processes_of(boot: &str) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let there = |id: &u32| {
        let file = format!("/proc/{id}/root/run/daytwo/boot_id");
        std::fs::read_to_string(file).is_ok_and(|text| text.trim() == boot)
    };
    ids.filter(there).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn disk_and_memory_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let fill = "for n in 1 2 3 4; do head -c 15M /dev/zero >/tmp/fill.$n; done; du -sk /tmp | cut -f1";
    let (_, used, complaint) = sh(&web, fill).await;
    assert!(used.parse::<u64>().unwrap() <= 16 * 1024, "{used} KiB");
    assert!(complaint.contains("No space left"), "{complaint}");
    assert_eq!(out(&web, "rm /tmp/fill.*; echo works >/tmp/again; cat /tmp/again").await, "works");
    assert_ne!(sh(&web, "head -c 1G /dev/zero | tail -n 1 >/dev/null").await.0, Some(0), "1 GiB of memory");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_deleted_itself_comes_back_as_new_and_a_reboot_keeps_its_files() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    out(&web, "echo mine >/var/lib/app/mine; ln -sfn /srv/app/releases/2.3.0 /srv/app/current; echo gone >/tmp/gone")
        .await;
    let first = web.boot_id().unwrap();
    let uptime = "cut -d. -f1 /proc/uptime";
    let young = out(&web, uptime).await.parse::<u64>().unwrap();
    let _ = web.capture("reboot", b"", Duration::from_secs(10)).await;
    let second = rebooted(&web, &first).await;
    assert_eq!(out(&web, "cat /proc/sys/kernel/random/boot_id").await, second);
    assert_eq!(
        out(&web, "cat /var/lib/app/mine; readlink /srv/app/current; ls /tmp").await,
        "mine\n/srv/app/releases/2.3.0"
    );
    assert!(out(&web, uptime).await.parse::<u64>().unwrap() <= young + 60, "the uptime went on");
    assert_eq!(out(&web, "systemctl is-active app").await, "active");

    let _ = web
        .capture("rm -rf --no-preserve-root / 2>/dev/null; rm -rf /* 2>/dev/null", b"", Duration::from_secs(20))
        .await;
    rebooted(&web, &second).await;
    assert_ne!(sh(&web, "cat /var/lib/app/mine").await.0, Some(0));
    assert_eq!(
        out(&web, "readlink /srv/app/current; systemctl is-active app").await,
        "/srv/app/releases/2.4.0\nactive"
    );
    assert!(std::path::Path::new("/usr/bin/env").exists());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_console_finds_the_hosts_as_this_one_left_them() {
    let dir = tempfile::tempdir().unwrap();
    let first = fleet(dir.path(), &["web-fra-1"]).await;
    out(&host(&first, "web-fra-1"), "echo kept >/var/backups/daytwo/kept; systemctl disable --now app").await;
    first.stop().await;
    let second = fleet(dir.path(), &["web-fra-1"]).await;
    let web = host(&second, "web-fra-1");
    assert_eq!(out(&web, "cat /var/backups/daytwo/kept").await, "kept");
    assert_eq!(sh(&web, "systemctl is-active app; systemctl is-enabled app").await.1, "inactive\ndisabled");
    assert_eq!(out(&web, "systemctl is-active nginx").await, "active");
    second.stop().await;
}

#[tokio::test]
async fn where_no_sandbox_can_be_had_it_says_why_and_offers_simulated_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = DemoOptions::default();
    options.tools.unshare = dir.path().join("unshare");
    let Err(Error::Unavailable(unavailable)) = DemoFleet::start(dir.path(), options.clone()).await else {
        panic!("it started without unshare");
    };
    assert!(unavailable.why.contains("unshare was not found at"), "{unavailable}");
    options.tools.unshare = "/bin/false".into();
    let Err(Error::Unavailable(unavailable)) = DemoFleet::start(dir.path(), options).await else {
        panic!("it started without namespaces");
    };
    assert!(unavailable.why.contains("does not let an unprivileged user make namespaces"), "{unavailable}");
    assert_eq!(daytwo_demo::SimulatedFleet::demo().unwrap().hosts().len(), 24);
}

/// The console of the next test: the same test program, started again with this variable set.
const CONSOLE: &str = "DAYTWO_DEMO_TEST_CONSOLE";

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_is_killed_leaves_no_process_behind() {
    if let Ok(dir) = std::env::var(CONSOLE) {
        let fleet = fleet(std::path::Path::new(&dir), &["web-ams-1", "web-ams-2", "database-ams-1"]).await;
        let web = host(&fleet, "web-ams-1");
        let boot = out(&web, "cat /proc/sys/kernel/random/boot_id").await;
        // A process that does not want to go, one that holds what it can of init, and a stopped host.
        let _ = web
            .capture("trap '' TERM HUP; setsid sleep 1000 </proc/1/fd/3 & kill -STOP -1", b"", Duration::from_secs(2))
            .await;
        std::fs::write(std::path::Path::new(&dir).join("boot"), boot).unwrap();
        std::future::pending::<()>().await;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut console = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::a_console_that_is_killed_leaves_no_process_behind"])
        .env(CONSOLE, dir.path())
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // As nobody, hosts must be able to reach their kit below the test's own folder.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).unwrap();
    let note = dir.path().join("boot");
    eventually("the console's start", || async { note.exists() }).await;
    let guards = || processes_with(dir.path().to_str().unwrap());
    assert!(guards().len() >= 3, "the console has hosts");
    console.kill().unwrap();
    console.wait().unwrap();
    let boot = std::fs::read_to_string(&note).unwrap();
    eventually("the end of all guards and hosts", || async { guards().is_empty() && processes_of(&boot).is_empty() })
        .await;
}

/// Processes of the machine with this text in their command line.
fn processes_with(text: &str) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has = |id: &u32| {
        std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(text))
    };
    ids.filter(has).collect()
}
