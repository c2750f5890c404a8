//! `file`: byte for byte, and back to the very file that was there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::kit::{NAMES, OnHost, content, file, late_content, literal, mode_of, names_in, set_mode, shells, spot};
use crate::step::{ActionTemplate, FileTemplate};
use crate::template::RENDERED_BYTES_MAX;

fn step(it: FileTemplate) -> ActionTemplate {
    ActionTemplate::File(Box::new(it))
}

/// Whether this process may give files away.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[test]
fn a_file_is_written_and_taken_back_whatever_its_name_is() {
    for shell in shells() {
        for name in NAMES {
            let at = spot(name);
            fs::write(&at.path, "old\n").unwrap();
            set_mode(&at.path, 0o640);
            let inode = fs::metadata(&at.path).unwrap().ino();
            let mut host = OnHost::new(shell, &step(content(&at.path, "new")));
            host.perform();
            assert_eq!(fs::read(&at.path).unwrap(), b"new", "{shell:?}");
            assert_eq!(mode_of(&at.path), 0o640, "the mode stays where nobody says one");
            assert_eq!(names_in(at.dir.path()).len(), 3, "the file, its backup and the note");
            host.take_back();
            assert_eq!(fs::read(&at.path).unwrap(), b"old\n", "{shell:?}");
            assert_eq!(fs::metadata(&at.path).unwrap().ino(), inode, "the very file is back");
            assert_eq!(names_in(at.dir.path()), [*name], "nothing is left behind by {shell:?}");
        }
    }
}

#[test]
fn content_arrives_byte_for_byte() {
    let long = "0123456789abcde\n".repeat(RENDERED_BYTES_MAX / 16);
    let hostile = [
        "",
        "\n",
        "no end",
        "two\n\n\n",
        "\\n \\\\ \\0 %s %% %d\n",
        "'\"`$(id)$HOME${x}\n",
        "a\r\nb\r\n",
        "é–ü 🦀\n",
        "-n",
        "-e \\c",
        "#!/bin/sh\nEOF\nEND\n",
        "\u{1b}[0m\t\u{1}\u{7f}",
        "{{ x }}",
        "'",
        "''",
        &long,
    ];
    for shell in shells() {
        for text in hostile {
            let at = spot("conf");
            OnHost::new(shell, &step(content(&at.path, text))).perform();
            assert_eq!(fs::read_to_string(&at.path).unwrap(), text, "{shell:?}");
        }
    }
}

#[test]
fn any_content_arrives_byte_for_byte() {
    let shells = shells();
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    let text = prop_oneof!["[^\\x00]{0,40}", "[\\\\'\"$`%\n\r \t!#~-]{0,40}"]
        .prop_filter("the language's own braces", |text| !["{{", "{%", "{#"].iter().any(|begin| text.contains(begin)));
    let which = 0..shells.len();
    runner
        .run(&(text, which), |(text, which)| {
            let at = spot("conf");
            let mut host = OnHost::new(shells[which], &step(content(&at.path, &text)));
            host.perform();
            prop_assert_eq!(fs::read(&at.path).unwrap(), text.as_bytes());
            host.take_back();
            prop_assert!(names_in(at.dir.path()).is_empty());
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_so_already_is_left_alone() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "same\n").unwrap();
        set_mode(&at.path, 0o644);
        let inode = fs::metadata(&at.path).unwrap().ino();
        let it = FileTemplate { mode: Some("0644".into()), ..content(&at.path, "same\n") };
        let mut host = OnHost::new(shell, &step(it));
        host.perform();
        assert!(host.change().well().stdout.contains("already"));
        assert_eq!(names_in(at.dir.path()), ["conf"]);
        host.take_back();
        assert_eq!(fs::metadata(&at.path).unwrap().ino(), inode, "{shell:?} replaced it");
        // It changed nothing, so it takes nothing back.
        fs::write(&at.path, "other\n").unwrap();
        host.inverse().refused("this step changed nothing");
        assert_eq!(fs::read(&at.path).unwrap(), b"other\n");
    }
}

