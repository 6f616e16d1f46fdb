//! The card as TP sees it.

use mafo_mem::Nanos;
use mafo_t4::regs::tp::mib::Mib;
use mafo_t4::{DmaFault, HostMemory, IqId, L2tIdx, SmtIdx, Tid};

use crate::frame_queue::Refused;
use crate::hw::Hw;
use crate::l2t::{L2tEntry, Neighbour};
use crate::le::Headers;
use crate::mishap::{ControlKind, Mishap};
use crate::sge::Ingress;
use crate::tp::{Card, Message, Stalled, TxError};

/// Bytes of an Ethernet header without tag.
const ETHER_LEN: usize = 14;
/// Bytes of an 802.1Q tag.
const TAG_LEN: usize = 4;
/// Ethernet type of an 802.1Q tag.
const ETHERTYPE_VLAN: u16 = 0x8100;

/// Writes the Ethernet header of a frame to `next_hop`; its length, or `None` if `buffer` is too short.
fn write_ether(
    buffer: &mut [u8],
    next_hop: &L2tEntry,
    smac: [u8; 6],
    ethertype: u16,
) -> Option<usize> {
    let header = buffer.first_chunk_mut::<{ ETHER_LEN + TAG_LEN }>()?;
    header[..6].copy_from_slice(&next_hop.dmac);
    header[6..12].copy_from_slice(&smac);
    match next_hop.vlan {
        Some(tag) => {
            header[12..14].copy_from_slice(&ETHERTYPE_VLAN.to_be_bytes());
            header[14..16].copy_from_slice(&tag.to_be_bytes());
            header[16..18].copy_from_slice(&ethertype.to_be_bytes());
            Some(ETHER_LEN + TAG_LEN)
        }
        None => {
            header[12..14].copy_from_slice(&ethertype.to_be_bytes());
            Some(ETHER_LEN)
        }
    }
}

impl<M: HostMemory> Card for Hw<M> {
    type Memory = M;

    fn post(&mut self, iq: IqId, message: Message<'_>) -> Result<(), Stalled> {
        let message = Ingress::new(0, message.cpl).with_payload(message.payload);
        self.sge.post(iq, &message).map_err(|_| Stalled)?;
        self.mib().add(Mib::CPL_OUT_RSP_0, 1);
        Ok(())
    }

    fn mishap(&mut self, what: ControlKind) -> Option<Mishap> {
        self.misfortune.draw(what)
    }

    fn spread(&self, frame: &[u8], headers: &Headers) -> Option<IqId> {
        self.queue_by_rss(frame, headers)
    }

    fn stall(&mut self, iq: IqId) {
        let late = self.misfortune.lateness();
        self.sge.stall(iq, late);
    }

    fn resolves(&self, l2t: L2tIdx) -> bool {
        self.next_hop(l2t).is_some()
    }

    fn tx_ready(&self, l2t: L2tIdx) -> bool {
        self.next_hop(l2t).is_none_or(|(_, egress)| self.tp_room(egress) > 0)
    }

    fn transmit(
        &mut self,
        l2t: L2tIdx,
        smac: SmtIdx,
        ethertype: u16,
        fill: impl FnOnce(&mut [u8], &Self::Memory) -> Result<usize, DmaFault>,
    ) -> Result<(), TxError> {
        let Some(&next_hop) = self.l2t.get(l2t) else {
            self.counters.tx_no_neighbour += 1;
            return Err(TxError::NoNeighbour);
        };
        let Neighbour::Reachable(egress) = next_hop.neighbour else {
            self.counters.tx_no_neighbour += 1;
            self.mib().add(Mib::OFD_ARP_DROP, 1);
            return Err(TxError::NoNeighbour);
        };
        let smac = self.smt.mac(smac);
        let sent = self.send(egress, |buffer, mem| {
            let Some(ether) = write_ether(buffer, &next_hop, smac, ethertype) else { return Ok(0) };
            Ok(ether + fill(&mut buffer[ether..], mem)?)
        });
        match sent {
            Ok(_) => Ok(()),
            Err(Refused::Full) => Err(TxError::Full),
            Err(Refused::Abandoned(fault)) => {
                self.counters.tx_dma_faults += 1;
                Err(TxError::Fault(fault))
            }
        }
    }

    fn mtu(&self, index: u8) -> u16 {
        self.tp.mtus[usize::from(index & 0xf)]
    }

    fn flow_acked(&mut self, _now: Nanos, tid: Tid, snd_una: u32, bytes: u32) {
        Self::flow_acked(self, tid, snd_una, bytes);
    }

    fn flow_released(&mut self, tid: Tid) {
        Self::flow_released(self, tid);
    }
}
