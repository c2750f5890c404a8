//! A runbook's text is changed: saved where it is owned here, copied where it is owned elsewhere,
//! proposed where it is shared. Nothing that somebody else wrote meanwhile is overwritten.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use daytwo_model::{Digest, RunbookName, Timestamp};
use daytwo_runbook::{Runbook, Stewardship};

use crate::catalogue::{Entry, read_bounded};
use crate::revision::{git, git_with};
use crate::wire::runbook::{Editing, Proposal, Saved};
use crate::wire::{Code, UiError};

/// The longest reason that a proposal carries, in characters.
const WHY_CHARS_MAX: usize = 2_000;

/// What may be done with an entry of the catalogue here.
pub(crate) fn editing(entry: &Entry, runbook: Option<&Runbook>) -> Editing {
    match (&entry.path, runbook.map(|runbook| runbook.stewardship)) {
        // Built into the program.
        (None, _) | (Some(_), Some(Stewardship::Central)) => Editing::Copy,
        (Some(_), Some(Stewardship::Shared)) => Editing::Propose,
        // A file that cannot be read as a runbook says nothing about its owner; it lies in one's own folder.
        (Some(_), Some(Stewardship::Customer) | None) => Editing::Save,
    }
}

/// Writes `text` to the runbook's file, if that still holds what the editor began with.
pub(crate) fn save(folder: &Path, name: &RunbookName, text: &str, base: Option<Digest>) -> Result<Saved, UiError> {
    let path = folder.join(format!("{name}.yaml"));
    let there = match read_bounded(&path) {
        Ok(text) => Some(Digest::of(text.as_bytes())),
        Err(_) if !path.exists() => None,
        Err(why) => return Err(bad(format!("{} cannot be read, so it is not replaced: {why}", path.display()))),
    };
    match (base, there) {
        (None, Some(_)) => {
            return Err(
                UiError::new(Code::Conflict, format!("there is a runbook {name} already")).hint("choose another name")
            );
        }
        (Some(_), None) => {
            return Err(UiError::new(Code::Conflict, format!("{} is no longer there", path.display()))
                .hint("copy your text, or save it under another name"));
        }
        (Some(base), Some(there)) if base != there => {
            let message = format!("{} was changed by somebody else since you opened it", path.display());
            return Err(UiError::new(Code::Conflict, message)
                .hint("copy your text, open the runbook again, and make your change there"));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    replace(&path, text)?;
    Ok(Saved { name: name.clone(), digest: Digest::of(text.as_bytes()), file: path.display().to_string() })
}

/// The file holds the old text or the new one, never a part.
fn replace(path: &Path, text: &str) -> Result<(), UiError> {
    let cannot = |error: std::io::Error| bad(format!("{} cannot be written: {error}", path.display()));
    let folder = path.parent().ok_or_else(|| bad(format!("{} has no folder", path.display())))?;
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)?;
    // A private temporary file would take the file's readers away.
    let permissions = match std::fs::metadata(path) {
        Ok(meta) => Some(meta.permissions()),
        Err(_) => readable_by_all(),
    };
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions).map_err(cannot)?;
    }
    file.as_file().sync_all().map_err(cannot)?;
    file.persist(path).map_err(|error| cannot(error.error))?;
    Ok(())
}

#[cfg(unix)]
fn readable_by_all() -> Option<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all() -> Option<std::fs::Permissions> {
    None
}

/// The text of a runbook as one's own: another name, and the stewardship that says whose it is.
pub(crate) fn as_own(runbook: &Runbook, name: &RunbookName) -> Result<String, UiError> {
    let with_name = with_line(&runbook.text, "runbook", name.as_str());
    let text = with_line(&with_name, "stewardship", "customer");
    let copy = daytwo_runbook::parse(name.as_str(), &text)
        .map_err(|errors| bad(format!("the copy would not be a runbook:\n{errors}")))?;
    if copy.name != *name || copy.stewardship != Stewardship::Customer {
        return Err(bad(format!("the head of {} is written in a way that cannot be changed safely", runbook.name))
            .hint("copy its text by hand, and change `runbook:` and `stewardship:`"));
    }
    Ok(text)
}

