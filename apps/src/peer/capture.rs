//! `peer.pcap`: all that the peer's host sends and receives.
//!
//! A thread of its own moves frames from the packet ring to the file, so that neither delays the
//! connections. Frames that the ring had no room for are counted: an incomplete capture says so.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::protocol::CaptureSummary;
use crate::sys::{Packet, PacketRing};

/// How long the thread waits for frames before it looks whether it should end: several times the
/// ring's hand-over time.
const PATIENCE: Duration = Duration::from_millis(40);

/// pcap with nanoseconds, in the byte order of the writer.
const MAGIC: u32 = 0xa1b2_3c4d;
const LINKTYPE_ETHERNET: u32 = 1;
/// Longest frame that a reader has to expect.
const SNAPLEN: u32 = 65_535;

/// A capture under way.
#[derive(Debug)]
pub(super) struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<CaptureSummary>,
}

impl Capture {
    /// Begins to write the frames of `interface` to `file`.
    pub(super) fn start(interface: u32, file: File) -> io::Result<Self> {
        let mut writer = Writer::new(BufWriter::with_capacity(1 << 20, file))?;
        let mut ring = PacketRing::open(interface)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("capture".into()).spawn(move || {
            let outcome = run(&mut ring, &mut writer, &stopped);
            let lost = ring.lost().map_or(0, u64::from);
            let error = outcome.err().map(|error| error.raw_os_error().unwrap_or(libc::EIO));
            CaptureSummary { frames: writer.frames, lost, error }
        })?;
        Ok(Self { stop, thread })
    }

    /// Writes what has been captured up to now, and ends.
    pub(super) fn finish(self) -> CaptureSummary {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .unwrap_or(CaptureSummary { error: Some(libc::EIO), ..CaptureSummary::default() })
    }
}

fn run(ring: &mut PacketRing, file: &mut Writer<impl Write>, stop: &AtomicBool) -> io::Result<()> {
    let mut stopping = false;
    loop {
        if !stopping && stop.load(Ordering::Relaxed) {
            ring.stop()?;
            stopping = true;
        }
        let mut outcome = Ok(());
        while ring.take_block(|packet| {
            if outcome.is_ok() {
                outcome = file.write(packet);
            }
        }) {}
        outcome?;
        if !ring.wait(PATIENCE)? && stopping {
            return file.inner.flush();
        }
    }
}

/// Writes classic pcap.
#[derive(Debug)]
struct Writer<W> {
    inner: W,
    frames: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the file header: magic, version 2.4, no time zone, no accuracy, snap length, link type.
    fn new(mut inner: W) -> io::Result<Self> {
        inner.write_all(&MAGIC.to_ne_bytes())?;
        inner.write_all(&2_u16.to_ne_bytes())?;
        inner.write_all(&4_u16.to_ne_bytes())?;
        for word in [0, 0, SNAPLEN, LINKTYPE_ETHERNET] {
            inner.write_all(&word.to_ne_bytes())?;
        }
        Ok(Self { inner, frames: 0 })
    }

    /// Writes one record.
    fn write(&mut self, packet: Packet<'_>) -> io::Result<()> {
        let captured = packet.bytes.len() as u32;
        for word in [packet.seconds, packet.nanoseconds, captured, packet.original_len] {
            self.inner.write_all(&word.to_ne_bytes())?;
        }
        self.inner.write_all(packet.bytes)?;
        self.frames += 1;
        Ok(())
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn a_file_byte_by_byte() {
        let mut file = Writer::new(Vec::new()).unwrap();
        let bytes = &[0xaa, 0xbb, 0xcc];
        file.write(Packet { seconds: 1, nanoseconds: 0x0203, original_len: 64, bytes }).unwrap();
        let expected = [
            &[0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0][..], // magic, version
            &[0, 0, 0, 0, 0, 0, 0, 0],                 // time zone, accuracy
            &[0xff, 0xff, 0, 0, 1, 0, 0, 0],           // snap length, Ethernet
            &[1, 0, 0, 0, 3, 2, 0, 0],                 // seconds, nanoseconds
            &[3, 0, 0, 0, 64, 0, 0, 0],                // captured, original length
            &[0xaa, 0xbb, 0xcc],
        ]
        .concat();
        assert_eq!(file.inner, expected);
        assert_eq!(file.frames, 1);
    }
}