#[test]
fn the_way_back_leaves_what_somebody_changed_since() {
    for shell in shells() {
        for by in ["content", "mode", "removal"] {
            let at = spot("conf");
            fs::write(&at.path, "old").unwrap();
            let mut host = OnHost::new(shell, &step(content(&at.path, "new")));
            host.perform();
            match by {
                "content" => fs::write(&at.path, "theirs").unwrap(),
                "mode" => set_mode(&at.path, 0o700),
                _ => fs::remove_file(&at.path).unwrap(),
            }
            host.inverse().refused("was changed since");
            host.verify_inverse().refused("expected: file");
            assert_eq!(names_in(at.dir.path()).contains(&"conf".to_owned()), by != "removal");
            assert!(names_in(at.dir.path()).iter().any(|name| name.ends_with(".bak")), "the backup is still there");
        }
    }
}

#[test]
fn links_directories_and_devices_are_never_written_through() {
    for shell in shells() {
        let at = spot("conf");
        let behind = at.dir.path().join("behind");
        fs::write(&behind, "precious").unwrap();
        symlink("behind", &at.path).unwrap();
        for it in [
            content(&at.path, "new"),
            FileTemplate { mode: Some("600".into()), ..file(&at.path) },
            FileTemplate { present: false, ..file(&at.path) },
        ] {
            let mut host = OnHost::new(shell, &step(it));
            host.before().refused("symbolic link");
            host.change().refused("symbolic link");
            host.verify().refused("symbolic link");
        }
        assert_eq!(fs::read(&behind).unwrap(), b"precious");
        let mut host = OnHost::new(shell, &step(content(at.dir.path().to_str().unwrap(), "new")));
        host.before().refused("not a regular file");
        host.change().refused("not a regular file");
        OnHost::new(shell, &step(content("/dev/null", "new"))).change().refused("not a regular file");
    }
}

#[test]
fn a_link_that_lies_in_wait_is_not_written_through() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "old").unwrap();
        let victim = at.dir.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for kind in ["new", "bak"] {
            let name = format!(".conf.daytwo-20261121T030405678Z-roll_dout_sswitch_p2.{kind}");
            symlink("victim", at.dir.path().join(name)).unwrap();
        }
        let mut host = OnHost::new(shell, &step(content(&at.path, "new")));
        host.perform();
        host.take_back();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(names_in(at.dir.path()), ["conf", "victim"]);
    }
}

#[test]
fn mode_and_owner_are_given_and_taken_back() {
    for shell in shells() {
        for whole in [false, true] {
            let at = spot("conf");
            fs::write(&at.path, "old").unwrap();
            set_mode(&at.path, 0o4755);
            let inode = fs::metadata(&at.path).unwrap().ino();
            let mut it = if whole { content(&at.path, "new") } else { file(&at.path) };
            if is_root() {
                it.owner = Some(literal("nobody:12"));
            } else {
                it.mode = Some("0600".into());
            }
            let mut host = OnHost::new(shell, &step(it));
            host.perform();
            let now = fs::metadata(&at.path).unwrap();
            if is_root() {
                assert_eq!((now.uid() == 0, now.gid()), (false, 12), "{shell:?}");
                assert_eq!(mode_of(&at.path), 0o4755, "the mode stays where nobody says one");
            } else {
                assert_eq!(mode_of(&at.path), 0o600);
            }
            assert_eq!(now.ino() == inode, !whole, "attributes alone are changed where the file is");
            host.take_back();
            let again = fs::metadata(&at.path).unwrap();
            assert_eq!((mode_of(&at.path), again.ino()), (0o4755, inode), "{shell:?}");
            assert_eq!(again.uid(), fs::metadata(at.dir.path()).unwrap().uid());
            assert_eq!(names_in(at.dir.path()), ["conf"]);
        }
    }
}

#[test]
fn attributes_that_somebody_changed_since_are_left() {
    for shell in shells() {
        let at = spot("conf");
        let it = FileTemplate { mode: Some("0600".into()), ..file(&at.path) };
        OnHost::new(shell, &step(it.clone())).before().refused("is not there");
        fs::write(&at.path, "old").unwrap();
        set_mode(&at.path, 0o644);
        let mut host = OnHost::new(shell, &step(it));
        host.perform();
        // The content is not what this step is about.
        fs::write(&at.path, "theirs").unwrap();
        host.take_back();
        assert_eq!(mode_of(&at.path), 0o644);
        host.change().well();
        set_mode(&at.path, 0o640);
        host.inverse().refused("was changed since: 640");
        assert_eq!(mode_of(&at.path), 0o640);
    }
}

