//! The cable between the stack and the tool: Ethernet on the stack's side, bare IP packets on the tool's.
//!
//! The tool has no Ethernet: whoever the stack asks for is answered at once by a station that is everybody.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mafo::wire::{Wire, WireCounters};
use mafo::{EthPort, Frame, FrameBurst, Nanos, TxState};

use crate::qdisc::Queue;

/// The stack's station address.
pub const OUR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// The station that every address of the tool is at.
const PEER_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

const ETHERNET: usize = 14;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_ARP: [u8; 2] = [0x08, 0x06];

#[derive(Debug, Default)]
struct Lanes {
    /// Frames on their way to the stack.
    inward: VecDeque<Vec<u8>>,
    /// Frames that left the stack.
    outward: VecDeque<Vec<u8>>,
    /// Whether the kernel's device, whose place it takes, would take a packet.
    queue: Queue,
}

/// Both ends of the cable; clones are the same cable.
#[derive(Clone, Debug, Default)]
pub struct Cable {
    lanes: Arc<Mutex<Lanes>>,
    mtu: u16,
}

impl Cable {
    /// A cable for IP packets of up to `mtu` bytes.
    #[must_use]
    pub fn new(mtu: u16) -> Self {
        Self { lanes: Arc::default(), mtu }
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an IP packet of the tool on the cable. What is not IPv4 is lost. One longer than the MTU stands for what a port
    /// made of several by receive offload.
    pub fn inject(&self, packet: &[u8]) {
        let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
        if !is_v4 {
            return;
        }
        let mut frame = Vec::with_capacity(ETHERNET + packet.len());
        frame.extend_from_slice(&OUR_MAC);
        frame.extend_from_slice(&PEER_MAC);
        frame.extend_from_slice(&ETHERTYPE_IPV4);
        frame.extend_from_slice(packet);
        self.lanes().inward.push_back(frame);
    }

    /// The stack's end takes frames, or none, from now on.
    pub fn set_queue(&self, queue: Queue) {
        self.lanes().queue = queue;
    }

    /// Takes what left the stack: IP packets for the tool go to `packets`, questions for a station are
    /// answered. Whether the stack has something to take in now.
    pub fn collect(&self, mut packets: impl FnMut(Vec<u8>)) -> bool {
        let mut lanes = self.lanes();
        while let Some(frame) = lanes.outward.pop_front() {
            let Some((header, body)) = frame.split_at_checked(ETHERNET) else { continue };
            if header[12..] == ETHERTYPE_ARP {
                lanes.inward.extend(arp_reply(body));
            } else if header[12..] == ETHERTYPE_IPV4 {
                packets(body.to_vec());
            }
        }
        !lanes.inward.is_empty()
    }

    fn receive(&self, burst: &mut FrameBurst) -> usize {
        let mut lanes = self.lanes();
        let mut taken = 0;
        while !burst.is_full()
            && let Some(frame) = lanes.inward.pop_front()
        {
            // One that does not fit is lost, as on a port.
            taken += usize::from(burst.push(&frame).is_ok());
        }
        taken
    }

    fn send(&self, frames: &[Frame]) -> usize {
        self.lanes().outward.extend(frames.iter().map(|frame| frame.as_slice().to_vec()));
        frames.len()
    }
}

/// The answer to an ARP question (RFC 826), if `body` is one for somebody else.
fn arp_reply(body: &[u8]) -> Option<Vec<u8>> {
    const LEN: usize = 28;
    const REQUEST: [u8; 2] = [0, 1];
    const REPLY: [u8; 2] = [0, 2];
    let question = body.get(..LEN)?;
    let (sender, target) = (&question[14..18], &question[24..28]);
    if question[6..8] != REQUEST || sender == target {
        return None;
    }
    let mut frame = Vec::with_capacity(ETHERNET + LEN);
    frame.extend_from_slice(&question[8..14]);
    frame.extend_from_slice(&PEER_MAC);
    frame.extend_from_slice(&ETHERTYPE_ARP);
    frame.extend_from_slice(&question[..6]);
    frame.extend_from_slice(&REPLY);
    frame.extend_from_slice(&PEER_MAC);
    frame.extend_from_slice(target);
    frame.extend_from_slice(&question[8..18]);
    Some(frame)
}

impl EthPort for Cable {
    fn mac(&self) -> [u8; 6] {
        OUR_MAC
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn link_up(&self) -> bool {
        true
    }

    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        self.receive(burst)
    }

    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        self.send(frames)
    }

    fn tx_state(&mut self) -> TxState {
        match self.lanes().queue {
            Queue::Open => TxState::Ready,
            Queue::Closed => TxState::Full,
        }
    }
}

impl Wire for Cable {
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        self.receive(burst)
    }

    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        self.send(frames)
    }

    fn link_up(&mut self, _now: Nanos) -> bool {
        true
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        None
    }

    fn counters(&self) -> WireCounters {
        WireCounters::new()
    }
}
