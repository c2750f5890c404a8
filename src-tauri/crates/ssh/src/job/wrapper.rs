//! The constant texts that run on a host around a script.
//!
//! Nothing that varies is in here, but for the name of the user that a step runs as: what is visible
//! in a process list is otherwise the same for every job of every run. The script, and the mark that
//! tells its start, come on standard input. The texts keep
//! to what dash, bash, busybox ash and ksh share, and have no single quote, backslash, exclamation
//! mark or newline, so that one pair of single quotes carries them through any login shell
//! (POSIX shells, csh, fish).

use std::borrow::Cow;

use daytwo_model::plan::RunAs;
use daytwo_model::quote;

/// Reads mark and script, says who it is, and becomes the script.
///
/// - The script counts only when its last line is the mark: a link that breaks in the middle of the
///   transfer must not run half of it. Exit code 125: nothing was run.
/// - The mark goes to both streams first, because a login shell's start-up files may have printed
///   something before, which is not the script's output.
/// - Start line: mark, pid, boot id, start time in ticks (field 22 of /proc/PID/stat), `-` for what
///   the system does not have.
/// - The script's standard input is empty, so that nothing in it can wait for a person.
macro_rules! inner {
    () => {
        concat!(
            r#"unset daytwo_m daytwo_s daytwo_b daytwo_t daytwo_left; "#,
            r#"IFS= read -r daytwo_m || exit 125; "#,
            r#"daytwo_s=$(cat) || exit 125; "#,
            r#"case $daytwo_s in *"$daytwo_m") daytwo_s=${daytwo_s%"$daytwo_m"};; *) exit 125;; esac; "#,
            r#"exec </dev/null || exit 125; "#,
            r#"daytwo_b=-; if [ -r /proc/sys/kernel/random/boot_id ]; then "#,
            r#"read -r daytwo_b </proc/sys/kernel/random/boot_id; fi; "#,
            r#"daytwo_t=-; if [ -r /proc/$$/stat ]; then "#,
            r#"read -r daytwo_t </proc/$$/stat; set -- ${daytwo_t##*) }; shift 19; daytwo_t=$1; fi; set --; "#,
            r#"echo "$daytwo_m" >&2 || exit 125; "#,
            r#"echo "$daytwo_m $$ $daytwo_b $daytwo_t" || exit 125; "#,
            r#"eval "unset daytwo_m daytwo_s daytwo_b daytwo_t; $daytwo_s""#,
        )
    };
}

/// Gives the script a process group of its own, named by the shell's own pid.
///
/// `setsid` forks, and returns at once, when it is called by the leader of a group; so a shell that
/// leads its group already (under OpenSSH it does) goes on as it is. Without `setsid` and without a
/// group of its own the script still runs; cancelling then says that it cannot see all of it.
macro_rules! outer {
    () => {
        concat!(
            r#"g=; if [ -r /proc/$$/stat ]; then "#,
            r#"read -r g </proc/$$/stat; g=${g##*) }; g=${g#* * }; g=${g%% *}; "#,
            r#"else g=$(ps -o pgid= -p $$ 2>/dev/null | tr -d " "); fi; "#,
            r#"if [ "$g" = $$ ]; then eval "$1"; "#,
            r#"elif command -v setsid >/dev/null 2>&1; then exec setsid sh -c "$1" sh; "#,
            r#"else eval "$1"; fi"#,
        )
    };
}

/// The exec request of a job as the login user.
const RUN: &str = concat!("sh -c '", outer!(), "' sh '", inner!(), "'");

/// Reads mark and program, and becomes the program.
///
/// Like [`inner!`], but what it runs is one of ours, which says by itself that it runs, and starts the
/// script as another process: so nothing is said here.
macro_rules! program {
    () => {
        concat!(
            r#"unset dt_m dt_s dt_script dt_inverse; "#,
            r#"IFS= read -r dt_m || exit 125; "#,
            r#"dt_s=$(cat) || exit 125; "#,
            r#"case $dt_s in *"$dt_m") dt_s=${dt_s%"$dt_m"};; *) exit 125;; esac; "#,
            r#"exec </dev/null || exit 125; "#,
            r#"eval "$dt_s""#,
        )
    };
}

