//! Received frames: interface, lookup, then TP, a filter's action, or the host by RSS.

use core::net::IpAddr;

use mafo_mem::{Frame, Nanos, checksum};
use mafo_t4::cpl::{PkType, RxErrVec, RxHdrLen, RxL2Info, RxPkt, RxPktFlags};
use mafo_t4::regs::mps::port;
use mafo_t4::regs::tp::mib::Mib;
use mafo_t4::{HostMemory, IqId, L2tIdx, PortId, SmtIdx, Tid};

use crate::bar::Direction;
use crate::frame_queue::Refused;
use crate::hw::Hw;
use crate::l2t::Egress;
use crate::le::filters::VlanRewrite;
use crate::le::headers::{PROTOCOL_TCP, PROTOCOL_UDP};
use crate::le::{self, Action, Headers};
use crate::mac::Sent;
use crate::mps::{HitType, MacHit};
use crate::rss::{HashInput, HashType};
use crate::sge::{Ingress, Tag};
use crate::tp::{Disposition, Tp};

/// First loopback port as an ingress port.
pub(crate) const LOOPBACK: u8 = 4;

/// Takes a burst of frames that came in by ingress port `iport`.
pub(crate) fn burst<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    iport: u8,
    frames: &[Frame],
) {
    for (index, frame) in frames.iter().enumerate() {
        receive(hw, tp, now, iport, index, frame.as_slice());
    }
    tp.end_of_burst(hw, now, frames);
}

/// Counts a frame from the cable of `port`; `false` if it goes no further.
#[inline(always)]
pub(crate) fn from_cable<M>(hw: &mut Hw<M>, port: PortId, frame: &[u8]) -> bool {
    if !hw.ports.get(port.index()).is_some_and(crate::mac::Port::is_up) {
        hw.counters.rx_link_down += 1;
        return false;
    }
    let Some(stats) = hw.shared.port_stats(port) else { return false };
    stats.frame(Direction::Rx, frame);
    if frame.len() > hw.config.max_frame_len {
        stats.count(port::MPS_PORT_STAT_RX_PORT_MTU_ERROR, 1);
        return false;
    }
    true
}

#[inline(always)]
fn receive<M: HostMemory>(
    hw: &mut Hw<M>,
    tp: &mut Tp,
    now: Nanos,
    iport: u8,
    index: usize,
    frame: &[u8],
) {
    if iport < LOOPBACK && !from_cable(hw, PortId(iport), frame) {
        return;
    }
    let Some(&dst) = frame.first_chunk::<6>() else {
        hw.counters.rx_bad_length += 1;
        return;
    };
    let Some(hit) = hw.mps.classify(iport, dst) else {
        hw.counters.rx_no_interface += 1;
        return;
    };
    let ingress = le::Ingress { port: iport, mac_index: hit.index, hit_type: hit.kind as u8 };
    let Some(headers) = Headers::parse(ingress, frame) else {
        hw.counters.rx_bad_length += 1;
        return;
    };
    match tp.handle_frame(hw, now, index, frame, &headers) {
        Disposition::Consumed => {}
        Disposition::Act(action) => hw.act(action, frame, &headers, hit),
        Disposition::Unmatched => {
            hw.hand_to_host(frame, &headers, hit, None, None);
            if dst[0] & 1 != 0 {
                replicate(hw, frame, &headers, hit);
            }
        }
    }
}

/// A group frame goes to every interface of its port that wants it.
fn replicate<M: HostMemory>(hw: &mut Hw<M>, frame: &[u8], headers: &Headers, first: MacHit) {
    let Some(&dst) = frame.first_chunk::<6>() else { return };
    let also: Vec<MacHit> = hw.mps.also_take(headers.ingress.port, dst, first.vin).collect();
    for hit in also {
        hw.packet_to_host(frame, headers, hit, None, None);
    }
}

impl<M: HostMemory> Hw<M> {
    /// Does with a frame what a filter, or a connection that is not offloaded, says.
    pub(crate) fn act(&mut self, action: Action, frame: &[u8], headers: &Headers, hit: MacHit) {
        match action {
            Action::Drop => self.counters.rx_filter_dropped += 1,
            Action::Host { queue, report } => {
                self.packet_to_host(frame, headers, hit, queue, Some(report));
            }
            Action::Switch { port, l2t, rewrite_dmac, smac, vlan } => {
                let rewrite = Rewrite { l2t, dmac: rewrite_dmac, smac, vlan };
                match self.switch(Egress::Wire(port), frame, headers, rewrite) {
                    Some(()) => self.counters.rx_switched += 1,
                    None => self.counters.rx_switch_dropped += 1,
                }
            }
        }
    }

