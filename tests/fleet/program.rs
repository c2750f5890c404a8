//! The program under test, and its processes.

use std::io::Read;
use std::path::PathBuf;
use std::process::Child;

use crate::kit::folder;

/// The command line, as it was built for this test.
pub(crate) const BUILT: &str = env!("CARGO_BIN_EXE_daytwo");

/// A copy of the command line, which stays what it is when that is built anew. Gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Copied {
    folder: PathBuf,
}

impl Copied {
    pub(crate) fn make() -> Self {
        let copied = Self { folder: folder("program") };
        std::fs::create_dir(&copied.folder).unwrap();
        std::fs::copy(BUILT, copied.path()).unwrap();
        copied
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("daytwo")
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // What stays, the next test removes.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A process that does not outlive the test that started it.
#[derive(Debug)]
pub(crate) struct Killed(pub(crate) Child);

impl Killed {
    /// Kills it, unless it has ended, and returns what it wrote to standard error, which must be a pipe.
    pub(crate) fn end(mut self) -> String {
        let _ = self.0.kill();
        let mut told = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        told
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