#[test]
fn a_removed_file_comes_back_and_no_file_stays_none() {
    for shell in shells() {
        let at = spot("it's -rf *");
        let gone = || step(FileTemplate { present: false, ..file(&at.path) });
        let mut host = OnHost::new(shell, &gone());
        host.perform();
        host.take_back();
        assert!(names_in(at.dir.path()).is_empty());

        fs::write(&at.path, "old").unwrap();
        set_mode(&at.path, 0o400);
        let mut host = OnHost::new(shell, &gone());
        host.perform();
        assert!(!names_in(at.dir.path()).contains(&"it's -rf *".to_owned()));
        assert!(host.change().well().stdout.contains("already gone"));
        host.take_back();
        assert_eq!((fs::read(&at.path).unwrap().as_slice(), mode_of(&at.path)), (&b"old"[..], 0o400));
        assert_eq!(names_in(at.dir.path()), ["it's -rf *"]);

        let mut host = OnHost::new(shell, &gone());
        host.perform();
        fs::write(&at.path, "theirs").unwrap();
        host.inverse().refused("was changed since");
        host.change().refused("was there again");
        assert_eq!(fs::read(&at.path).unwrap(), b"theirs");
    }
}

#[test]
fn an_attempt_that_was_cut_off_before_the_rename_can_be_made_again_and_taken_back() {
    for (shell, secret) in shells().into_iter().flat_map(|shell| [(shell, false), (shell, true)]) {
        let at = spot("conf");
        fs::write(&at.path, "old").unwrap();
        let it = if secret { late_content(&at.path, "{{ secrets.key }}") } else { step(content(&at.path, "new")) };
        let mut host = OnHost::new(shell, &it);
        host.perform();
        // As it is when the attempt ends between the note and the rename.
        let of =
            |kind: &str| at.dir.path().join(format!(".conf.daytwo-20261121T030405678Z-roll_dout_sswitch_p2.{kind}"));
        let cut_off = || {
            fs::remove_file(&at.path).unwrap();
            fs::hard_link(of("bak"), &at.path).unwrap();
            fs::write(of("new"), "half").unwrap();
        };
        cut_off();
        host.change().well();
        host.verify().well();
        host.take_back();
        assert_eq!(fs::read(&at.path).unwrap(), b"old");

        host.change().well();
        cut_off();
        host.take_back();
        assert_eq!(fs::read(&at.path).unwrap(), b"old");

        // Somebody wrote between two attempts: their file is not taken for the old one.
        fs::remove_file(of("new")).unwrap();
        host.change().well();
        fs::write(&at.path, "theirs").unwrap();
        host.change().refused("changed between two attempts");
        assert_eq!(fs::read(&at.path).unwrap(), b"theirs");
    }
}

#[test]
fn steps_of_one_plan_on_one_file_are_taken_back_in_reverse() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "old").unwrap();
        let mode = FileTemplate { mode: Some("0600".into()), ..file(&at.path) };
        let its = [
            content(&at.path, "one"),
            mode,
            content(&at.path, "two"),
            FileTemplate { present: false, ..file(&at.path) },
        ];
        let mut hosts = Vec::new();
        for (id, it) in ["a-b", "a_b", "a.b", "a/b"].into_iter().zip(its) {
            let mut host = OnHost::of_step(id, shell, &step(it));
            host.perform();
            hosts.push(host);
        }
        // Out of turn it is seen that the file is not as that step left it.
        hosts[0].inverse().refused("was changed since");
        hosts.iter().rev().for_each(OnHost::take_back);
        assert_eq!(fs::read(&at.path).unwrap(), b"old", "{shell:?}");
        assert_eq!(names_in(at.dir.path()), ["conf"]);
    }
}

#[test]
fn people_are_told_mode_and_owner_and_never_a_digest() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "old").unwrap();
        let gone = step(FileTemplate { present: false, ..file(&at.path) });
        for it in [step(content(&at.path, "new")), gone] {
            let mut host = OnHost::new(shell, &it);
            assert!(host.before().well().stdout.starts_with("file "));
            let mut ended = vec![host.change(), host.verify(), host.inverse(), host.verify_inverse()];
            host.change().well();
            fs::write(&at.path, "theirs").unwrap();
            ended.extend([host.inverse(), host.verify_inverse()]);
            for one in ended {
                assert!(!format!("{one:?}").contains("sha256:"), "{one:?}");
            }
            fs::write(&at.path, "old").unwrap();
            names_in(at.dir.path()).iter().filter(|name| *name != "conf").for_each(|name| {
                fs::remove_file(at.dir.path().join(name)).unwrap();
            });
        }
    }
}
