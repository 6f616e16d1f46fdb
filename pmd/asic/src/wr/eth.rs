//! FW_ETH_TX_PKT_WR: a frame from the host.

use core::net::IpAddr;

use mafo_mem::checksum;
use mafo_t4::cpl::{TxCsum, TxPkt, TxPktCtrl1};
use mafo_t4::wr::{FwEthTxPktWr, Malformed, Payload};
use mafo_t4::{DmaFault, HostMemory};

use super::Outcome;
use crate::frame_queue::Refused;
use crate::hw::Hw;
use crate::l2t::Egress;
use crate::le::headers::{PROTOCOL_TCP, PROTOCOL_UDP};
use crate::sge::EqConfig;

/// Bytes of an Ethernet header without tag.
const ETHER_LEN: usize = 14;
/// Bytes of an 802.1Q tag.
const TAG_LEN: usize = 4;

/// Why a frame was not sent, beside a full way out.
enum Unsent {
    Fault,
    /// Its header lengths do not fit the frame.
    Malformed,
}

/// Sends the frame of `wr`, a work request of an Ethernet queue.
#[inline(always)]
pub(super) fn send<M: HostMemory>(hw: &mut Hw<M>, config: &EqConfig, wr: &[u8]) -> Outcome {
    match try_send(hw, config, wr) {
        Ok(outcome) => outcome,
        Err(Malformed) => {
            hw.wr.malformed += 1;
            Outcome::Taken
        }
    }
}

#[inline(always)]
fn try_send<M: HostMemory>(
    hw: &mut Hw<M>,
    config: &EqConfig,
    wr: &[u8],
) -> Result<Outcome, Malformed> {
    let request = FwEthTxPktWr::parse(wr)?;
    let checksums = Checksums::of(request.pkt.ctrl1());
    if request.lso.is_some() || checksums == Checksums::Unsupported {
        hw.wr.unsupported += 1;
        return Ok(Outcome::Taken);
    }
    let vi = config.vin.and_then(|vin| hw.mps.vi(vin));
    if !vi.is_some_and(|vi| vi.tx_enabled) {
        hw.wr.eth_disabled += 1;
        return Ok(Outcome::Taken);
    }
    let len = usize::from(request.pkt.len());
    let tag = request.pkt.ctrl1().vlan_vld().then(|| request.pkt.ctrl1().vlan() as u16);
    let sent_len = len + if tag.is_some() { TAG_LEN } else { 0 };
    if len < ETHER_LEN || sent_len > hw.config.max_frame_len {
        return Err(Malformed);
    }
    // Four bits.
    let intf = request.pkt.ctrl0().intf() as u8;
    let egress = Egress::from_interface(intf).ok_or(Malformed)?;
    let sent = hw.send(egress, |buffer, mem| {
        // A tag goes between the addresses and the type, so the frame is put down behind its place.
        let at = sent_len - len;
        gather(&request.frame, mem, &mut buffer[at..sent_len]).map_err(|_| Unsent::Fault)?;
        let frame = &mut buffer[at..sent_len];
        checksums.insert(request.pkt, frame).ok_or(Unsent::Malformed)?;
        if let Some(tag) = tag {
            buffer.copy_within(TAG_LEN..TAG_LEN + 12, 0);
            buffer[12..14].copy_from_slice(&[0x81, 0x00]);
            buffer[14..16].copy_from_slice(&tag.to_be_bytes());
        }
        Ok(sent_len)
    });
    match sent {
        Ok(_) => hw.wr.eth_frames += 1,
        Err(Refused::Full) => return Ok(Outcome::Blocked(egress)),
        Err(Refused::Abandoned(Unsent::Fault)) => hw.counters.tx_dma_faults += 1,
        Err(Refused::Abandoned(Unsent::Malformed)) => return Err(Malformed),
    }
    Ok(Outcome::Taken)
}

/// Copies the bytes of a frame, which are as many as `dst` has room for.
#[inline(always)]
fn gather<M: HostMemory>(from: &Payload<'_>, mem: &M, dst: &mut [u8]) -> Result<(), DmaFault> {
    match from {
        Payload::Inline(bytes) => dst.copy_from_slice(bytes),
        Payload::Sgl(list) => {
            let mut rest = dst;
            for piece in list.iter() {
                let (now, later) = rest.split_at_mut(rest.len().min(piece.len as usize));
                mem.read(piece.iova, now)?;
                rest = later;
            }
        }
    }
    Ok(())
}

