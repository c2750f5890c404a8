//! The runbooks at hand: the shipped ones, and the user's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daytwo_model::RunbookName;
use daytwo_runbook::Runbook;
use include_dir::{Dir, include_dir};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../../runbooks");

/// How many files of a directory are read. A catalogue is read by people; more is a wrong directory.
const RUNBOOK_FILES_MAX: usize = 2_000;

/// One file of the catalogue.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name: the file's name without `.yaml`.
    pub name: RunbookName,
    /// Where it was read from, for people.
    pub file: String,
    /// The file; none for one that is built into the program.
    pub path: Option<PathBuf>,
    /// The runbook, or what is wrong with the file.
    pub runbook: Result<Arc<Runbook>, String>,
}

/// Everything at hand, by name. A user's runbook stands in for a shipped one of the same name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    entries: BTreeMap<RunbookName, Entry>,
}

impl Catalogue {
    /// Reads everything anew. A file that is not a runbook is an entry that says so.
    #[must_use]
    pub(crate) fn read(own: &Path) -> Self {
        let mut catalogue = Self::shipped();
        let Ok(files) = std::fs::read_dir(own) else { return catalogue };
        for file in files.flatten().take(RUNBOOK_FILES_MAX) {
            let path = file.path();
            let text = read_bounded(&path);
            catalogue.add(&path, Some(&path), &path.display().to_string(), text);
        }
        catalogue
    }

    /// Those that are built into the program.
    #[must_use]
    pub(crate) fn shipped() -> Self {
        let mut catalogue = Self::default();
        for file in SHIPPED.files() {
            let text = file.contents_utf8().ok_or_else(|| "it is not UTF-8".to_owned());
            catalogue.add(file.path(), None, &format!("shipped/{}", file.path().display()), text.map(str::to_owned));
        }
        catalogue
    }

    /// The test of a runbook that is built into the program: what messages call it, and its text.
    #[must_use]
    pub(crate) fn shipped_test(name: &RunbookName) -> Option<(String, &'static str)> {
        let file = SHIPPED.get_file(format!("{name}.test.yaml"))?;
        Some((format!("shipped/{}", file.path().display()), file.contents_utf8()?))
    }

    fn add(&mut self, path: &Path, own: Option<&Path>, label: &str, text: Result<String, String>) {
        let Some(stem) = runbook_stem(path) else { return };
        let Ok(name) = RunbookName::new(stem) else {
            tracing::warn!(file = label, "not a runbook name");
            return;
        };
        let runbook = text.and_then(|text| {
            let runbook = daytwo_runbook::parse(label, &text).map_err(|diagnostics| diagnostics.to_string())?;
            if runbook.name == name {
                Ok(Arc::new(runbook))
            } else {
                Err(format!("the file is called {name}, and the runbook in it {}", runbook.name))
            }
        });
        self.entries
            .insert(name.clone(), Entry { name, file: label.to_owned(), path: own.map(Path::to_owned), runbook });
    }

    /// Every entry, by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// One entry.
    #[must_use]
    pub(crate) fn get(&self, name: &RunbookName) -> Option<&Entry> {
        self.entries.get(name)
    }
}

/// `restart-service` of `restart-service.yaml`; nothing of a test beside it or of another file.
#[must_use]
pub(crate) fn runbook_stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"))?;
    (!stem.ends_with(".test")).then_some(stem)
}

/// Reads a file that a person wrote, and refuses one that none did.
pub(crate) fn read_bounded(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    /// Well above any real runbook or fleet file; the parsers have tighter limits of their own.
    const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err("it is larger than 64 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}
