//! The stand-ins answer as the originals do: output, exit codes, and real processes behind them.

use crate::common::{eventually, fleet, host, out, sh};

#[tokio::test(flavor = "multi_thread")]
async fn systemctl_answers_with_the_words_and_codes_of_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let table: [(&str, i32, &str); 27] = [
        ("systemctl is-active nginx.service", 0, "active"),
        ("systemctl is-active nginx", 0, "active"),
        ("systemctl is-active nothing.service", 3, "inactive"),
        ("systemctl is-failed nginx", 1, "active"),
        ("systemctl is-enabled nginx", 0, "enabled"),
        ("systemctl is-system-running", 0, "running"),
        ("systemctl -q is-active nginx", 0, ""),
        ("systemctl show -p LoadState --value nothing", 0, "not-found"),
        ("systemctl show -p MainPID --value nothing", 0, "0"),
        ("systemctl show -p ActiveState,SubState nginx", 0, "ActiveState=active\nSubState=running"),
        ("systemctl show nginx --property=NRestarts", 0, "NRestarts=0"),
        ("systemctl start nothing", 5, ""),
        ("systemctl status nothing", 4, ""),
        ("systemctl stop app", 0, ""),
        ("systemctl is-active app", 3, "inactive"),
        ("systemctl show -p MainPID --value app", 0, "0"),
        ("systemctl status app >/dev/null", 3, ""),
        ("systemctl reload app", 1, ""),
        ("systemctl start app && systemctl is-active app", 0, "active"),
        ("sudo -n systemctl reload nginx", 0, ""),
        ("systemctl disable app && systemctl is-enabled app", 1, "disabled"),
        ("systemctl enable --now app", 0, ""),
        ("systemctl cat nginx | grep -c ExecStart=/usr/sbin/nginx", 0, "1"),
        (
            "systemctl list-units --plain --no-legend | cut -d' ' -f1 | paste -sd' '",
            0,
            "app.service cron.service nginx.service ssh.service",
        ),
        ("systemctl --failed --plain --no-legend", 0, ""),
        ("systemctl --nonsense", 1, ""),
        ("systemctl dance", 1, ""),
    ];
    for (command, code, stdout) in table {
        let (got, said, stderr) = sh(&web, command).await;
        assert_eq!((got, said.as_str()), (Some(code), stdout), "{command}: {stderr}");
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_a_new_process_and_a_killed_service_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = host(&fleet, "web-ams-1");
    let pid = |unit: &str| format!("systemctl show -p MainPID --value {unit}");
    let before = out(&web, &pid("nginx")).await;
    out(&web, "systemctl restart nginx").await;
    let after = out(&web, &pid("nginx")).await;
    assert_ne!(before, after);
    assert_ne!(sh(&web, &format!("kill -0 {before}")).await.0, Some(0), "the old process is still there");
    assert_eq!(out(&web, &format!("kill -0 {after}; tr '\\0' ' ' </proc/{after}/cmdline | grep -c nginx")).await, "1");

    // nginx has no restart policy, the application has one.
    assert_eq!(sh(&web, &format!("kill -9 {after}; sleep 0.2; systemctl is-active nginx")).await.1, "failed");
    out(&web, "kill -9 $(systemctl show -p MainPID --value app)").await;
    let restarted = "systemctl show -p NRestarts,ActiveState app | paste -sd' '";
    eventually("the automatic restart", || async {
        out(&web, restarted).await == "ActiveState=active NRestarts=1"
            || out(&web, restarted).await == "NRestarts=1 ActiveState=active"
    })
    .await;
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_troubled_host_fails_every_third_start_and_a_broken_release_is_unhealthy_though_active() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-iad-2"]).await;
    let web = host(&fleet, "web-iad-2");
    // The boot was the first start.
    assert_eq!(sh(&web, "systemctl restart app").await.0, Some(0));
    let (code, _, stderr) = sh(&web, "systemctl restart app").await;
    assert_eq!(code, Some(1));
    assert!(
        stderr.starts_with("Job for app.service failed because the control process exited with error code."),
        "{stderr}"
    );
    assert_eq!(sh(&web, "systemctl is-failed app").await, (Some(0), "failed".to_owned(), String::new()));
    assert_eq!(out(&web, "journalctl -u app -g 'Address already in use' -o cat | wc -l").await, "1");
    assert_eq!(sh(&web, "systemctl restart app").await.0, Some(0));

    out(&web, "ln -sfn /srv/app/releases/2.4.1 /srv/app/current && systemctl restart app; systemctl is-active app")
        .await;
    let (code, _, stderr) = sh(&web, "/srv/app/current/bin/healthcheck").await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("unhealthy"), "{stderr}");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn journalctl_filters_and_formats_as_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1", "inference-fra-1"]).await;
    let web = host(&fleet, "web-ams-1");
    out(&web, "logger() { . /opt/daytwo/lib; write_log \"$@\"; }; logger app.service app 7 'one  two'; logger app.service app 7 three").await;
    let iso = out(&web, "journalctl -u app.service -n 2 --no-pager -o short-iso").await;
    let lines: Vec<_> = iso.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with("+0000 web-ams-1 app[7]: one  two"), "{iso}");
    let table: [(&str, i32, &str); 8] = [
        ("journalctl -u app -n 2 -o cat", 0, "one  two\nthree"),
        ("journalctl -u app -n 2 -r -o cat", 0, "three\none  two"),
        ("journalctl --unit=app --lines=1 --output=cat --since '1 hour ago' -b", 0, "three"),
        ("journalctl -u app --until '1 hour ago'", 0, "-- No entries --"),
        ("journalctl -u nothing -q", 0, ""),
        ("journalctl -u cron --since 2020-01-01 -o cat | head -n 1 | cut -d' ' -f1", 0, "Starting"),
        ("journalctl -k -o cat -n 1", 0, "Booting Daytwo demo host web-ams-1"),
        ("journalctl --since nonsense", 1, ""),
    ];
    for (command, code, stdout) in table {
        let (got, said, stderr) = sh(&web, command).await;
        assert_eq!((got, said.as_str()), (Some(code), stdout), "{command}: {stderr}");
    }
    // Role by role: cards on inference hosts only.
    let inference = host(&fleet, "inference-fra-1");
    let query = "nvidia-smi --query-gpu=index,memory.total --format=csv,noheader,nounits";
    assert_eq!(out(&inference, query).await, "0, 81559\n1, 81559");
    assert_eq!(sh(&web, "nvidia-smi").await.0, Some(127));
    assert_eq!(out(&web, "hostname; sudo -n id -u; sudo -u root X=1 sh -c 'echo $X'").await, "web-ams-1\n0\n1");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_not_valid_keeps_its_service_down() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["inference-ams-1"]).await;
    let inference = host(&fleet, "inference-ams-1");
    let (code, ..) = sh(
        &inference,
        "sed -i 's/^max_tokens:.*/max_tokens: many/' /etc/inference/config.yaml && systemctl restart inference",
    )
    .await;
    assert_eq!(code, Some(1));
    assert_eq!(out(&inference, "journalctl -u inference -o cat -g 'not valid' | wc -l").await, "1");
    out(
        &inference,
        "sed -i 's/^max_tokens:.*/max_tokens: 4096/' /etc/inference/config.yaml && systemctl restart inference",
    )
    .await;
    fleet.stop().await;
}