/// The text with one of its outermost fields set; added after the first line of the document where it is absent.
fn with_line(text: &str, field: &str, value: &str) -> String {
    let line = format!("{field}: {value}\n");
    let is_field = |line: &str| line.strip_prefix(field).is_some_and(|rest| rest.starts_with(':'));
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(found) = lines.iter_mut().find(|line| is_field(line)) {
        *found = line;
    } else {
        let after = lines.iter().position(|line| line.starts_with("runbook:")).map_or(0, |index| index + 1);
        lines.insert(after, line);
    }
    lines.concat()
}

/// Proposes `text` to the owner of a shared runbook: a branch of its Git checkout that holds this one
/// change, or a patch file. Neither the file nor anything that is checked out is touched.
pub(crate) async fn propose(
    entry: &Entry,
    text: &str,
    why: &str,
    (by, now): (&str, Timestamp),
    patches: &Path,
) -> Result<Proposal, UiError> {
    let Some(path) = &entry.path else {
        return Err(bad(format!("{} is built into the program; copy it instead", entry.name)));
    };
    let before = read_bounded(path).map_err(|why| bad(format!("{} cannot be read: {why}", path.display())))?;
    if before == text {
        return Err(bad("the text is the same as the runbook's".to_owned()));
    }
    daytwo_runbook::parse(entry.file.as_str(), text)
        .map_err(|errors| bad(format!("a proposal has to be a runbook that can be used:\n{errors}")))?;
    let why: String = why.trim().chars().take(WHY_CHARS_MAX).collect();
    if why.is_empty() {
        return Err(bad("say in one sentence why; whoever reviews it wants to know".to_owned()));
    }
    let stamp: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let message = format!("{}: {why}\n\nProposed by {by} with Daytwo.\n", entry.name);
    match branch(path, text, &message, &format!("daytwo/{}-{stamp}", entry.name)).await {
        Ok(Some(branch)) => {
            let words = format!("push the branch and ask its owner to merge it: git push origin {branch}");
            Ok(Proposal { branch: Some(branch), patch: None, words })
        }
        Ok(None) => {
            let file = patches.join(format!("{}-{stamp}.patch", entry.name));
            replace(&file, &patch(entry, &before, text, &message))?;
            let words = "send the file to the runbook's owner; it is applied with: git apply".to_owned();
            Ok(Proposal { branch: None, patch: Some(file.display().to_string()), words })
        }
        Err(why) => Err(bad(format!("no branch could be made in {}: {why}", path.display()))),
    }
}

/// A new branch with one commit on top of what is checked out; none where the folder is no checkout
/// that knows the file.
async fn branch(path: &Path, text: &str, message: &str, branch: &str) -> Result<Option<String>, String> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(None);
    };
    let Ok(known) = git(folder, &["ls-files", "--full-name", "--stage", "--", name]).await else { return Ok(None) };
    // `100644 OBJECT 0<TAB>PATH`
    let Some((mode, inside)) =
        known.trim_end().split_once(' ').and_then(|(mode, rest)| Some((mode, rest.split_once('\t')?.1)))
    else {
        return Ok(None);
    };
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let index: PathBuf = scratch.path().join("index");
    let head = git(folder, &["rev-parse", "--verify", "HEAD"]).await?;
    let object = git_with(folder, &["hash-object", "-w", "--stdin"], text.as_bytes(), None).await?;
    git_with(folder, &["read-tree", "HEAD"], b"", Some(&index)).await?;
    let entry = format!("{mode},{},{inside}", object.trim());
    git_with(folder, &["update-index", "--cacheinfo", &entry], b"", Some(&index)).await?;
    let tree = git_with(folder, &["write-tree"], b"", Some(&index)).await?;
    let commit =
        git_with(folder, &["commit-tree", tree.trim(), "-p", head.trim(), "-F", "-"], message.as_bytes(), None).await?;
    git(folder, &["branch", "--", branch, commit.trim()]).await?;
    Ok(Some(branch.to_owned()))
}