    /// Where RSS sends a packet of interface `vin`, and by what hash.
    #[inline(always)]
    fn rss_queue(&self, vin: u8, headers: &Headers) -> (Option<IqId>, HashType, u32) {
        let Some(vi) = self.mps.vi(vin) else { return (None, HashType::None, 0) };
        let (kind, hash) = match &headers.ip {
            Some(ip) => {
                let ports = headers.ports.map(|(dport, sport)| (sport, dport));
                let is_tcp = ip.protocol == PROTOCOL_TCP;
                let input = HashInput { src: ip.peer, dst: ip.local, ports, is_tcp };
                self.rss.hash(vi.rss.fields, &input)
            }
            None => (HashType::None, 0),
        };
        let mapped = (kind != HashType::None && vi.rss.size > 0)
            .then(|| self.rss.entry(vi.rss.start + place(hash, vi.rss.size)))
            .flatten();
        (mapped.or(vi.rss.default_queue), kind, hash)
    }

    /// Where RSS sends a frame, looked at anew: for the few that go there by way of TP.
    pub(crate) fn queue_by_rss(&self, frame: &[u8], headers: &Headers) -> Option<IqId> {
        let &dst = frame.first_chunk::<6>()?;
        let hit = self.mps.classify(headers.ingress.port, dst)?;
        self.rss_queue(hit.vin, headers).0
    }

    /// Hands a packet to the host as RX_PKT: to `queue`, else by RSS. `filter` is set when a filter or a
    /// connection was hit, and then whether it is to be named. Without credit or buffer it is lost, as it
    /// is when silicon's buffers overflow behind a stalled queue.
    pub(crate) fn packet_to_host(
        &mut self,
        frame: &[u8],
        headers: &Headers,
        hit: MacHit,
        queue: Option<IqId>,
        filter: Option<Option<u32>>,
    ) {
        self.hand_to_host(frame, headers, hit, queue, filter);
    }

    #[inline(always)]
    fn hand_to_host(
        &mut self,
        frame: &[u8],
        headers: &Headers,
        hit: MacHit,
        queue: Option<IqId>,
        filter: Option<Option<u32>>,
    ) {
        let (iq, tag) = match (queue, filter) {
            // The tid stands in place of the hash, so there is nothing to compute.
            (Some(iq), Some(Some(tid))) => (Some(iq), Tag::Hit(Tid(tid))),
            _ => {
                let (by_rss, kind, hash) = self.rss_queue(hit.vin, headers);
                let tag = match filter {
                    None => Tag::Hash(kind, hash),
                    Some(None) => Tag::Filter(kind, hash),
                    Some(Some(tid)) => Tag::Hit(Tid(tid)),
                };
                (queue.or(by_rss), tag)
            }
        };
        let Some(iq) = iq else {
            self.counters.rx_no_queue += 1;
            return;
        };
        let channel = headers.ingress.port & 3;
        let packet = rx_pkt(frame, headers, hit);
        let payload: &[&[u8]] = &[frame];
        let ipv6 = headers.ip.is_some_and(|ip| ip.peer.is_ipv6());
        let message = Ingress { channel, tag, ipv6, cpl: packet.as_bytes(), payload };
        if self.sge.post(iq, &message).is_err() {
            self.counters.rx_packets_stalled += 1;
            self.mib().add(Mib::TNL_CNG_DROP_0.channel(u32::from(channel)), 1);
            self.shared.buffer_groups.drop(channel, headers.ingress.port >= LOOPBACK);
        }
    }

    /// Sends a frame on with what a filter changes of it; `None` if it could not.
    fn switch(
        &mut self,
        to: Egress,
        frame: &[u8],
        headers: &Headers,
        rewrite: Rewrite,
    ) -> Option<()> {
        let next_hop = match rewrite.l2t {
            Some(idx) => Some(*self.l2t.get(idx)?),
            None => None,
        };
        let tag = match rewrite.vlan {
            VlanRewrite::Keep => headers.vlan,
            VlanRewrite::Remove => None,
            VlanRewrite::Insert => next_hop.and_then(|hop| hop.vlan),
        };
        let dmac = next_hop.filter(|_| rewrite.dmac).map(|hop| hop.dmac);
        let smac = rewrite.smac.map(|smac| self.smt.mac(smac));
        let body = if headers.vlan.is_some() { 16 } else { 12 };
        let (addresses, rest) = (frame.get(..12)?, frame.get(body..)?);
        let tag_len = if tag.is_some() { 4 } else { 0 };
        let len = addresses.len() + tag_len + rest.len();
        let sent = self.send(to, |buffer, _| {
            let out = buffer.get_mut(..len).ok_or(())?;
            out[..12].copy_from_slice(addresses);
            if let Some(dmac) = dmac {
                out[..6].copy_from_slice(&dmac);
            }
            if let Some(smac) = smac {
                out[6..12].copy_from_slice(&smac);
            }
            if let Some(tag) = tag {
                out[12..14].copy_from_slice(&[0x81, 0x00]);
                out[14..16].copy_from_slice(&tag.to_be_bytes());
            }
            out[12 + tag_len..].copy_from_slice(rest);
            Ok(len)
        });
        match sent {
            Ok(Sent::Queued | Sent::Dropped) => Some(()),
            Err(Refused::Full | Refused::Abandoned(())) => None,
        }
    }
}

