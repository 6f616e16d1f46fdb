//! Frames of an interface in a ring of memory shared with the kernel (packet(7), TPACKET_V3).
//!
//! The kernel fills blocks of many frames and hands each over by setting its status word; the reader
//! gives it back the same way. A reader that is late loses frames only when all blocks are full.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::net::{get_option, set_option};
use super::{check, check_fd, wait_for};

const BLOCK_LEN: usize = 1 << 20;
const BLOCKS: usize = 64;
const RING_LEN: usize = BLOCK_LEN * BLOCKS;

/// After how many milliseconds the kernel hands over a block that is not full.
const RETIRE_MS: u32 = 10;

/// A frame as the kernel saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Seconds of CLOCK_REALTIME.
    pub seconds: u32,
    /// Nanoseconds within the second.
    pub nanoseconds: u32,
    /// Length of the frame, of which `bytes` may be less.
    pub original_len: u32,
    /// From the destination MAC on.
    pub bytes: &'a [u8],
}

/// A packet socket on one interface, with its ring.
#[derive(Debug)]
pub(crate) struct PacketRing {
    socket: OwnedFd,
    memory: NonNull<u8>,
    /// The block that the kernel hands over next.
    next: usize,
}

// SAFETY: the mapping is owned by the value and belongs to no thread.
unsafe impl Send for PacketRing {}

impl PacketRing {
    /// Begins to take every frame that the interface sends or receives.
    pub(crate) fn open(interface: u32) -> io::Result<Self> {
        // Protocol 0: nothing is taken before the ring exists and the interface is chosen.
        // SAFETY: takes no pointer.
        let socket = check_fd(unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0)
        })?;
        let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
        set_option(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let frame_len = 2048;
        let ring = libc::tpacket_req3 {
            tp_block_size: BLOCK_LEN as u32,
            tp_block_nr: BLOCKS as u32,
            tp_frame_size: frame_len,
            tp_frame_nr: RING_LEN as u32 / frame_len,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set_option(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &ring)?;
        // SAFETY: a new shared mapping of the whole ring, at an address that the kernel chooses.
        let memory = unsafe {
            libc::mmap(
                ptr::null_mut(),
                RING_LEN,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let memory = NonNull::new(memory.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let ring = Self { socket, memory, next: 0 };
        ring.bind(interface)?;
        Ok(ring)
    }

    fn bind(&self, interface: u32) -> io::Result<()> {
        // SAFETY: a sockaddr_ll is integers; all zero is valid.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface as i32;
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: `address` is a sockaddr_ll, `len` bytes to read from.
        check(unsafe { libc::bind(self.socket.as_raw_fd(), (&raw const address).cast(), len) })
            .map(drop)
    }

    /// Waits for a block. Blocks that are not full come after [`RETIRE_MS`]; `timeout` should be a
    /// multiple of it.
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        wait_for(&self.socket, libc::POLLIN, timeout)
    }

    /// Takes no further frame; what is in the ring stays, and all of it has been handed over when a
    /// [`PacketRing::wait`] of several times [`RETIRE_MS`] finds nothing.
    pub(crate) fn stop(&self) -> io::Result<()> {
        // A classic BPF program of one instruction: keep 0 bytes.
        let mut program =
            libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: 0 };
        let program = libc::sock_fprog { len: 1, filter: &raw mut program };
        let len = size_of_val(&program) as libc::socklen_t;
        // SAFETY: `program` is a sock_fprog whose filter has one instruction; the kernel copies both.
        check(unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const program).cast(),
                len,
            )
        })
        .map(drop)
    }

    /// Frames that were lost because no block was free, since the last call.
    pub(crate) fn lost(&self) -> io::Result<u32> {
        let statistics: libc::tpacket_stats_v3 =
            get_option(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        Ok(statistics.tp_drops)
    }

    /// Shows the frames of the next block to `each` and gives the block back; false if the kernel
    /// has handed over none.
    pub(crate) fn take_block(&mut self, mut each: impl FnMut(Packet<'_>)) -> bool {
        // SAFETY: `next` is below BLOCKS, so this is inside the mapping.
        let block = unsafe { self.memory.add(self.next * BLOCK_LEN) };
        // SAFETY: the status word of tpacket_block_desc, at an aligned address inside the mapping,
        // which both sides only access whole.
        let status = unsafe { AtomicU32::from_ptr(block.add(BLOCK_STATUS).cast().as_ptr()) };
        // Pairs with the kernel's barrier before it sets the word: the block's content is visible.
        if status.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return false;
        }
        // SAFETY: until the status word is given back the kernel does not write to the block, so it
        // can be borrowed as bytes. The borrow ends before that.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), BLOCK_LEN) };
        walk(bytes, &mut each);
        // Pairs with the kernel's read of the word before it fills the block again.
        status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1) % BLOCKS;
        true
    }
}

