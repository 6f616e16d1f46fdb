//! Captures: what goes over a wire, in a file that tcpdump and Wireshark read.
//!
//! Nanosecond classic pcap: a header of 24 bytes, then each frame behind 16 bytes of time and length,
//! all little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::{Wire, WireCounters};

/// Writes frames to a capture. The first error ends the capture and is kept; what comes after it is
/// only counted: a full disk must not stop traffic.
#[derive(Debug)]
pub struct PcapWriter<O: Write> {
    out: O,
    /// The wall clock at the caller's [`Nanos::ZERO`], since 1970.
    start: Nanos,
    error: Option<io::Error>,
    counters: PcapCounters,
}

mafo_mem::counters! {
    /// What a capture took.
    pub struct PcapCounters {
        /// Frames written.
        frames,
        /// Frames that are missing because the capture ended in an error.
        frames_missed,
    }
}

/// Magic number of a capture with nanoseconds, in the writer's byte order.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Frames are written whole; readers want a limit.
const SNAPLEN: u32 = 262_144;
/// LINKTYPE_ETHERNET.
const LINKTYPE_ETHERNET: u32 = 1;

impl PcapWriter<BufWriter<File>> {
    /// A capture in a new file, in place of what was there. `start` is the wall clock at the caller's
    /// [`Nanos::ZERO`].
    pub fn create(path: &Path, start: SystemTime) -> io::Result<Self> {
        Self::new(BufWriter::with_capacity(1 << 16, File::create(path)?), start)
    }
}

impl<O: Write> PcapWriter<O> {
    /// A capture whose header is written at once.
    pub fn new(mut out: O, start: SystemTime) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(MAGIC_NANOSECONDS.to_le_bytes());
        header.extend(2u16.to_le_bytes()); // version 2.4
        header.extend(4u16.to_le_bytes());
        header.extend([0; 8]); // times are UTC; accuracy is not told
        header.extend(SNAPLEN.to_le_bytes());
        header.extend(LINKTYPE_ETHERNET.to_le_bytes());
        out.write_all(&header)?;
        let start = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let start = Nanos(u64::try_from(start.as_nanos()).unwrap_or(u64::MAX));
        Ok(Self { out, start, error: None, counters: PcapCounters::new() })
    }

    /// Adds a frame that passed at `now`.
    pub fn write(&mut self, now: Nanos, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.write_record(now, bytes).err();
        }
        if self.error.is_none() {
            self.counters.frames += 1;
        } else {
            self.counters.frames_missed += 1;
        }
    }

    /// Hands everything to the file system.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
    }

    /// What ended the capture.
    #[must_use]
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// What was captured.
    #[must_use]
    pub fn counters(&self) -> &PcapCounters {
        &self.counters
    }

    fn write_record(&mut self, now: Nanos, bytes: &[u8]) -> io::Result<()> {
        let at = (self.start + now).0;
        // Seconds have 32 bits, unsigned: until 2106.
        let seconds = u32::try_from(at / 1_000_000_000).unwrap_or(u32::MAX);
        let nanos = (at % 1_000_000_000) as u32;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut record = [0; 16];
        for (field, value) in record.chunks_exact_mut(4).zip([seconds, nanos, len, len]) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        self.out.write_all(&record)?;
        self.out.write_all(bytes)
    }
}

impl<O: Write> Drop for PcapWriter<O> {
    fn drop(&mut self) {
        self.flush();
        if let Some(error) = &self.error {
            let missed = self.counters.frames_missed;
            tracing::warn!(%error, missed, "a capture is not complete");
        }
    }
}

/// A wire with a capture of both directions: what it gave to its user and what it took with a
/// carrier.
#[derive(Debug)]
pub struct Pcap<W, O: Write + Send = BufWriter<File>> {
    inner: W,
    capture: PcapWriter<O>,
}

impl<W: Wire, O: Write + Send> Pcap<W, O> {
    /// Records what goes over `inner`.
    pub fn new(inner: W, capture: PcapWriter<O>) -> Self {
        Self { inner, capture }
    }

    /// The capture.
    #[must_use]
    pub fn capture(&self) -> &PcapWriter<O> {
        &self.capture
    }

    /// The capture, to be flushed.
    pub fn capture_mut(&mut self) -> &mut PcapWriter<O> {
        &mut self.capture
    }

    /// The wire under this one.
    #[must_use]
    pub fn inner(&self) -> &W {
        &self.inner
    }

