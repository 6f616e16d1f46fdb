//! FW_FILTER_WR: filters by the host.

use super::settle::NOBODY;
use super::{Card, Message, Tp};
use crate::le::filters::{Action, Filter, FilterError, Masked, Match, Priority, VlanRewrite};
use crate::mishap::{ControlKind, Mishap};
use mafo_t4::cpl::{SetTcbRpl, TcbCookie};
use mafo_t4::wr::{FilterCookie, FwFilterWr};
use mafo_t4::{Ftid, L2tIdx, PortId, SmtIdx, Tid};

/// The filter asks for what this card does not do: steering by the masked hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unsupported;

impl Tp {
    /// Adds or deletes a filter and says so by a SET_TCB_RPL whose cookie tells how it ended.
    pub fn handle_filter_wr<C: Card>(&mut self, card: &mut C, wr: &FwFilterWr) {
        let ftid = wr.ftid();
        let mishap = wr.reply_to().and_then(|_| card.mishap(ControlKind::Filter));
        let is_refused = mishap == Some(Mishap::Refused);
        let mishap = mishap.filter(|_| !is_refused);
        let cookie = if wr.action().del_filter() {
            match self.le.remove_filter(ftid) {
                Some(_) => FilterCookie::FLT_DELETED,
                None => FilterCookie::EINVAL,
            }
        } else if is_refused {
            FilterCookie::EINVAL
        } else {
            match self.add_filter(ftid, wr) {
                Ok(()) => FilterCookie::FLT_ADDED,
                Err(_) => FilterCookie::EINVAL,
            }
        };
        if let Some(iq) = wr.reply_to() {
            let reply = SetTcbRpl::new(Tid(ftid.0)).with_cookie(TcbCookie(0).with_cookie(cookie.0));
            let message = Message { cpl: reply.as_bytes(), payload: &[] };
            self.core.answer_as(card, (iq, mishap), (Tid(0), NOBODY), message);
        }
    }

    /// A filter that is there already is replaced: firmware writes the entry whatever it held.
    fn add_filter(&mut self, ftid: Ftid, wr: &FwFilterWr) -> Result<(), FilterError> {
        let filter = filter_of(wr).map_err(|Unsupported| FilterError::NotInMode)?;
        match self.le.insert_filter(ftid, filter) {
            Err(FilterError::Exists) if self.le.filters().get(ftid).is_some() => {
                let before = self.le.remove_filter(ftid);
                self.le.insert_filter(ftid, filter).inspect_err(|_| {
                    // What was there stays there if the new one is wider than its place.
                    if let Some(before) = before {
                        let restored = self.le.insert_filter(ftid, before);
                        debug_assert!(restored.is_ok(), "{ftid:?} does not fit where it was");
                    }
                })
            }
            other => other,
        }
    }
}

fn filter_of(wr: &FwFilterWr) -> Result<Filter, Unsupported> {
    let action = wr.action();
    if action.maskhash() || action.dirsteerhash() {
        return Err(Unsupported);
    }
    let l2t = L2tIdx(action.l2tix() as u16);
    let what = if action.drop() {
        Action::Drop
    } else if action.lpbk() {
        Action::Switch {
            port: PortId(action.txchan() as u8),
            l2t: (action.dmac() || action.insvlan()).then_some(l2t),
            rewrite_dmac: action.dmac(),
            smac: action.smac().then(|| SmtIdx(wr.smac_sel())),
            vlan: match (action.insvlan(), action.rmvlan()) {
                (true, _) => VlanRewrite::Insert,
                (false, true) => VlanRewrite::Remove,
                (false, false) => VlanRewrite::Keep,
            },
        }
    } else {
        Action::Host { queue: wr.steers_to(), report: action.rpttid().then_some(wr.ftid().0) }
    };
    let priority =
        if action.prio() { Priority::BeforeConnections } else { Priority::AfterConnections };
    Ok(Filter { matching: match_of(wr), action: what, priority, count_hits: action.hitcnts() })
}

fn match_of(wr: &FwFilterWr) -> Match {
    let (fields, tags) = (wr.matches(), wr.frag());
    let byte = |value: u32, mask: u32| Masked { value: value as u8, mask: mask as u8 };
    let bit = |value: bool, mask: bool| Masked { value: u8::from(value), mask: u8::from(mask) };
    // The valid bit stands above the tag.
    let tag = |value: u16, mask: u16, valid: bool, valid_mask: bool| Masked {
        value: u32::from(valid) << 16 | u32::from(value),
        mask: u32::from(valid_mask) << 16 | u32::from(mask),
    };
    let v6 = wr.tid_to_iq().rqtype();
    let address = |value: [u8; 16], mask: [u8; 16]| {
        // An IPv4 address is in the first four bytes.
        let shift = if v6 { 0 } else { 96 };
        Masked {
            value: u128::from_be_bytes(value) >> shift,
            mask: u128::from_be_bytes(mask) >> shift,
        }
    };
    Match {
        v6,
        iport: byte(fields.port(), fields.portm()),
        fcoe: bit(fields.fcoe(), fields.fcoem()),
        frag: bit(tags.frag(), tags.fragm()),
        mac_index: Masked { value: fields.maci() as u16, mask: fields.macim() as u16 },
        hit_type: byte(fields.matchtype(), fields.matchtypem()),
        ethertype: Masked { value: wr.ethtype(), mask: wr.ethtypem() },
        vlan: tag(wr.ivlan(), wr.ivlanm(), tags.ivlan_vld(), tags.ivlan_vldm()),
        vnic: tag(wr.ovlan(), wr.ovlanm(), tags.ovlan_vld(), tags.ovlan_vldm()),
        tos: Masked { value: wr.ttyp(), mask: wr.ttypm() },
        protocol: Masked { value: wr.ptcl(), mask: wr.ptclm() },
        local: address(wr.lip(), wr.lipm()),
        peer: address(wr.fip(), wr.fipm()),
        local_port: Masked { value: wr.lp(), mask: wr.lpm() },
        peer_port: Masked { value: wr.fp(), mask: wr.fpm() },
    }
}
