//! Captures that say so when they are not whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Why the file of a capture is not whole, once it is known.
pub(crate) type Failure = Arc<OnceLock<String>>;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 16;

/// The file of a capture, whose writer is out of reach when it is written: what goes wrong first is kept.
#[derive(Debug)]
pub(super) struct CaptureFile<W: Write = BufWriter<File>> {
    name: String,
    inner: W,
    failure: Failure,
}

impl CaptureFile {
    /// A new file in place of what was there, and what will become of it.
    pub(super) fn create(path: &Path) -> io::Result<(Self, Failure)> {
        let file = BufWriter::with_capacity(BUFFER, File::create(path)?);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self::new(name, file))
    }
}

impl<W: Write> CaptureFile<W> {
    fn new(name: String, inner: W) -> (Self, Failure) {
        let failure = Failure::default();
        (Self { name, inner, failure: Arc::clone(&failure) }, failure)
    }

    fn note<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome {
            let _ = self.failure.set(format!("{}: {error}", self.name));
        }
        outcome
    }
}

impl<W: Write> Write for CaptureFile<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_first_is_kept() {
        let (mut file, failure) = CaptureFile::new("A0.pcap".to_owned(), Vec::new());
        file.write_all(&[1; 4]).expect("there is room");
        file.flush().expect("there is room");
        assert_eq!((failure.get(), file.inner), (None, vec![1; 4]));
        let (mut file, failure) = CaptureFile::new("B0.pcap".to_owned(), Full);
        file.write_all(&[1]).expect_err("full");
        file.flush().expect_err("another error");
        assert_eq!(failure.get().map(String::as_str), Some("B0.pcap: no storage space"));
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::Other.into())
        }
    }
}
