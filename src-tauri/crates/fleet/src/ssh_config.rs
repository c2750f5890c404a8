//! The hosts that an ssh_config names, so that a fleet is there before anybody wrote a fleet file.
//!
//! Only names are taken. What they mean (address, user, jump hosts) is resolved by `ssh -G` when
//! a connection is made, because only OpenSSH knows all of its own rules. Patterns and negations
//! are no hosts. Of a `Host` line with several names each is a host: `Host web1 web2` means two.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use daytwo_model::{Endpoint, Host, HostName, Labels};
use globset::GlobBuilder;

use crate::HOSTS_MAX;
use crate::ports::ReadFiles;

/// How deep files may include each other; OpenSSH's own limit.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// How many files are read in all.
pub const INCLUDE_FILES_MAX: usize = 256;
/// The largest file that is read; the port may refuse earlier.
pub const SSH_CONFIG_BYTES_MAX: usize = 1024 * 1024;
/// Most notes that are kept.
const NOTES_MAX: usize = 50;

/// Where an ssh_config's relative names lead.
#[derive(Debug, Clone)]
pub struct SshPlaces {
    /// The user's `.ssh` folder: relative includes start here.
    pub ssh_dir: PathBuf,
    /// The user's home folder: `~/` starts here.
    pub home: PathBuf,
}

/// The hosts that were found.
#[derive(Debug, Default)]
pub struct SshConfigHosts {
    /// In the order of the file; each name once.
    pub hosts: Vec<Host>,
    /// What was left out, each with file and line, for people.
    pub notes: Vec<String>,
}

/// Collects the hosts of `top` and of all that it includes; `source` is how people know it.
///
/// An included file that cannot be read is a note; the hosts of the others are still there. Fails
/// only where `top` itself cannot be read.
pub fn hosts(top: &Path, source: &str, places: &SshPlaces, files: &dyn ReadFiles) -> Result<SshConfigHosts, String> {
    let text = files.read(top)?;
    let mut reading = Reading {
        source,
        places,
        files,
        open: vec![top.to_owned()],
        files_read: 1,
        names: BTreeSet::new(),
        found: SshConfigHosts::default(),
    };
    reading.text(top, &text);
    Ok(reading.found)
}

struct Reading<'a> {
    source: &'a str,
    places: &'a SshPlaces,
    files: &'a dyn ReadFiles,
    /// The files that include each other down to the present one.
    open: Vec<PathBuf>,
    files_read: usize,
    names: BTreeSet<HostName>,
    found: SshConfigHosts,
}

impl Reading<'_> {
    fn note(&mut self, file: &Path, line: usize, what: &str) {
        if self.found.notes.len() < NOTES_MAX {
            let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
            self.found.notes.push(format!("{name}:{line}: {what}"));
        }
    }

    fn text(&mut self, file: &Path, text: &str) {
        if text.len() > SSH_CONFIG_BYTES_MAX {
            return self.note(file, 0, "it is larger than 1 MiB and was left out");
        }
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let Some((keyword, arguments)) = split(line) else { continue };
            match keyword.to_ascii_lowercase().as_str() {
                "host" => arguments.iter().for_each(|name| self.host(file, number, name)),
                "include" => arguments.iter().for_each(|pattern| self.include(file, number, pattern)),
                _ => {}
            }
        }
    }

    fn host(&mut self, file: &Path, line: usize, alias: &str) {
        if alias.starts_with('!') || alias.contains(['*', '?']) || alias.is_empty() {
            return;
        }
        let name = match HostName::new(alias) {
            Ok(name) => name,
            Err(why) => return self.note(file, line, &format!("{why}; it was left out")),
        };
        if self.names.len() >= HOSTS_MAX {
            return self.note(file, line, "there are more than 100000 hosts; the rest was left out");
        }
        // A name may have several blocks, whose settings OpenSSH adds up: it is still one host.
        if self.names.insert(name.clone()) {
            self.found.hosts.push(Host {
                name,
                endpoint: Endpoint::SshConfig { alias: alias.to_owned() },
                labels: Labels::new(),
                vars: std::collections::BTreeMap::new(),
                source: self.source.to_owned(),
            });
        }
    }

    fn include(&mut self, file: &Path, line: usize, pattern: &str) {
        let whole = match pattern.strip_prefix("~/") {
            Some(rest) => self.places.home.join(rest),
            None if pattern.starts_with('~') || pattern.contains(['%', '$']) => {
                return self.note(file, line, "an Include with ~user, % or $ is not followed");
            }
            None => self.places.ssh_dir.join(pattern),
        };
        for path in self.matching(&whole) {
            if self.open.contains(&path) {
                self.note(file, line, "it includes itself; the second time was left out");
            } else if self.open.len() >= INCLUDE_DEPTH_MAX {
                self.note(file, line, "files include each other more than 16 deep; the rest was left out");
            } else if self.files_read >= INCLUDE_FILES_MAX {
                return self.note(file, line, "more than 256 files are included; the rest was left out");
            } else {
                self.files_read += 1;
                match self.files.read(&path) {
                    Ok(text) => {
                        self.open.push(path.clone());
                        self.text(&path, &text);
                        self.open.pop();
                    }
                    Err(why) => {
                        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
                        self.note(file, line, &format!("{name} could not be read: {why}"));
                    }
                }
            }
        }
    }

    /// The files that a pattern stands for, sorted as OpenSSH does. A pattern without wildcards
    /// stands for itself, so that a file that is missing is told.
    fn matching(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut found = vec![PathBuf::new()];
        for component in pattern.components() {
            let text = component.as_os_str().to_string_lossy();
            if !text.contains(['*', '?', '[']) {
                found.iter_mut().for_each(|path| path.push(component));
                continue;
            }
            let Ok(glob) = GlobBuilder::new(&text).literal_separator(true).build() else { return Vec::new() };
            let matcher = glob.compile_matcher();
            let hidden_too = text.starts_with('.');
            found = found
                .iter()
                .flat_map(|folder| self.files.list(folder))
                .filter(|path| {
                    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    matcher.is_match(&name) && (hidden_too || !name.starts_with('.'))
                })
                .take(INCLUDE_FILES_MAX)
                .collect();
            found.sort();
        }
        found
    }
}

