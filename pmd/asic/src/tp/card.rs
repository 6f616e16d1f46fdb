//! What TP needs of the rest of the card, and nothing more: so TP is tested alone.

use mafo_mem::Nanos;

use crate::le::Headers;
use crate::mishap::{ControlKind, Mishap};
use mafo_t4::{DmaFault, HostMemory, IqId, L2tIdx, SmtIdx, Tid};

/// A message for the host: a CPL from its opcode byte, then payload.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The CPL.
    pub cpl: &'a [u8],
    /// What follows it, in pieces.
    pub payload: &'a [&'a [u8]],
}

/// The ingress queue had no credit, or its freelist no buffer; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stalled;

/// Why a packet was not sent. None of these is an error of the connection: to TCP they are losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxError {
    /// The L2T entry is not written, or not resolved.
    NoNeighbour,
    /// The payload is not in memory that the host has mapped.
    Fault(DmaFault),
    /// The port's queue is full; [`Card::tx_ready`] would have said so.
    Full,
}

/// The card around TP.
pub trait Card {
    /// Host memory.
    type Memory: HostMemory;

    /// Writes a message into an ingress queue, all of it or nothing. A message for a queue that does not
    /// exist is dropped and counted there.
    fn post(&mut self, iq: IqId, message: Message<'_>) -> Result<(), Stalled>;

    /// What goes wrong with a request of this kind that the host has made.
    fn mishap(&mut self, what: ControlKind) -> Option<Mishap> {
        let _ = what;
        None
    }

    /// The queue that RSS picks for a frame, if the card spreads what comes in.
    fn spread(&self, frame: &[u8], headers: &Headers) -> Option<IqId> {
        let _ = (frame, headers);
        None
    }

    /// An ingress queue takes nothing for a while.
    fn stall(&mut self, iq: IqId) {
        let _ = iq;
    }

    /// Whether an L2T entry leads to a neighbour whose MAC address is known.
    fn resolves(&self, l2t: L2tIdx) -> bool;

    /// Whether a packet by this L2T entry would be taken now. `false` is temporary, that is, only for a
    /// full queue: a port that is down, or an unresolved neighbour, takes packets and drops them.
    fn tx_ready(&self, l2t: L2tIdx) -> bool;

    /// Sends a packet: the card writes the Ethernet header (next hop of `l2t`, source `smac`, VLAN,
    /// `ethertype`), `fill` the rest, of which it says the length.
    fn transmit(
        &mut self,
        l2t: L2tIdx,
        smac: SmtIdx,
        ethertype: u16,
        fill: impl FnOnce(&mut [u8], &Self::Memory) -> Result<usize, DmaFault>,
    ) -> Result<(), TxError>;

    /// An entry of the MTU table (`TP_MTU_TABLE`), 0–15.
    fn mtu(&self, index: u8) -> u16;

    /// The peer has acknowledged the `bytes` oldest payload bytes of the connection, up to `snd_una`: the
    /// work requests that brought them are done, and FW4_ACK may say so.
    fn flow_acked(&mut self, now: Nanos, tid: Tid, snd_una: u32, bytes: u32);

    /// The connection is no more: what the firmware knows of its flow is void.
    fn flow_released(&mut self, tid: Tid);
}
