//! `file` with a secret in its content: it arrives, it can be taken back, and nothing tells of it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, UNIX_EPOCH};

use daytwo_model::Digest;

use super::kit::{Ended, OnHost, SECRET, late_content, mode_of, names_in, set_mode, shells, spelled, spot};

/// Gives a file a time of its last write that no other file of a test has.
fn set_written(path: &str, seconds: u64) {
    let at = UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

/// Fails where a text holds one of these contents, or a digest of it.
#[track_caller]
fn tells_nothing_of(contents: &[String], text: &str) {
    for content in contents {
        assert!(!text.contains(content.trim_end()), "{text:?} holds {content:?}");
        let hex = Digest::of(content.as_bytes()).to_string();
        assert!(!text.contains(&hex), "{text:?} holds the digest of {content:?}");
    }
    assert!(!text.contains("sha256") && !text.contains("cksum"), "{text:?}");
}

#[test]
fn late_values_arrive_as_they_are_and_a_secret_stays_out_of_the_way_back() {
    for shell in shells() {
        let at = spot("conf");
        let it = late_content(&at.path, "key={{ secrets.key }}\nversion={{ captured.found }}\n");
        let inverse = spelled(&it).unwrap().inverse.unwrap();
        assert!(inverse.script.secrets().is_empty());
        let mut host = OnHost::new(shell, &it);
        host.perform();
        assert_eq!(fs::read_to_string(&at.path).unwrap(), format!("key={SECRET}\nversion=v 7\n"));
        assert_eq!(mode_of(&at.path), 0o600, "a new file with a secret is for its owner");
        host.take_back();
        assert!(names_in(at.dir.path()).is_empty());
    }
}

#[test]
fn no_digest_of_a_secret_leaves_the_host() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "old password\n").unwrap();
        set_written(&at.path, 1_000);
        let inode = fs::metadata(&at.path).unwrap().ino();
        let contents =
            ["old password\n".to_owned(), format!("key={SECRET}"), format!("next={SECRET}"), SECRET.to_owned()];
        let told = |ended: Ended| {
            tells_nothing_of(&contents, &ended.stdout);
            tells_nothing_of(&contents, &ended.stderr);
            ended
        };
        let mut hosts = Vec::new();
        for (id, text) in
            [("one", "key={{ secrets.key }}"), ("two", "key={{ secrets.key }}"), ("six", "next={{ secrets.key }}")]
        {
            let mut host = OnHost::of_step(id, shell, &late_content(&at.path, text));
            for ended in [host.before(), host.change(), host.verify(), host.change()] {
                told(ended).well();
            }
            tells_nothing_of(&contents, host.recorded());
            hosts.push(host);
        }
        let beside = names_in(at.dir.path());
        let notes: Vec<&String> = beside.iter().filter(|name| name.ends_with(".note")).collect();
        assert_eq!(notes.len(), 2, "the second step changed nothing: {beside:?}");
        for note in notes {
            assert_eq!(mode_of(at.dir.path().join(note).to_str().unwrap()), 0o600);
        }
        let out_of_turn = told(hosts[0].inverse());
        out_of_turn.refused("was changed since");
        for host in hosts.iter().rev() {
            // A second time there is nothing more to take back, and that is well too.
            for ended in [host.inverse(), host.verify_inverse(), host.inverse()] {
                told(ended).well();
            }
        }
        assert_eq!(fs::read(&at.path).unwrap(), b"old password\n", "{shell:?}");
        assert_eq!(fs::metadata(&at.path).unwrap().ino(), inode, "the very file is back");
        assert_eq!(names_in(at.dir.path()), ["conf"]);
    }
}

#[test]
fn the_way_back_of_a_secret_leaves_what_somebody_changed_since() {
    for shell in shells() {
        for by in ["content", "mode", "removal", "backup", "note"] {
            let at = spot("conf");
            fs::write(&at.path, "old-password").unwrap();
            set_written(&at.path, 1_000);
            let mut host = OnHost::new(shell, &late_content(&at.path, "{{ secrets.key }}"));
            host.perform();
            let of = |kind: &str| {
                let name = format!(".conf.daytwo-20261121T030405678Z-roll_dout_sswitch_p2.{kind}");
                at.dir.path().join(name).to_str().unwrap().to_owned()
            };
            let why = match by {
                "content" => {
                    // Even with the old file's time of writing: the note has the digests.
                    fs::write(&at.path, "theirs").unwrap();
                    set_written(&at.path, 1_000);
                    "with another content; this step left"
                }
                "mode" => {
                    set_mode(&at.path, 0o700);
                    "was changed since: file 700"
                }
                "removal" => {
                    fs::remove_file(&at.path).unwrap();
                    "was changed since: nothing"
                }
                "backup" => {
                    fs::write(of("bak"), "theirs").unwrap();
                    set_written(&of("bak"), 1_000);
                    "is not what was there before"
                }
                _ => {
                    fs::remove_file(of("note")).unwrap();
                    set_written(&at.path, 1_000);
                    "it was changed since"
                }
            };
            let left = fs::read(&at.path).ok();
            let ended = host.inverse();
            tells_nothing_of(&["old-password".to_owned(), "theirs".to_owned(), SECRET.to_owned()], &ended.stderr);
            ended.refused(why);
            host.verify_inverse().refused("is not as it was");
            assert_eq!(fs::read(&at.path).ok(), left, "{by} with {shell:?}");
            assert!(fs::exists(of("bak")).unwrap(), "the backup is still there");
        }
    }
}

#[test]
fn a_secret_that_was_there_already_is_not_taken_back_and_a_later_change_is_seen() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, SECRET).unwrap();
        set_written(&at.path, 1_000);
        let mut host = OnHost::new(shell, &late_content(&at.path, "{{ secrets.key }}"));
        host.perform();
        host.take_back();
        assert_eq!(fs::read_to_string(&at.path).unwrap(), SECRET);
        fs::write(&at.path, "theirs").unwrap();
        host.inverse().refused("this step changed nothing");
        assert_eq!(fs::read(&at.path).unwrap(), b"theirs");
        assert_eq!(names_in(at.dir.path()), ["conf"]);
    }
}