/// `Keyword arg "arg with blanks"`, `Keyword=arg`; `None` for blank lines and comments.
fn split(line: &str) -> Option<(&str, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Some((keyword, words(rest)))
}

/// Splits at blanks outside of double quotes. A `#` that begins a word begins a comment.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => return words,
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    struct Memory(BTreeMap<PathBuf, String>);

    impl ReadFiles for Memory {
        fn read(&self, path: &Path) -> Result<String, String> {
            self.0.get(path).cloned().ok_or_else(|| "no such file".to_owned())
        }
        fn list(&self, folder: &Path) -> Vec<PathBuf> {
            let mut entries = BTreeSet::new();
            for path in self.0.keys() {
                if let Ok(rest) = path.strip_prefix(folder) {
                    entries.extend(rest.components().next().map(|first| folder.join(first)));
                }
            }
            entries.into_iter().rev().collect()
        }
    }

    fn check(files: &[(&str, &str)], names: &str, notes: &[&str]) {
        let memory = Memory(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect());
        let places = SshPlaces { ssh_dir: "/home/ada/.ssh".into(), home: "/home/ada".into() };
        let found = hosts(Path::new("/home/ada/.ssh/config"), "~/.ssh/config", &places, &memory).unwrap();
        let seen: Vec<&str> = found.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(seen.join(" "), names);
        assert_eq!(found.notes, notes);
    }

    #[test]
    fn names_are_hosts_and_patterns_are_not() {
        check(
            &[("/home/ada/.ssh/config", include_str!("../tests/data/ssh_config"))],
            "github.com bastion.ams web-01 web-02 web-03 db-primary gpu-box legacy router-7 10.0.0.7",
            &[
                "config:36: \"user/host\" is not a valid host name: it holds a character that is not allowed here; it was left out",
            ],
        );
    }

    #[test]
    fn includes_are_followed_relative_to_the_ssh_folder_with_patterns_in_order() {
        check(
            &[
                ("/home/ada/.ssh/config", "Include config.d/*.conf ~/work/ssh \"with blank\"\nHost last\n"),
                ("/home/ada/.ssh/config.d/20-b.conf", "Host b\n"),
                ("/home/ada/.ssh/config.d/10-a.conf", "Host a\nInclude deeper\n"),
                ("/home/ada/.ssh/config.d/.hidden.conf", "Host hidden\n"),
                ("/home/ada/.ssh/config.d/readme.txt", "Host readme\n"),
                ("/home/ada/.ssh/deeper", "Host a deep\n"),
                ("/home/ada/.ssh/with blank", "Host blank\n"),
                ("/home/ada/work/ssh", "Host work\n"),
            ],
            "a deep b work blank last",
            &[],
        );
    }

    #[test]
    fn an_include_that_cannot_be_followed_leaves_the_other_hosts() {
        check(
            &[
                ("/home/ada/.ssh/config", "Host one\nInclude missing loop %d/x nothing/*\nHost two\n"),
                ("/home/ada/.ssh/loop", "Host three\nInclude loop config\n"),
            ],
            "one three two",
            &[
                "config:2: missing could not be read: no such file",
                "loop:2: it includes itself; the second time was left out",
                "loop:2: it includes itself; the second time was left out",
                "config:2: an Include with ~user, % or $ is not followed",
            ],
        );
    }

    #[test]
    fn many_files_end_at_the_bound() {
        let mut files = vec![("/home/ada/.ssh/config".to_owned(), "Include d/*\nInclude d/*\n".to_owned())];
        files.extend((0..200).map(|n| (format!("/home/ada/.ssh/d/{n:03}"), format!("Host h{n}\n"))));
        let memory = Memory(files.into_iter().map(|(path, text)| (path.into(), text)).collect());
        let places = SshPlaces { ssh_dir: "/home/ada/.ssh".into(), home: "/home/ada".into() };
        let found = hosts(Path::new("/home/ada/.ssh/config"), "~/.ssh/config", &places, &memory).unwrap();
        assert_eq!(found.hosts.len(), 200);
        assert_eq!(found.notes, ["config:2: more than 256 files are included; the rest was left out"]);
    }
}