/// Where in a slice of `size` entries a hash leads: sizes are powers of two, and others no reason to fail.
#[inline]
fn place(hash: u32, size: usize) -> usize {
    let hash = hash as usize;
    if size.is_power_of_two() { hash & (size - 1) } else { hash % size }
}

/// What a filter changes of a frame that it sends on.
#[derive(Clone, Copy, Debug)]
struct Rewrite {
    l2t: Option<L2tIdx>,
    dmac: bool,
    smac: Option<SmtIdx>,
    vlan: VlanRewrite,
}

/// What the parser tells the host of a frame.
#[inline(always)]
fn rx_pkt(frame: &[u8], headers: &Headers, hit: MacHit) -> RxPkt {
    let kind = match hit.kind {
        HitType::ExactUnicast => PkType::XACT_UCAST,
        HitType::HashedUnicast => PkType::HASH_UCAST,
        HitType::ExactMulticast => PkType::XACT_MCAST,
        HitType::HashedMulticast | HitType::AllMulticast => PkType::HASH_MCAST,
        HitType::Promiscuous => PkType::PROMISC,
        HitType::Broadcast => PkType::BCAST,
    };
    let iport = headers.ingress.port;
    let mut l2info = RxL2Info(0)
        .with_chan(u32::from(iport & 3))
        .with_pktype(u32::from(kind.0))
        .with_macidx(u32::from(hit.index.unwrap_or(0)));
    let mut flags = RxPktFlags(0).with_iff(iport);
    let mut hdr_len = RxHdrLen(0);
    let mut err_vec = RxErrVec(0);
    let mut csum = 0;
    if let Some(ip) = &headers.ip {
        let v6 = ip.peer.is_ipv6();
        let ip_len = (ip.payload - ip.start).min(RxHdrLen::IP_MASK as usize >> 6);
        l2info = l2info.with_ethhdr_len((ip.start as u32).min(0x3f)).with_ip(!v6).with_ip6(v6);
        hdr_len = hdr_len.with_ip(ip_len as u16);
        flags = flags.with_ip_frag(ip.fragment);
        if headers.ports.is_some() {
            let tcp = ip.protocol == PROTOCOL_TCP;
            l2info = l2info
                .with_tcp(tcp)
                .with_udp(!tcp)
                .with_syn(headers.tcp_flags & 0x02 != 0)
                .with_psh(headers.tcp_flags & 0x08 != 0);
            if tcp {
                let words = frame.get(ip.payload + 12).map_or(0, |byte| byte >> 4);
                hdr_len = hdr_len.with_tcp(u16::from(words) * 4);
            }
        }
        if !v6 && !ip_checksum_is_valid(&frame[ip.start..ip.payload]) {
            err_vec = err_vec.with_ipcsum(true).with_any(true);
        } else if headers.ports.is_some() {
            flags = flags.with_csum_calc(true);
            if l4_checksum_is_valid(frame, ip) {
                csum = 0xffff;
            } else {
                err_vec = err_vec.with_csum(true).with_any(true);
            }
        }
    }
    RxPkt::new()
        .with_flags(flags)
        .with_csum(csum)
        .with_len(frame.len() as u16)
        .with_l2info(l2info)
        .with_hdr_len(hdr_len)
        .with_err_vec(err_vec)
}

/// Whether the header is undamaged; nearly all have no options.
#[inline(always)]
fn ip_checksum_is_valid(header: &[u8]) -> bool {
    match <&[u8; 20]>::try_from(header) {
        Ok(plain) => checksum::sum(plain).is_valid(),
        Err(_) => checksum::sum(header).is_valid(),
    }
}

#[inline(always)]
fn l4_checksum_is_valid(frame: &[u8], ip: &le::headers::Ip) -> bool {
    let segment = &frame[ip.payload..ip.end];
    let len = segment.len();
    // RFC 768: a sender of UDP over IPv4 may leave the checksum out.
    if ip.protocol == PROTOCOL_UDP && ip.peer.is_ipv4() && segment.get(6..8) == Some(&[0, 0]) {
        return true;
    }
    let pseudo = match (ip.peer, ip.local) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            checksum::pseudo_header_v4(src.octets(), dst.octets(), ip.protocol, len as u16)
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            checksum::pseudo_header_v6(src.octets(), dst.octets(), ip.protocol, len as u32)
        }
        _ => return false,
    };
    (pseudo + checksum::sum(segment)).is_valid()
}
