//! Local files that a call needs. Each is used only if it holds what it held when the plan was made.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use daytwo_model::plan::{BODY_FILE_BYTES_MAX, PEM_BYTES_MAX, PinnedFile};
use daytwo_model::{Digest, Hashing};
use futures::Stream;
use futures::stream::try_unfold;
use tokio::io::AsyncReadExt as _;
use tokio::task::spawn_blocking;

/// One piece of a file that is sent.
const PIECE_BYTES: usize = 64 * 1024;

/// A small file, read as a whole.
pub(crate) async fn pinned(file: &PinnedFile) -> Result<Vec<u8>, String> {
    let bytes = small(file.path.clone()).await?;
    if Digest::of(&bytes) == file.content.digest { Ok(bytes) } else { Err(changed(&file.path)) }
}

/// A small file whose content was not planned: a private key, which something else is held against.
pub(crate) async fn small(path: String) -> Result<Vec<u8>, String> {
    blocking(move || {
        let file = open(&path)?;
        let mut bytes = Vec::new();
        file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| told(&path, &error))?;
        if bytes.len() as u64 > PEM_BYTES_MAX {
            return Err(format!("the file {path} is larger than {} MiB", PEM_BYTES_MAX / 1024 / 1024));
        }
        Ok(bytes)
    })
    .await
}

/// A file that is sent, after it was found to be the planned one.
pub(crate) struct Checked {
    file: File,
    planned: PinnedFile,
}

/// Opens a file that is to be sent, and reads it once.
pub(crate) async fn checked(planned: PinnedFile) -> Result<Checked, String> {
    blocking(move || {
        if planned.content.bytes > BODY_FILE_BYTES_MAX {
            let gib = BODY_FILE_BYTES_MAX / 1024 / 1024 / 1024;
            return Err(format!("the file {} is larger than {gib} GiB, which is the most that is sent", planned.path));
        }
        let mut file = open(&planned.path)?;
        // One byte more than planned is enough to see that it is another file.
        let read = Digest::of_reader((&mut file).take(planned.content.bytes + 1));
        let digest = read.map_err(|error| told(&planned.path, &error))?;
        if digest != planned.content.digest {
            return Err(changed(&planned.path));
        }
        file.seek(SeekFrom::Start(0)).map_err(|error| told(&planned.path, &error))?;
        Ok(Checked { file, planned })
    })
    .await
}

impl Checked {
    pub(crate) const fn bytes(&self) -> u64 {
        self.planned.content.bytes
    }

    /// Its content in pieces. The last piece is held back until all of it was seen to be the planned content
    /// once more: a file that changes while it is sent never arrives whole.
    pub(crate) fn stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
        let reading = Reading {
            file: tokio::fs::File::from_std(self.file),
            hashing: Hashing::default(),
            held: None,
            left: self.planned.content.bytes,
            planned: self.planned,
        };
        try_unfold(reading, Reading::next)
    }
}

struct Reading {
    file: tokio::fs::File,
    planned: PinnedFile,
    hashing: Hashing,
    held: Option<Bytes>,
    left: u64,
}

impl Reading {
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Self)>> {
        loop {
            if self.left == 0 {
                let Some(last) = self.held.take() else { return Ok(None) };
                if self.hashing.digest() != self.planned.content.digest {
                    return Err(std::io::Error::other(changed(&self.planned.path)));
                }
                return Ok(Some((last, self)));
            }
            let piece_bytes = usize::try_from(self.left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let mut piece = vec![0; piece_bytes];
            let read = self.file.read(&mut piece).await?;
            if read == 0 {
                return Err(std::io::Error::other(changed(&self.planned.path)));
            }
            piece.truncate(read);
            self.left -= read as u64;
            self.hashing.update(&piece);
            if let Some(before) = self.held.replace(Bytes::from(piece)) {
                return Ok(Some((before, self)));
            }
        }
    }
}

fn open(path: &str) -> Result<File, String> {
    // A pipe or device would keep whoever opens it waiting.
    let meta = Path::new(path).metadata().map_err(|error| told(path, &error))?;
    if !meta.is_file() {
        return Err(format!("{path} is not a file"));
    }
    File::open(path).map_err(|error| told(path, &error))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err("a file could not be read".to_owned()))
}

fn told(path: &str, error: &std::io::Error) -> String {
    format!("the file {path} cannot be read: {error}")
}

fn changed(path: &str) -> String {
    format!("the file {path} was changed since the plan was made")
}

#[cfg(test)]
mod tests {
    use daytwo_model::plan::LocalFile;
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_sent_never_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body");
        let content = vec![b'a'; 3 * PIECE_BYTES];
        std::fs::write(&path, &content).unwrap();
        let planned = PinnedFile {
            path: path.to_str().unwrap().to_owned(),
            content: LocalFile { digest: Digest::of(&content), bytes: content.len() as u64 },
        };
        for (now, arrives) in [(content.clone(), true), (vec![b'b'; 3 * PIECE_BYTES], false), (vec![b'a'; 10], false)] {
            std::fs::write(&path, &content).unwrap();
            let checked = checked(planned.clone()).await.unwrap();
            std::fs::write(&path, &now).unwrap();
            let pieces: Vec<_> = checked.stream().collect().await;
            let sent: usize = pieces.iter().flatten().map(Bytes::len).sum();
            assert_eq!(sent == content.len(), arrives, "{sent} bytes");
            assert_eq!(pieces.last().is_some_and(Result::is_ok), arrives);
        }
    }
}
