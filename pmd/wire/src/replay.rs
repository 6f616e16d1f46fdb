//! A wire out of captures: what comes in is read from one file, what goes out is written to another.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::pcap::PcapWriter;
use crate::{Wire, WireCounters};

/// A capture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read or made.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no classic capture of Ethernet frames.
    #[error("{}: {what}", path.display())]
    NotACapture {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// A capture's frames, each received once, as fast as they are taken; and what is sent, in a capture of its own.
#[derive(Debug)]
pub struct Replay {
    /// The whole file: nothing is read while frames are under way.
    bytes: Vec<u8>,
    /// In `bytes`.
    frames: Places,
    next: usize,
    out: Option<PcapWriter<BufWriter<File>>>,
    counters: WireCounters,
}

/// Bytes of a capture's header, and of that of each of its records.
const HEADER: usize = 24;
const RECORD: usize = 16;
/// Magic numbers: microseconds and nanoseconds, in the byte order of the file.
const MAGICS: [u32; 2] = [0xa1b2_c3d4, 0xa1b2_3c4d];
/// Of pcapng, whose files other programs turn into classic ones.
const MAGIC_NG: u32 = 0x0a0d_0d0a;
const LINKTYPE_ETHERNET: u32 = 1;

impl Replay {
    /// Frames of the capture `input`, a regular file; those of which it has a part only are counted as errors and left
    /// out. What is sent goes to a new file `output`, where one is named; `start` is the wall
    /// clock at the caller's [`Nanos::ZERO`].
    pub fn open(
        input: &Path,
        output: Option<&Path>,
        start: SystemTime,
    ) -> Result<Self, ReplayError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ReplayError::File { path, source }
        };
        let no_capture = |what| ReplayError::NotACapture { path: input.to_owned(), what };
        let file = fs::metadata(input).map_err(failed(input))?;
        // What has no end, or waits for a writer, is never read to it.
        if !file.is_file() {
            return Err(no_capture("no regular file"));
        }
        let is_input = |other: Metadata| (other.dev(), other.ino()) == (file.dev(), file.ino());
        if output.is_some_and(|path| fs::metadata(path).is_ok_and(is_input)) {
            return Err(no_capture("what is sent would be written over it"));
        }
        let bytes = fs::read(input).map_err(failed(input))?;
        let (frames, cut) = index(&bytes).map_err(no_capture)?;
        let out =
            output.map(|path| PcapWriter::create(path, start).map_err(failed(path))).transpose()?;
        let counters = WireCounters { rx_errors: cut, ..WireCounters::new() };
        Ok(Self { bytes, frames, next: 0, out, counters })
    }

    /// Frames that have not been received yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.frames.len() - self.next
    }
}

/// Where frames begin and end.
type Places = Vec<(usize, usize)>;

/// Where the whole frames of a capture are, and how many others it has.
fn index(bytes: &[u8]) -> Result<(Places, u64), &'static str> {
    let magic = *bytes.first_chunk().ok_or("shorter than a capture's header")?;
    let word: fn([u8; 4]) -> u32 = match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
        (little, _) if MAGICS.contains(&little) => u32::from_le_bytes,
        (_, big) if MAGICS.contains(&big) => u32::from_be_bytes,
        (MAGIC_NG, _) => return Err("a pcapng file: `editcap -F pcap` makes a classic one of it"),
        _ => return Err("no capture: its first bytes are not those of a pcap file"),
    };
    let word_at = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| word(*bytes));
    // The upper bits tell of a FCS.
    if word_at(20).ok_or("shorter than a capture's header")? & 0xffff != LINKTYPE_ETHERNET {
        return Err("its frames are not Ethernet's");
    }
    let (mut frames, mut cut) = (Vec::new(), 0);
    let mut at = HEADER;
    while at < bytes.len() {
        let word = |at| word_at(at).ok_or("it ends within a frame's header");
        let (len, whole) = (word(at + 8)? as usize, word(at + 12)? as usize);
        let (start, end) = (at + RECORD, (at + RECORD).saturating_add(len));
        if end > bytes.len() {
            return Err("it ends within a frame");
        }
        if len < whole {
            cut += 1;
        } else {
            frames.push((start, end));
        }
        at = end;
    }
    Ok((frames, cut))
}

