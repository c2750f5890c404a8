//! `link`: switched in one go, taken back only where nobody changed it since.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use super::kit::{NAMES, OnHost, link, names_in, shells, spot};

fn leads_to(path: &str) -> String {
    fs::read_link(path).unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_link_is_switched_and_taken_back_whatever_the_names_are() {
    for shell in shells() {
        for (name, (old, new)) in NAMES.iter().zip(NAMES.iter().rev().zip(NAMES.iter().skip(1).chain(["x y"].iter()))) {
            let at = spot(name);
            // To a directory, where mv without -T would go into it.
            fs::create_dir(at.dir.path().join("there")).unwrap();
            symlink(old, &at.path).unwrap();
            let mut host = OnHost::new(shell, &link(&at.path, new));
            host.perform();
            assert_eq!(leads_to(&at.path), *new, "{shell:?}");
            host.take_back();
            assert_eq!(leads_to(&at.path), *old, "{shell:?}");
            assert_eq!(names_in(at.dir.path()).len(), 2, "nothing is left behind by {shell:?}");
        }
    }
}

#[test]
fn a_link_to_a_directory_is_replaced_and_not_filled() {
    for shell in shells() {
        let at = spot("current");
        let release = |name: &str| at.dir.path().join(name);
        fs::create_dir(release("1")).unwrap();
        fs::create_dir(release("2")).unwrap();
        symlink("1", &at.path).unwrap();
        let mut host = OnHost::new(shell, &link(&at.path, "2"));
        host.perform();
        assert_eq!(leads_to(&at.path), "2");
        assert!(names_in(&release("1")).is_empty());
        host.take_back();
        assert_eq!(leads_to(&at.path), "1");
        assert!(names_in(&release("2")).is_empty());
    }
}

#[test]
fn no_link_before_is_no_link_again() {
    for shell in shells() {
        let at = spot("current");
        let mut host = OnHost::new(shell, &link(&at.path, "releases/7"));
        host.perform();
        assert_eq!(leads_to(&at.path), "releases/7");
        host.take_back();
        assert!(names_in(at.dir.path()).is_empty());
        // Once more changes nothing and is no failure.
        host.take_back();
    }
}

#[test]
fn what_is_right_already_is_left_alone() {
    for shell in shells() {
        let at = spot("current");
        symlink("7", &at.path).unwrap();
        let inode = |path: &str| std::os::unix::fs::MetadataExt::ino(&fs::symlink_metadata(path).unwrap());
        let before = inode(&at.path);
        let mut host = OnHost::new(shell, &link(&at.path, "7"));
        host.perform();
        assert!(host.change().well().stdout.contains("already leads to 7"));
        host.take_back();
        assert_eq!(inode(&at.path), before, "{shell:?} replaced it");
    }
}

#[test]
fn the_way_back_leaves_what_somebody_changed_since() {
    for shell in shells() {
        let at = spot("current");
        symlink("6", &at.path).unwrap();
        let mut host = OnHost::new(shell, &link(&at.path, "7"));
        host.perform();
        fs::remove_file(&at.path).unwrap();
        symlink("8", &at.path).unwrap();
        host.inverse().refused("was changed since: link 8");
        host.verify_inverse().refused("expected: link 6");
        assert_eq!(leads_to(&at.path), "8");
        fs::remove_file(&at.path).unwrap();
        host.inverse().refused("was changed since: nothing");
    }
}

#[test]
fn what_is_not_a_link_is_never_replaced() {
    for shell in shells() {
        for directory in [false, true] {
            let at = spot("current");
            if directory {
                fs::create_dir(&at.path).unwrap();
            } else {
                fs::write(&at.path, "precious").unwrap();
            }
            let mut host = OnHost::new(shell, &link(&at.path, "7"));
            host.before().refused("is not a link");
            host.change().refused("is not a link");
            host.verify().refused("is not a link");
            assert!(fs::symlink_metadata(&at.path).is_ok_and(|it| it.is_dir() == directory));
            assert_eq!(names_in(at.dir.path()), ["current"]);
        }
    }
}

#[test]
fn a_target_that_could_not_be_put_back_exactly_is_refused_before_the_change() {
    for shell in shells() {
        for (target, words) in
            [(&b"a\nb"[..], "control character"), (b"a\n", "control character"), (b"\xff\xfe", "not UTF-8")]
        {
            let at = spot("current");
            symlink(std::ffi::OsStr::from_bytes(target), &at.path).unwrap();
            OnHost::new(shell, &link(&at.path, "7")).before().refused(words);
        }
    }
}

#[test]
fn a_new_link_that_a_lost_attempt_left_is_no_obstacle() {
    for shell in shells() {
        let at = spot("current");
        symlink("stale", at.dir.path().join(".current.daytwo-20261121T030405678Z-roll_dout_sswitch_p2.new")).unwrap();
        OnHost::new(shell, &link(&at.path, "7")).perform();
        assert_eq!(names_in(at.dir.path()), ["current"]);
    }
}