    /// The wire under this one.
    pub fn inner_mut(&mut self) -> &mut W {
        &mut self.inner
    }
}

impl<W: Wire, O: Write + Send> Wire for Pcap<W, O> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        let received = self.inner.rx_burst(now, burst);
        for frame in &burst.frames()[before..] {
            self.capture.write(now, frame.as_slice());
        }
        received
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        let taken = self.inner.tx_burst(now, frames);
        // Without carrier frames are taken but never were on the wire.
        if taken > 0 && self.inner.link_up(now) {
            for frame in &frames[..taken] {
                self.capture.write(now, frame.as_slice());
            }
        }
        taken
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.inner.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.inner.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.inner.counters()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::mem::{LinkConfig, link};

    /// A file that can be looked at from outside and fails when it is full.
    #[derive(Clone)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        size: usize,
    }

    impl Disk {
        fn new(size: usize) -> Self {
            Self { written: Arc::default(), size }
        }

        fn written(&self) -> Vec<u8> {
            self.written.lock().expect("no writer panicked").clone()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut written = self.written.lock().expect("no writer panicked");
            if written.len() + bytes.len() > self.size {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn frame(bytes: &[u8]) -> Frame {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as large as its content");
        frame
    }

    #[test]
    fn both_directions_are_written_as_the_format_has_it() {
        let disk = Disk::new(1000);
        let start = UNIX_EPOCH + Duration::new(0x6000_0000, 999_999_999);
        let (near, mut far) = link(&LinkConfig::default());
        let capture = PcapWriter::new(BufWriter::new(disk.clone()), start).expect("room for it");
        let mut near = Pcap::new(near, capture);
        assert_eq!(near.tx_burst(Nanos(1), &[frame(&[0xaa; 3])]), 1);
        far.tx_burst(Nanos(2), &[frame(&[0xbb; 2])]);
        let mut burst = FrameBurst::new(2, 64);
        burst.push(&[0xcc]).expect("a frame that was there before is not recorded");
        assert_eq!(near.rx_burst(Nanos(0x100), &mut burst), 1);
        drop(near); // flushes
        #[rustfmt::skip]
        let expected = [
            0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, // magic, version 2.4, UTC
            0, 0, 4, 0, 1, 0, 0, 0,                                     // snaplen, Ethernet
            1, 0, 0, 0x60, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0,          // the next second
            0xaa, 0xaa, 0xaa,
            1, 0, 0, 0x60, 0xff, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0,
            0xbb, 0xbb,
        ];
        assert_eq!(disk.written(), expected);
    }

    #[test]
    fn what_a_dead_cable_takes_was_never_on_it() {
        let disk = Disk::new(1000);
        let (near, far) = link(&LinkConfig { queue_frames: 1, ..LinkConfig::default() });
        let capture = PcapWriter::new(disk.clone(), UNIX_EPOCH).expect("room for it");
        let mut near = Pcap::new(near, capture);
        assert_eq!(near.tx_burst(Nanos(1), &[frame(&[1]), frame(&[2])]), 1, "a queue of one");
        far.cable().set_carrier(false);
        assert_eq!(near.tx_burst(Nanos(2), &[frame(&[3])]), 1);
        assert_eq!(near.capture().counters().frames, 1);
        assert_eq!(disk.written().len(), 24 + 16 + 1);
    }

    #[test]
    fn a_full_disk_ends_the_capture_and_not_the_traffic() {
        assert!(PcapWriter::new(Disk::new(23), UNIX_EPOCH).is_err(), "not even the header");
        let (near, mut far) = link(&LinkConfig::default());
        let capture = PcapWriter::new(Disk::new(24 + 20), UNIX_EPOCH).expect("room for a header");
        let mut near = Pcap::new(near, capture);
        for i in 0..3 {
            assert_eq!(near.tx_burst(Nanos(i), &[frame(&[0; 4])]), 1);
        }
        let expected = PcapCounters { frames: 1, frames_missed: 2 };
        assert_eq!(*near.capture().counters(), expected);
        let error = near.capture().error().expect("the second frame found no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(far.rx_burst(Nanos(3), &mut FrameBurst::new(8, 64)), 3);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_an_error() {
        let path = Path::new("/nonexistent/A0.pcap");
        assert!(PcapWriter::create(path, UNIX_EPOCH).is_err());
    }
}