/// Which checksums the card computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksums {
    /// None: the frame is sent as it is.
    None,
    /// Of the IPv4 header, of the transport, or of both.
    Of { ip: bool, l4: Option<u8> },
    /// A kind that the model does not have.
    Unsupported,
}

impl Checksums {
    #[inline(always)]
    fn of(ctrl1: TxPktCtrl1) -> Self {
        let (ip_wanted, l4_wanted) = (!ctrl1.ipcsum_dis(), !ctrl1.l4csum_dis());
        if !ip_wanted && !l4_wanted {
            return Self::None;
        }
        // Four bits.
        let (ip_there, l4) = match TxCsum(ctrl1.csum_type() as u8) {
            TxCsum::TCPIP => (true, Some(PROTOCOL_TCP)),
            TxCsum::UDPIP => (true, Some(PROTOCOL_UDP)),
            TxCsum::TCPIP6 => (false, Some(PROTOCOL_TCP)),
            TxCsum::UDPIP6 => (false, Some(PROTOCOL_UDP)),
            TxCsum::IP => (true, None),
            _ => return Self::Unsupported,
        };
        Self::Of { ip: ip_wanted && ip_there, l4: l4.filter(|_| l4_wanted) }
    }

    /// Computes them over `frame`, whose header lengths `pkt` tells; `None` if those do not fit. What
    /// stood in the fields does not count.
    fn insert(self, pkt: &TxPkt, frame: &mut [u8]) -> Option<()> {
        let Self::Of { ip, l4 } = self else { return Some(()) };
        let ctrl1 = pkt.ctrl1();
        let ip_at = ETHER_LEN + ctrl1.ethhdr_len() as usize;
        let l4_at = ip_at + ctrl1.iphdr_len() as usize;
        if ip {
            let header = frame.get_mut(ip_at..l4_at).filter(|header| header.len() >= 20)?;
            header[10..12].fill(0);
            let sum = checksum::sum(header).checksum();
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        let Some(protocol) = l4 else { return Some(()) };
        let (src, dst, end) = addresses(frame.get(ip_at..l4_at)?)?;
        let end = ip_at.checked_add(end)?;
        let segment = frame.get_mut(l4_at..end)?;
        let field = if protocol == PROTOCOL_TCP { 16 } else { 6 };
        segment.get_mut(field..field + 2)?.fill(0);
        let len = segment.len();
        let pseudo = match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => checksum::pseudo_header_v4(
                src.octets(),
                dst.octets(),
                protocol,
                u16::try_from(len).ok()?,
            ),
            (IpAddr::V6(src), IpAddr::V6(dst)) => checksum::pseudo_header_v6(
                src.octets(),
                dst.octets(),
                protocol,
                u32::try_from(len).ok()?,
            ),
            _ => return None,
        };
        let mut sum = (pseudo + checksum::sum(segment)).checksum();
        if sum == 0 && protocol == PROTOCOL_UDP {
            // RFC 768: zero says that there is none.
            sum = 0xffff;
        }
        segment.get_mut(field..field + 2)?.copy_from_slice(&sum.to_be_bytes());
        Some(())
    }
}

/// Source, destination and length (header included) of the packet whose IP header this is.
fn addresses(header: &[u8]) -> Option<(IpAddr, IpAddr, usize)> {
    let be16 = |at: usize| Some(usize::from(u16::from_be_bytes(*header.get(at..)?.first_chunk()?)));
    match header.first()? >> 4 {
        4 => {
            let address = |at: usize| Some(IpAddr::from(*header.get(at..)?.first_chunk::<4>()?));
            Some((address(12)?, address(16)?, be16(2)?))
        }
        6 => {
            let address = |at: usize| Some(IpAddr::from(*header.get(at..)?.first_chunk::<16>()?));
            Some((address(8)?, address(24)?, 40 + be16(4)?))
        }
        _ => None,
    }
}
