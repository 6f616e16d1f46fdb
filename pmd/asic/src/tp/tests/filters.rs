//! Filters by work request, and as the TCBs that they are.

use super::rig::*;
use crate::le::Action;
use crate::le::filters::{Masked, Match};
use crate::tp::Disposition;
use mafo_t4::cpl::{self, ReplyCtrl};
use mafo_t4::tcb::{TFlags, field};
use mafo_t4::wr::{FilterAction, FilterFrag, FilterMatch, FilterTid, FwFilterWr};
use mafo_t4::{Ftid, IqId, L2tIdx, PortId, SmtIdx, Tid};
use mafo_tcp::Flags;

const ACK: Flags = Flags::ACK;

fn wr(ftid: u32) -> FwFilterWr {
    FwFilterWr::new(Ftid(ftid), CTRL_IQ)
}

impl Rig {
    fn filter(&mut self, wr: &FwFilterWr) {
        self.tp.handle_filter_wr(&mut self.host, wr);
    }
}

#[test]
fn filters_come_and_go_with_an_answer_each() {
    let mut rig = Rig::new();
    rig.filter(&wr(100).steer_to(IqId(9)));
    rig.filter(&wr(100).with_action(FilterAction(0).with_rpttid(true)));
    rig.filter(&wr(99));
    rig.filter(&wr(101).with_ttyp(1).with_ttypm(0xff));
    rig.filter(&wr(101).with_action(FilterAction(0).with_maskhash(true)));
    rig.filter(&FwFilterWr::delete(Ftid(100), CTRL_IQ));
    rig.filter(&FwFilterWr::delete(Ftid(100), CTRL_IQ));
    rig.filter(&wr(100).with_tid_to_iq(FilterTid(0).with_tid(100).with_noreply(true)));
    // Cookies 1 added, 2 deleted, 4 invalid, in bits 7:5.
    rig.expect(&[
        "iq6 SET_TCB_RPL tid 100 cookie 0x20 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 100 cookie 0x20 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 99 cookie 0x80 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 101 cookie 0x80 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 101 cookie 0x80 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 100 cookie 0x40 status 0 old 0x0",
        "iq6 SET_TCB_RPL tid 100 cookie 0x80 status 0 old 0x0",
    ]);
    assert_eq!(rig.tp.le.filters().len(), 1);
}

#[test]
fn a_filter_that_is_replaced_in_vain_stays() {
    let mut rig = Rig::new();
    rig.filter(&wr(100).with_action(FilterAction(0).with_drop(true)));
    rig.filter(&wr(101));
    // As an IPv6 filter it would need 100 to 103.
    rig.filter(&wr(100).with_tid_to_iq(FilterTid(0).with_tid(100).with_rqtype(true)));
    let kept = rig.tp.le.filters().get(Ftid(100)).map(|(filter, _)| filter.action);
    assert_eq!(kept, Some(Action::Drop));
    assert!(rig.log()[2].contains("cookie 0x80"));
}