fn patch(entry: &Entry, before: &str, after: &str, message: &str) -> String {
    let name = format!("{}.yaml", entry.name);
    let diff = similar::TextDiff::from_lines(before, after);
    let hunks = diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string();
    format!("{message}\n{hunks}")
}

fn bad(message: String) -> UiError {
    UiError::new(Code::BadRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "runbook: a\ntitle: a\nsummary: a\nkind: diagnostic\nstewardship: shared\nsteps:\n  - { id: a, run: uptime, effect: read }\n";

    fn entry(path: Option<&Path>) -> Entry {
        let runbook = daytwo_runbook::parse("a.yaml", TEXT).unwrap();
        Entry {
            name: RunbookName::new("a").unwrap(),
            file: "a.yaml".into(),
            path: path.map(Path::to_owned),
            runbook: Ok(std::sync::Arc::new(runbook)),
        }
    }

    #[test]
    fn what_somebody_else_saved_meanwhile_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let name = RunbookName::new("a").unwrap();
        let first = save(folder.path(), &name, TEXT, None).unwrap();
        assert_eq!(save(folder.path(), &name, "mine", None).unwrap_err().code, Code::Conflict);
        std::fs::write(folder.path().join("a.yaml"), "theirs").unwrap();
        assert_eq!(save(folder.path(), &name, "mine", Some(first.digest)).unwrap_err().code, Code::Conflict);
        assert_eq!(std::fs::read_to_string(folder.path().join("a.yaml")).unwrap(), "theirs");
        save(folder.path(), &name, "mine", Some(Digest::of(b"theirs"))).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("a.yaml")).unwrap(), "mine");
    }

    #[test]
    fn a_copy_is_ones_own_and_keeps_every_other_byte() {
        let name = RunbookName::new("mine").unwrap();
        let copy = as_own(entry(None).runbook.as_ref().unwrap(), &name).unwrap();
        assert_eq!(copy, TEXT.replace("runbook: a", "runbook: mine").replace("shared", "customer"));
        let unsaid = daytwo_runbook::parse("a.yaml", &TEXT.replace("stewardship: shared\n", "")).unwrap();
        assert_eq!(as_own(&unsaid, &name).unwrap().lines().nth(1), Some("stewardship: customer"));
    }

    #[tokio::test]
    async fn a_proposal_is_a_branch_with_one_commit_and_touches_nothing_that_is_checked_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        std::fs::write(&path, TEXT).unwrap();
        let patches = tempfile::tempdir().unwrap();
        let changed = TEXT.replace("uptime", "uptime -p");
        let ask = |text: String| {
            let (entry, patches) = (entry(Some(&path)), patches.path().to_owned());
            async move { propose(&entry, &text, "pretty", ("me@here", Timestamp::EPOCH), &patches).await }
        };
        let patch = ask(changed.clone()).await.unwrap().patch.unwrap();
        assert!(std::fs::read_to_string(patch).unwrap().contains("+  - { id: a, run: uptime -p, effect: read }"));
        let g = folder.path();
        git(g, &["init", "-q"]).await.unwrap();
        git(g, &["config", "user.email", "a@b.c"]).await.unwrap();
        git(g, &["config", "user.name", "a"]).await.unwrap();
        git(g, &["add", "a.yaml"]).await.unwrap();
        git(g, &["commit", "-qm", "first"]).await.unwrap();
        let branch = ask(changed.clone()).await.unwrap().branch.unwrap();
        assert_eq!(git(g, &["show", &format!("{branch}:a.yaml")]).await.unwrap(), changed);
        assert_eq!(git(g, &["rev-list", "--count", &format!("HEAD..{branch}")]).await.unwrap().trim(), "1");
        assert_eq!(git(g, &["status", "--porcelain"]).await.unwrap(), "");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
        assert!(ask(TEXT.to_owned()).await.is_err());
        assert!(ask("steps: []".to_owned()).await.is_err());
    }
}