impl Drop for PacketRing {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, of this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), RING_LEN) };
    }
}

/// Offsets in `struct tpacket_block_desc`: version, offset to private data, then the header.
const BLOCK_STATUS: usize = 8;
const BLOCK_PACKETS: usize = 12;
const BLOCK_FIRST: usize = 16;

/// Offsets in `struct tpacket3_hdr`.
const PACKET_NEXT: usize = 0;
const PACKET_SECONDS: usize = 4;
const PACKET_NANOSECONDS: usize = 8;
const PACKET_CAPTURED: usize = 12;
const PACKET_LEN: usize = 16;
const PACKET_MAC: usize = 24;

/// Shows the frames of a block; stops at the first that is not inside the block.
fn walk(block: &[u8], each: &mut impl FnMut(Packet<'_>)) {
    let word = |at: usize| Some(u32::from_ne_bytes(*block.get(at..)?.first_chunk()?));
    let half = |at: usize| Some(u16::from_ne_bytes(*block.get(at..)?.first_chunk()?));
    let packet = |at: usize| {
        let start = at + usize::from(half(at + PACKET_MAC)?);
        let bytes = block.get(start..start + word(at + PACKET_CAPTURED)? as usize)?;
        let (seconds, nanoseconds) = (word(at + PACKET_SECONDS)?, word(at + PACKET_NANOSECONDS)?);
        let original_len = word(at + PACKET_LEN)?;
        Some((Packet { seconds, nanoseconds, original_len, bytes }, word(at + PACKET_NEXT)?))
    };
    let mut at = word(BLOCK_FIRST).unwrap_or(0) as usize;
    for _ in 0..word(BLOCK_PACKETS).unwrap_or(0) {
        let Some((packet, next)) = packet(at) else { return };
        each(packet);
        at += next as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_the_header_files() {
        assert_eq!(std::mem::offset_of!(libc::tpacket_block_desc, hdr), BLOCK_STATUS);
        let header = |field| BLOCK_STATUS + field;
        assert_eq!(header(std::mem::offset_of!(libc::tpacket_hdr_v1, block_status)), BLOCK_STATUS);
        assert_eq!(header(std::mem::offset_of!(libc::tpacket_hdr_v1, num_pkts)), BLOCK_PACKETS);
        assert_eq!(
            header(std::mem::offset_of!(libc::tpacket_hdr_v1, offset_to_first_pkt)),
            BLOCK_FIRST
        );
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_next_offset), PACKET_NEXT);
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_sec), PACKET_SECONDS);
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_nsec), PACKET_NANOSECONDS);
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_snaplen), PACKET_CAPTURED);
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_len), PACKET_LEN);
        assert_eq!(std::mem::offset_of!(libc::tpacket3_hdr, tp_mac), PACKET_MAC);
    }

    /// A block of two frames, "ab" of 2 bytes and "cde" of 60.
    fn block() -> Vec<u8> {
        let mut block = vec![0; 256];
        let mut word =
            |at: usize, value: u32| block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        word(BLOCK_PACKETS, 2);
        word(BLOCK_FIRST, 48);
        for (at, next, captured, len) in [(48, 64, 2, 2), (112, 0, 3, 60)] {
            word(at, next);
            word(at + 4, 1_700_000_000);
            word(at + 8, at as u32);
            word(at + 12, captured);
            word(at + 16, len);
        }
        for (at, bytes) in [(48, &b"ab"[..]), (112, b"cde")] {
            block[at + 24..at + 26].copy_from_slice(&40_u16.to_ne_bytes());
            block[at + 40..at + 40 + bytes.len()].copy_from_slice(bytes);
        }
        block
    }

    fn frames(block: &[u8]) -> Vec<(Vec<u8>, u32, u32)> {
        let mut seen = Vec::new();
        walk(block, &mut |packet: Packet<'_>| {
            seen.push((packet.bytes.to_vec(), packet.nanoseconds, packet.original_len));
        });
        seen
    }

    #[test]
    fn a_block_is_walked_frame_by_frame() {
        assert_eq!(frames(&block()), [(b"ab".to_vec(), 48, 2), (b"cde".to_vec(), 112, 60)]);
    }

    #[test]
    fn a_frame_outside_the_block_ends_the_walk() {
        let mut block = block();
        block[112 + 12..112 + 16].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(frames(&block).len(), 1);
        block.truncate(60);
        assert_eq!(frames(&block).len(), 0);
    }
}