#[test]
fn every_field_of_the_work_request_is_matched() {
    let mut rig = Rig::new();
    let request = wr(100)
        .with_ethtype(0)
        .with_frag(
            FilterFrag(0)
                .with_frag(true)
                .with_fragm(true)
                .with_ivlan_vld(true)
                .with_ivlan_vldm(true),
        )
        .with_matches(
            FilterMatch(0)
                .with_fcoe(true)
                .with_fcoem(true)
                .with_port(5)
                .with_portm(7)
                .with_matchtype(2)
                .with_matchtypem(6),
        )
        .with_ptcl(6)
        .with_ptclm(0xff)
        .with_ivlan(0x123)
        .with_ivlanm(0xfff)
        .with_lip([10, 77, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .with_lipm([255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .with_fip([10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .with_fipm([255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .with_lp(7)
        .with_lpm(0xffff)
        .with_fp(0x1230)
        .with_fpm(0xfff0);
    rig.filter(&request);
    let expected = Match {
        v6: false,
        iport: Masked { value: 5, mask: 7 },
        fcoe: Masked { value: 1, mask: 1 },
        frag: Masked { value: 1, mask: 1 },
        mac_index: Masked { value: 0, mask: 0 },
        hit_type: Masked { value: 2, mask: 6 },
        ethertype: Masked { value: 0, mask: 0 },
        vlan: Masked { value: 0x1_0123, mask: 0x1_0fff },
        vnic: Masked { value: 0, mask: 0 },
        tos: Masked { value: 0, mask: 0 },
        protocol: Masked { value: 6, mask: 0xff },
        local: Masked { value: 0x0a4d_0002, mask: 0xffff_ff00 },
        peer: Masked { value: 0x0a4d_0001, mask: 0xffff_ffff },
        local_port: Masked { value: 7, mask: 0xffff },
        peer_port: Masked { value: 0x1230, mask: 0xfff0 },
    };
    let filter = rig.tp.le.filters().get(Ftid(100)).map(|(filter, _)| filter.matching);
    assert_eq!(filter, Some(expected));
}

#[test]
fn actions_of_the_work_request() {
    let action = |request: FwFilterWr| {
        let mut rig = Rig::new();
        rig.filter(&request);
        rig.seg(peer(ACK, 1, 1))
    };
    let act = |action| Disposition::Act(action);
    assert_eq!(action(wr(100)), act(Action::Host { queue: None, report: None }));
    let report = wr(100).with_action(FilterAction(0).with_rpttid(true));
    assert_eq!(
        action(report.steer_to(IqId(9))),
        act(Action::Host { queue: Some(IqId(9)), report: Some(100) })
    );
    assert_eq!(action(wr(100).with_action(FilterAction(0).with_drop(true))), act(Action::Drop));
    let switch = FilterAction(0)
        .with_lpbk(true)
        .with_txchan(2)
        .with_dmac(true)
        .with_smac(true)
        .with_l2tix(77);
    assert_eq!(
        action(wr(100).with_action(switch).with_smac_sel(5)),
        act(Action::Switch {
            port: PortId(2),
            l2t: Some(L2tIdx(77)),
            rewrite_dmac: true,
            smac: Some(SmtIdx(5)),
            vlan: crate::le::filters::VlanRewrite::Keep,
        })
    );
}

#[test]
fn priority_decides_against_a_connection() {
    for (prio, expected) in [(true, Disposition::Act(Action::Drop)), (false, Disposition::Consumed)]
    {
        let (mut rig, _) = Rig::opened();
        rig.filter(&wr(100).with_action(FilterAction(0).with_drop(true).with_prio(prio)));
        assert_eq!(rig.seg(peer(ACK, IRS + 1, ISS + 1)), expected, "PRIO {prio}");
    }
}

#[test]
fn a_filter_is_a_tcb() {
    let mut rig = Rig::new();
    let counting = FilterAction(0).with_hitcnts(true).with_rpttid(true);
    rig.filter(&wr(100).with_action(counting).steer_to(IqId(9)));
    rig.seg(peer(ACK, 1, 1));
    rig.seg(peer(ACK, 1, 1).len(100));
    rig.skip();
    let ask = cpl::GetTcb::new(Tid(100)).with_reply_ctrl(ReplyCtrl::to(CTRL_IQ));
    rig.cpl(ask.as_bytes());
    rig.expect(&["iq6 GET_TCB_RPL tid 100"]);
    let image = image_in(rig.last(cpl::Opcode::GET_TCB_RPL));
    assert_eq!((image.word(5), image.read64(6)), (2, 208), "frames and bytes");
    assert_eq!((image.get(field::T_FLAGS), image.iq_id()), (1 << 21 | 1 << 23, IqId(9)));

    // Counters are cleared and the action is changed by SET_TCB_FIELD.
    rig.cpl(cpl::SetTcbField::at(Tid(100), 5, u64::MAX, 0).as_bytes());
    let drop = TFlags(1 << 22).0;
    let set = cpl::SetTcbField::at(Tid(100), 1, drop, drop).with_reply_ctrl(ReplyCtrl::to(CTRL_IQ));
    rig.skip();
    rig.cpl(set.as_bytes());
    rig.expect(&["iq6 SET_TCB_RPL tid 100 cookie 0x1 status 0 old 0xa00000"]);
    assert_eq!(rig.seg(peer(ACK, 1, 1)), Disposition::Act(Action::Drop));
    rig.cpl(ask.as_bytes());
    let image = image_in(rig.last(cpl::Opcode::GET_TCB_RPL));
    assert_eq!((image.word(5), image.word(6)), (1, 54));
}