impl Wire for Replay {
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        while let Some(&(start, end)) = self.frames.get(self.next)
            && !burst.is_full()
        {
            self.next += 1;
            let frame = &self.bytes[start..end];
            if burst.push(frame).is_err() {
                self.counters.rx_oversize += 1;
                continue;
            }
            self.counters.rx_frames += 1;
            self.counters.rx_bytes += frame.len() as u64;
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        for frame in frames {
            let bytes = frame.as_slice();
            self.counters.tx_frames += 1;
            self.counters.tx_bytes += bytes.len() as u64;
            if let Some(out) = &mut self.out {
                out.write(now, bytes);
            }
        }
        frames.len()
    }

    fn link_up(&mut self, _now: Nanos) -> bool {
        true
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        (self.left() > 0).then_some(Nanos::ZERO)
    }

    fn counters(&self) -> WireCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// A capture of "abc" and "de", written by hand in either byte order.
    fn capture(word: fn(u32) -> [u8; 4]) -> Vec<u8> {
        let words = |words: &[u32]| words.iter().flat_map(|&w| word(w)).collect::<Vec<u8>>();
        [
            words(&[0xa1b2_c3d4, 0, 0, 0, 65_535, 1, 9, 8, 3, 3]),
            b"abc".to_vec(),
            words(&[9, 9, 2, 2]),
            b"de".to_vec(),
        ]
        .concat()
    }

    #[test]
    fn frames_are_found_in_either_byte_order() {
        for word in [u32::to_le_bytes, u32::to_be_bytes] {
            let bytes = capture(word);
            let (frames, cut) = index(&bytes).expect("a capture");
            assert_eq!(cut, 0);
            let frames: Vec<&[u8]> =
                frames.iter().map(|&(start, end)| &bytes[start..end]).collect();
            assert_eq!(frames, [&b"abc"[..], b"de"]);
            for cut in [3, 23, 24 + 7, bytes.len() - 1] {
                assert!(index(&bytes[..cut]).is_err(), "cut after {cut}");
            }
            let mut short = bytes.clone();
            short[24 + 12..24 + 16].copy_from_slice(&word(60));
            let (frames, cut) = index(&short).expect("a capture");
            assert_eq!((frames, cut), (vec![(59, 61)], 1), "of a frame of 60 bytes there are 3");
            let mut wrong = bytes.clone();
            wrong[20..24].copy_from_slice(&word(113));
            assert!(index(&wrong).is_err(), "a link type that is not Ethernet");
        }
        assert!(index(&[0x0a, 0x0d, 0x0d, 0x0a]).is_err_and(|what| what.contains("editcap")));
    }

    #[test]
    fn a_capture_is_received_once_and_what_is_sent_is_in_another() {
        let name =
            |end: &str| std::env::temp_dir().join(format!("mafo-{}-{end}", std::process::id()));
        let (input, output) = (name("in.pcap"), name("out.pcap"));
        fs::write(&input, capture(u32::to_le_bytes)).expect("written");
        let mut wire = Replay::open(&input, Some(&output), UNIX_EPOCH).expect("a capture");
        let mut burst = FrameBurst::new(8, 2);
        assert_eq!((wire.rx_burst(Nanos::ZERO, &mut burst), wire.left()), (1, 0));
        assert_eq!(burst.frames()[0].as_slice(), b"de", "the longer one did not fit");
        assert_eq!(wire.tx_burst(Nanos::ZERO, burst.frames()), 1);
        let expected = WireCounters {
            rx_frames: 1,
            rx_bytes: 2,
            rx_oversize: 1,
            tx_frames: 1,
            tx_bytes: 2,
            ..WireCounters::new()
        };
        assert_eq!(wire.counters(), expected);
        drop(wire);
        let mut again = Replay::open(&output, None, UNIX_EPOCH).expect("what was written");
        let mut burst = FrameBurst::new(1, 64);
        again.rx_burst(Nanos::ZERO, &mut burst);
        assert_eq!(burst.frames()[0].as_slice(), b"de");
        let over = Replay::open(&output, Some(&output), UNIX_EPOCH).expect_err("itself");
        assert!(over.to_string().contains("would be written over it"), "{over}");
        assert_eq!(fs::read(&output).expect("still there").len(), 24 + 16 + 2);
        for path in [input, output] {
            fs::remove_file(path).expect("removed");
        }
        let endless = Replay::open(Path::new("/dev/zero"), None, UNIX_EPOCH).expect_err("no file");
        assert!(endless.to_string().ends_with("no regular file"), "{endless}");
        let error =
            Replay::open(Path::new("/nonexistent.pcap"), None, UNIX_EPOCH).expect_err("none");
        assert!(error.to_string().starts_with("/nonexistent.pcap: "), "{error}");
    }
}
