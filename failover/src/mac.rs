//! Whose station address the bond has, and who sends with it (`fail_over_mac`).
//!
//! | policy | the bond's address | on the card of the active link | the peer is told |
//! |---|---|---|---|
//! | none | its own, received by every link | nothing changes | that it is elsewhere, which is for the switch |
//! | active | the active link's own | rows of the source MAC table | another address: until it knows, it sends to the old one |
//! | follow | its own, received by the active link alone | the same rows; the MAC table of MPS, by its firmware | that it is elsewhere |
//!
//! A link that is not active never sends with the bond's address: what its card says for a connection goes through the
//! tunnel, which writes both addresses of a frame. Into a card a frame goes with the card's own address, which no policy
//! takes away.

use mafo_stack::packet::ETHERNET_HEADER;
use mafo_stack::{Core, Mac};

use crate::bond::{Bond, LinkId};
use crate::config::FailOverMac;

/// A link's own address, which it always receives.
pub(crate) fn own_mac(core: &Core, link: LinkId) -> Option<Mac> {
    let Some(member) = core.member(link.member) else {
        return core.plain_port(link.member).map(|(mac, _)| mac);
    };
    let resources = member.lcore.resources();
    resources.port(link.port).map(|port| port.mac)
}

/// Makes `mac` a frame's destination.
pub(crate) fn readdress(frame: &mut [u8], mac: Mac) {
    if frame.len() >= ETHERNET_HEADER {
        frame[..6].copy_from_slice(&mac);
    }
}

impl Bond {
    /// Whether every link receives frames for the bond's address.
    pub(crate) fn has_mac_everywhere(&self) -> bool {
        self.config.fail_over_mac == FailOverMac::None
    }

    /// `to` is active now: the bond's address is on it, as the policy says.
    pub(crate) fn take_mac(&mut self, core: &mut Core, to: LinkId) {
        if self.has_mac_everywhere() {
            return;
        }
        if self.config.fail_over_mac == FailOverMac::Active
            && let Some(own) = own_mac(core, to)
        {
            core.set_mac(own);
        }
        self.write_sources(core);
    }

    /// All that the active adapter sends, by whatever port its connections were opened, comes from the bond's address.
    pub(crate) fn write_sources(&mut self, core: &mut Core) {
        let (Some(active), mac) = (self.active, core.mac()) else { return };
        self.sources_pending = false;
        for link in self.links.iter().filter(|link| link.id.member == active.member) {
            let Some(member) = core.member_mut(link.id.member) else { continue };
            if member.write_source(link.id.port, mac).is_err() {
                self.sources_pending = true;
                self.counters.ring_full += 1;
            }
        }
    }
}
