//! L2T_WRITE_REQ and SMT_WRITE_REQ.

use mafo_t4::cpl::{
    self, L2tWriteReq, L2tWriteRpl, Opcode, OpcodeTid, SmtWriteReq, SmtWriteRpl, Status,
};
use mafo_t4::wr::Malformed;
use mafo_t4::{HostMemory, PortId, SmtIdx};

use crate::hw::Hw;
use crate::l2t::{Egress, L2tEntry, Neighbour};
use crate::mishap::{ControlKind, Mishap};
use crate::sge::Ingress;
use crate::smt::SmtEntry;

/// Writes a row of the L2 table. A row outside of the function's range, or a port that the card does
/// not have, is answered with BAD_ROUTE and changes nothing.
pub(super) fn write_l2t<M: HostMemory>(hw: &mut Hw<M>, bytes: &[u8]) -> Result<(), Malformed> {
    let request = cpl::parse::<L2tWriteReq>(bytes).ok_or(Malformed)?;
    let params = request.params();
    // Two bits.
    let port = PortId(params.port() as u8);
    let neighbour = if params.arpmiss() {
        Neighbour::Unresolved(port)
    } else if params.lpbk() {
        Neighbour::Reachable(Egress::Loopback(port))
    } else {
        Neighbour::Reachable(Egress::Wire(port))
    };
    let vlan = (request.vlan() != L2tWriteReq::VLAN_NONE).then(|| request.vlan());
    let entry = L2tEntry { dmac: request.dst_mac(), vlan, neighbour };
    let idx = request.l2t_idx();
    let first = hw.config.l2t_start.0;
    let ours = (first..first.saturating_add(hw.config.nl2t)).contains(&idx.0);
    let mishap = (!params.noreply()).then(|| hw.misfortune.draw(ControlKind::L2t)).flatten();
    let written = mishap != Some(Mishap::Refused)
        && ours
        && port.0 < hw.config.ports
        && hw.l2t.set(idx, entry);
    let status = if written { Status::NONE } else { Status::BAD_ROUTE };
    if !written {
        hw.counters.l2t_bad_writes += 1;
    }
    if !params.noreply() {
        let ot = OpcodeTid::of(Opcode::L2T_WRITE_RPL, request.ot().tid());
        let reply = L2tWriteRpl::new(request.reply_to(), 0).with_ot(ot).with_status(status);
        let (iq, message) = (request.reply_to(), Ingress::new(0, reply.as_bytes()));
        match mishap {
            Some(Mishap::Lost) => return Ok(()),
            Some(Mishap::Twice) => hw.sge.reply(iq, &message),
            Some(Mishap::Late) => {
                let late = hw.misfortune.lateness();
                hw.sge.stall(iq, late);
            }
            Some(Mishap::Refused) | None => {}
        }
        hw.sge.reply(iq, &message);
    }
    Ok(())
}

/// Writes a row, two addresses, of the source MAC table.
pub(super) fn write_smt<M: HostMemory>(hw: &mut Hw<M>, bytes: &[u8]) -> Result<(), Malformed> {
    let request = cpl::parse::<SmtWriteReq>(bytes).ok_or(Malformed)?;
    // Seven bits.
    let row = request.params().row() as u8;
    let even = SmtEntry { mac: request.src_mac0(), pfvf: request.pfvf0().0 };
    let odd = SmtEntry { mac: request.src_mac1(), pfvf: request.pfvf1().0 };
    hw.smt.set(SmtIdx(2 * row), even);
    hw.smt.set(SmtIdx(2 * row + 1), odd);
    if !request.params().norpl() {
        let ot = OpcodeTid::of(Opcode::SMT_WRITE_RPL, request.ot().tid());
        let reply = SmtWriteRpl::new(request.reply_to(), 0).with_ot(ot);
        hw.sge.reply(request.reply_to(), &Ingress::new(0, reply.as_bytes()));
    }
    Ok(())
}
