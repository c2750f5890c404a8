//! What `file` leaves beside a file for its way back: the host is told, so that it can remove it one day.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::kit::{NAMES, OnHost, content, file, late_content, names_in, shells, spot};
use crate::step::{ActionTemplate, FileTemplate};

fn step(it: FileTemplate) -> ActionTemplate {
    ActionTemplate::File(Box::new(it))
}

fn told(left: &Path) -> Vec<String> {
    fs::read_to_string(left).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_host_is_told_every_file_that_a_step_leaves_and_no_other_whatever_its_name_is() {
    for shell in shells() {
        for name in NAMES {
            let gone = |path: &str| step(FileTemplate { present: false, ..file(path) });
            let written = |path: &str| step(content(path, "new"));
            let secret = |path: &str| late_content(path, "{{ secrets.key }}");
            for it in [&gone as &dyn Fn(&str) -> ActionTemplate, &written, &secret] {
                let (at, attempt) = (spot(name), spot("left"));
                fs::write(&at.path, "old").unwrap();
                let mut host = OnHost::new(shell, &it(&at.path)).keeping(Path::new(&attempt.path));
                host.perform();
                let told = told(Path::new(&attempt.path));
                let dir = fs::canonicalize(at.dir.path()).unwrap();
                let beside: Vec<String> = names_in(&dir).into_iter().filter(|other| other != name).collect();
                assert_eq!(beside.len(), 2, "the backup and the note");
                for one in beside {
                    let path = dir.join(one).to_str().unwrap().to_owned();
                    assert!(told.contains(&path), "{shell:?} did not tell {path}: {told:?}");
                }
                let ends = [".bak", ".note", ".new"];
                let is_ours = |path: &String| {
                    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
                    name.starts_with('.') && name.contains(".daytwo-") && ends.iter().any(|end| name.ends_with(end))
                };
                assert!(told.len() == 3 && told.iter().all(is_ours), "{told:?}");
                host.take_back();
                assert_eq!(names_in(at.dir.path()), [*name], "a way back that was taken removes them itself");
            }
        }
    }
}

#[test]
fn the_folder_is_told_by_its_own_path_and_a_step_that_changes_nothing_tells_nothing() {
    for shell in shells() {
        let (at, attempt) = (spot("conf"), spot("left"));
        let real = at.dir.path().join("releases-7");
        fs::create_dir(&real).unwrap();
        symlink("releases-7", at.dir.path().join("current")).unwrap();
        let path = at.dir.path().join("current/conf");
        fs::write(&path, "same").unwrap();
        let at_link = path.to_str().unwrap();
        let left = Path::new(&attempt.path);
        OnHost::new(shell, &step(content(at_link, "same"))).keeping(left).perform();
        assert!(!left.exists(), "{shell:?}");
        OnHost::new(shell, &step(content(at_link, "new"))).keeping(left).perform();
        let real = fs::canonicalize(real).unwrap();
        assert!(told(left).iter().all(|one| Path::new(one).parent() == Some(&*real)), "{:?}", told(left));
    }
}

#[test]
fn a_host_without_room_for_that_says_so_and_the_step_is_done() {
    for shell in shells() {
        let at = spot("conf");
        fs::write(&at.path, "old").unwrap();
        let nowhere = at.dir.path().join("nowhere/left");
        let mut host = OnHost::new(shell, &step(content(&at.path, "new"))).keeping(&nowhere);
        host.before().well();
        assert!(host.change().well().stderr.contains("no room to note"), "{shell:?}");
        assert_eq!(fs::read(&at.path).unwrap(), b"new");
        host.take_back();
    }
}

#[test]
fn a_way_back_that_is_no_longer_kept_says_so_and_leaves_the_file() {
    for shell in shells() {
        for (gone, present) in [(&["bak"][..], true), (&["bak", "note"], true), (&["bak"], false)] {
            let at = spot("conf");
            fs::write(&at.path, "old").unwrap();
            let it = if present { content(&at.path, "new") } else { FileTemplate { present, ..file(&at.path) } };
            let mut host = OnHost::new(shell, &step(it));
            host.perform();
            for kind in gone {
                let name = format!(".conf.daytwo-20261121T030405678Z-roll_dout_sswitch_p2.{kind}");
                fs::remove_file(at.dir.path().join(name)).unwrap();
            }
            let ended = host.inverse();
            assert!(ended.stderr.contains(".bak is no longer there"), "{ended:?}");
            ended.refused("Daytwo's hosts keep ways back for 14 days");
            assert_eq!(fs::read(&at.path).ok().as_deref(), present.then_some(&b"new"[..]), "{shell:?}");
        }
    }
}
