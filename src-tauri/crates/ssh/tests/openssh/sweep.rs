//! What a host removes when it is old: attempts, and what they left elsewhere for their ways back.

use daytwo_engine::ports::ShellEnd;
use daytwo_ssh::SshTransport;

use crate::drive::{FINE, Job, kept, new_attempt};
use crate::places::EMPTY;
use crate::shells;
use crate::sshd::Sshd;

/// What a script does to wait until a file is gone, in bounded time.
fn until_gone(path: &str) -> String {
    format!("n=0; while [ -e {path} ] && [ $n -lt 600 ]; do n=$((n + 1)); sleep 0.05; done")
}

#[tokio::test]
async fn what_is_old_is_removed_and_then_no_folder_does_not_mean_not_started() {
    let Some(sshd) = Sshd::start_in(EMPTY) else { return };
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let script =
        "umask 022; b=/var/tmp/daytwo-0; mkdir $b; now=$(date +%s); boot=$(cat /proc/sys/kernel/random/boot_id)
        make() { mkdir $b/$1; echo \"4000000 1 $2 $3 $4 60\" >$b/$1/keeper; echo 'exit 0' >$b/$1/end; }
        make 00000000-0000-7000-8000-000000000001 other 5 $((now - 1300000))
        make 00000000-0000-7000-8000-000000000002 other 5 $((now - 1000000))
        make 00000000-0000-7000-8000-000000000003 other 5 $((now + 9000000))
        make 00000000-0000-7000-8000-000000000004 $boot $(cut -d. -f1 /proc/uptime) 1";
    assert_eq!(crate::drive::run(&transport, &h1, script).await.0, FINE);
    // Its clock says that the last sweep is in the future; the host's clock has jumped back since.
    crate::drive::run(&transport, &h1, "echo 99999999999 >/var/tmp/daytwo-0/swept").await;
    assert_eq!(Job::deliver(&transport, &h1, new_attempt(), "exit 0").end().await, FINE);
    let left = format!("cd /var/tmp/daytwo-0; {}; echo 0000*", until_gone("00000000-0000-7000-8000-000000000001"));
    let (_, listed) = crate::drive::run(&transport, &h1, &left).await;
    let listed = listed.out();
    let left: Vec<&str> =
        listed.split_whitespace().filter_map(|name| name.strip_prefix("00000000-0000-7000-8000-")).collect();
    assert_eq!(
        left,
        ["000000000002", "000000000003", "000000000004"],
        "only what is old by a clock that can be believed"
    );
    let gone = "00000000-0000-7000-8000-000000000001".parse().unwrap();
    let end = Job::reattach(&transport, &h1, kept(gone, None)).end().await;
    assert!(matches!(&end, ShellEnd::Lost { why } if why.contains("may have removed")), "{end:?}");
    let end = Job::reattach(&transport, &h1, kept(new_attempt(), None)).end().await;
    assert!(matches!(end, ShellEnd::NotStarted { .. }), "{end:?}");
}

#[tokio::test]
async fn a_script_is_told_where_to_say_what_it_leaves_and_its_programs_are_not_in_every_shell() {
    for host in shells::all_empty() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let script = "echo /somewhere >>\"$daytwo_left\"; cat \"$daytwo_left\"; env | grep daytwo";
        let mut job = Job::deliver(&transport, &h1, new_attempt(), script);
        assert_eq!(job.end().await, ShellEnd::Exited(daytwo_model::Exit::Code(1)), "{}", host.name);
        assert_eq!(job.out(), "/somewhere\n", "{}", host.name);
        let (_, attached) = crate::drive::run(&transport, &h1, "echo \"<${daytwo_left-unset}>\"").await;
        assert_eq!(attached.out(), "<unset>\n", "{}: what is not kept has nowhere to say it", host.name);
    }
}

#[tokio::test]
async fn what_an_attempt_left_elsewhere_goes_with_its_folder_and_nothing_else_does_in_every_shell() {
    for host in shells::all_empty() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let script = "b=/var/tmp/daytwo-0; mkdir -m 755 $b; now=$(date +%s); a=/var/tmp/app; mkdir \"$a\" \"$a/it's\" $a/other
            make() { mkdir $b/$1; echo \"4000000 1 other 5 $2 60\" >$b/$1/keeper; echo 'exit 0' >$b/$1/end; }
            make 00000000-0000-7000-8000-000000000001 $((now - 1300000))
            make 00000000-0000-7000-8000-000000000002 $((now - 1000000))
            lost=00000000-0000-7000-8000-000000000000; make $lost $((now - 1300000)); rm $b/$lost/end
            s=daytwo-20261121T030405678Z-x
            cd $a; for f in .c.$s.bak .c.$s.note .c.$s.new \"it's/.a b.$s.bak\" conf .young.$s.bak .c.$s.old daytwo.$s.bak \\
              other/.c.$s.bak .dots.$s.bak .near.$s.bak .again.$s.bak .again.$s.note \
              .lost.$s.bak .lost.$s.note .twice.$s.bak .twice.$s.note; do echo kept >\"$f\"; done
            touch $b/00000000-0000-7000-8000-000000000001/end; touch -d @$((now + 60)) .again.$s.note
            ln -s conf .link.$s.bak; mkdir .dir.$s.bak; ln -s other moved
            { echo relative/.c.$s.bak; echo; echo $a/.never-there.$s.bak
              for f in .c.$s.bak .c.$s.note .c.$s.new \"it's/.a b.$s.bak\" conf .c.$s.old daytwo.$s.bak .link.$s.bak .dir.$s.bak .again.$s.bak .again.$s.note \\
                moved/.c.$s.bak it\\'s/../.dots.$s.bak; do echo \"$a/$f\"; done
              echo \"$a/.near.$s.bak/\"; } >$b/00000000-0000-7000-8000-000000000001/left
            for f in .lost.$s.bak .lost.$s.note .twice.$s.bak .twice.$s.note; do echo $a/$f; done >$b/$lost/left
            for f in .young.$s.bak .twice.$s.bak .twice.$s.note; do echo $a/$f; done >$b/00000000-0000-7000-8000-000000000002/left";
        assert_eq!(crate::drive::run(&transport, &h1, script).await.0, FINE, "{}", host.name);
        assert_eq!(Job::deliver(&transport, &h1, new_attempt(), "exit 0").end().await, FINE, "{}", host.name);
        let look = format!(
            "{}; cd /var/tmp/app; find . ! -type d | sort",
            until_gone("/var/tmp/daytwo-0/00000000-0000-7000-8000-000000000001")
        );
        let (_, listed) = crate::drive::run(&transport, &h1, &look).await;
        let stamp = "daytwo-20261121T030405678Z-x";
        let names = [
            ".again.S.bak",
            ".again.S.note",
            ".c.S.old",
            ".dots.S.bak",
            ".link.S.bak",
            ".near.S.bak",
            // A younger attempt has listed it too, and the older one never came to an end that could be compared.
            ".twice.S.bak",
            ".twice.S.note",
            ".young.S.bak",
            "conf",
            "daytwo.S.bak",
        ];
        let mut stays: Vec<String> = names.iter().map(|name| format!("./{}", name.replace('S', stamp))).collect();
        stays.extend(["./moved".to_owned(), format!("./other/.c.{stamp}.bak")]);
        let mut left: Vec<String> = listed.out().lines().map(str::to_owned).collect();
        left.sort();
        stays.sort();
        assert_eq!(left, stays, "{}", host.name);
    }
}