/// The exec request of a program of ours, as the login user.
const PROGRAM: &str = concat!("sh -c '", program!(), "' sh");

/// The exec request of a shell that reads its script from standard input.
pub(crate) const SHELL: &str = "sh";

/// The exec request of a job.
pub(crate) fn run_as(run_as: &RunAs) -> Cow<'static, str> {
    become_user(run_as, RUN)
}

/// The exec request of a program of ours: see [`crate::host`].
pub(crate) fn program_as(run_as: &RunAs) -> Cow<'static, str> {
    become_user(run_as, PROGRAM)
}

/// The exec request of a shell that reads its script from standard input.
pub(crate) fn shell_as(run_as: &RunAs) -> Cow<'static, str> {
    become_user(run_as, SHELL)
}

/// `-n`: never ask for a password. The name is the only thing in a request that is not a constant:
/// its type admits letters, digits, `_`, `-` and `.` and no `-` in front, and it is quoted besides.
fn become_user(run_as: &RunAs, constant: &'static str) -> Cow<'static, str> {
    match run_as {
        RunAs::Login => Cow::Borrowed(constant),
        RunAs::Root => Cow::Owned(format!("sudo -n {constant}")),
        RunAs::User(user) => Cow::Owned(format!("sudo -n -u {} {constant}", quote::shell(user.as_str()))),
    }
}

/// Exit code of the wrapper when it did not run the script.
pub(crate) const NOT_RUN: i32 = 125;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pair_of_single_quotes_carries_the_wrapper_through_any_login_shell() {
        for text in [inner!(), outer!(), program!()] {
            assert!(!text.contains(['\'', '\\', '!', '\n']), "{text}");
        }
    }

    #[test]
    fn a_user_name_is_one_word_of_the_request_and_never_an_option() {
        use daytwo_model::UserName;
        for bad in ["-s", "a b", "a;reboot", "$(id)", "a'b", "`id`", "a\nb", "#0", ""] {
            assert!(UserName::new(bad).is_err(), "{bad:?} was taken for a user name");
        }
        let user = |name: &str| RunAs::User(UserName::new(name).unwrap());
        assert_eq!(shell_as(&user("www-data")), "sudo -n -u www-data sh");
        assert_eq!(shell_as(&user("zürich")), "sudo -n -u 'zürich' sh");
        assert_eq!(shell_as(&RunAs::Root), "sudo -n sh");
        assert_eq!(run_as(&RunAs::Login), RUN);
        assert_eq!(run_as(&user("app")).strip_prefix("sudo -n -u app "), Some(RUN));
    }

    /// What a login shell makes of a request with this on standard input: exit code and standard output.
    #[cfg(unix)]
    fn with_input(login_shell: &str, request: &str, input: &str) -> (Option<i32>, String) {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut child = Command::new(login_shell)
            .args(["-c", request])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    #[cfg(unix)]
    fn half_a_script_is_never_run() {
        let whole = "mark-1\necho ran\nexit 3\nmark-1";
        for (shell, request) in [("sh", RUN), ("bash", RUN), ("sh", PROGRAM), ("bash", PROGRAM)] {
            for cut in 0..whole.len() {
                let (code, out) = with_input(shell, request, whole.get(..cut).unwrap());
                assert_eq!((code, out.as_str()), (Some(NOT_RUN), ""), "{shell}, cut at {cut}");
            }
            let (code, out) = with_input(shell, request, whole);
            assert_eq!(code, Some(3), "{shell}");
            assert!(out.ends_with("ran\n"), "{shell}: {out}");
            assert_eq!(out.starts_with("mark-1 "), request == RUN, "{shell}: {out}");
        }
    }
}
