//! Files as text, within bounds: settings, and commands that are loaded.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The largest file that is read, in bytes: none that somebody wrote is as long.
pub const FILE_MAX: u64 = 1 << 20;

/// Why a file is not read, in a sentence; where it is about a byte of it, what comes before that.
#[derive(Debug, PartialEq, Eq)]
pub struct Unread {
    /// Why.
    pub why: String,
    /// The text that it has up to there.
    pub before: Option<String>,
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { why, before: None }
    }
}

/// The text of a file. What is no regular file might have no end, or not begin before somebody writes to it.
pub fn read(path: &Path) -> Result<String, Unread> {
    let failed = |e: std::io::Error| Unread::from(e.to_string());
    // Whoever opens a FIFO would wait for its writer, and a terminal would become the process's own.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err("it is no regular file, and no other is read".to_owned().into());
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(format!("it is longer than {FILE_MAX} bytes, the most that is read").into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        Unread { why: "here is a byte that is no UTF-8".to_owned(), before: Some(before) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::fs;

    const MAX: usize = FILE_MAX as usize;

    #[test]
    fn files_are_regular_and_bounded() {
        let folder = std::env::temp_dir().join(format!("mafo-config-file-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file");
        let read_of = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read(&path).map(|text| text.len())
        };
        assert_eq!(read_of(&[b'#'; MAX]), Ok(MAX));
        let why = read_of(&[b'#'; MAX + 1]).unwrap_err().why;
        assert_eq!(why, "it is longer than 1048576 bytes, the most that is read");
        let why = "here is a byte that is no UTF-8".to_owned();
        assert_eq!(read_of(b"a = \xff"), Err(Unread { why, before: Some("a = ".to_owned()) }));

        let fifo = folder.join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        for path in [Path::new("/dev/zero"), &folder, &fifo] {
            let why = read(path).unwrap_err().why;
            let said = "it is no regular file, and no other is read";
            assert_eq!(why, said, "{}", path.display());
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(read(&path).unwrap_err().why.starts_with("No such file"));
    }
}
