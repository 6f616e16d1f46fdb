//! FW_VI, FW_VI_MAC, FW_VI_RXMODE, FW_VI_ENABLE: virtual interfaces.

use mafo_t4::fw::{
    Command, Header, MacEntry, MacEntryWord, Retval, RxMode, ViCmd, ViEnableCmd, ViIdWord,
    ViMacCmd, ViMacHashCmd, ViMacLo, ViRss, ViRxModeCmd, Viid,
};
use mafo_t4::{HostMemory, PortId, SmtIdx};

use super::{Ctx, Firmware, answer, failed, replied};
use crate::bar::Mail;
use crate::hw::Hw;
use crate::mps::{self, Vi, ViRss as RssSettings};
use crate::rss::RSS_ENTRIES;
use crate::smt::SmtEntry;

/// Entries of the RSS table that an interface gets.
const SLICE: usize = 64;
/// Slices there are.
const SLICES: usize = RSS_ENTRIES / SLICE;
/// MTU of a new interface.
const MTU: u16 = 1500;

/// Number of the interface that `viid` names.
pub(super) fn vin_of<M>(hw: &Hw<M>, viid: Viid) -> Result<u8, Retval> {
    // Seven bits.
    let vin = viid.vin() as u8;
    let ours = viid.vivld() && viid.pfn() == u16::from(hw.config.pf);
    if ours && hw.mps.vi(vin).is_some() { Ok(vin) } else { Err(Retval::ENOENT) }
}

/// The MAC address of interface `vin`: the card's first one and `vin` more.
fn mac_of(base: [u8; 6], vin: u8, first: u8) -> [u8; 6] {
    let [a, b, c, d, e, f] = base;
    let low = u32::from_be_bytes([c, d, e, f]).wrapping_add(u32::from(vin.wrapping_sub(first)));
    let [c, d, e, f] = low.to_be_bytes();
    [a, b, c, d, e, f]
}

impl Firmware {
    pub(super) fn vi<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: ViCmd,
    ) -> Result<ViCmd, Retval> {
        self.initialized()?;
        match (cmd.lo().alloc(), cmd.lo().free()) {
            (true, false) => self.alloc_vi(ctx, cmd),
            (false, true) => {
                let vin = vin_of(ctx.hw, cmd.viid())?;
                self.free_vi(ctx, vin);
                Ok(cmd)
            }
            _ => Err(Retval::EINVAL),
        }
    }

    fn alloc_vi<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: ViCmd,
    ) -> Result<ViCmd, Retval> {
        let hw = &mut *ctx.hw;
        let port = PortId(cmd.portid().portid());
        // One address an interface; NMAC counts further ones.
        if port.0 >= hw.config.ports || cmd.nmac() != 0 {
            return Err(Retval::EINVAL);
        }
        let slice = (!self.rss_slices).trailing_zeros() as usize;
        let rss = if slice < SLICES {
            RssSettings { start: slice * SLICE, size: SLICE, ..RssSettings::default() }
        } else {
            RssSettings::default()
        };
        let vi = Vi {
            port,
            mac: [0; 6],
            mtu: MTU,
            rx_enabled: false,
            tx_enabled: false,
            mode: mps::RxMode::default(),
            rss,
        };
        let first = hw.config.vin_start;
        let vin = hw.mps.add_vi(first, vi).ok_or(Retval::ENOSPC)?;
        if rss.size > 0 {
            self.rss_slices |= 1 << slice;
        }
        let mac = mac_of(hw.config.mac_base, vin, first);
        if let Some(vi) = hw.mps.vi_mut(vin) {
            vi.mac = mac;
        }
        let viid =
            Viid(0).with_pfn(u16::from(hw.config.pf)).with_vivld(true).with_vin(u16::from(vin));
        Ok(cmd
            .with_type_viid(ViIdWord(0).with_viid(viid.0))
            .with_mac(mac)
            .with_rss(ViRss(0).with_norss(rss.size == 0).with_rsssize(rss.size as u16)))
    }

    pub(super) fn free_vi<M: HostMemory>(&mut self, ctx: &mut Ctx<'_, M>, vin: u8) {
        let hw = &mut *ctx.hw;
        let Some(vi) = hw.mps.vi(vin) else { return };
        if vi.rss.size > 0 {
            let (start, size) = (vi.rss.start, vi.rss.size);
            self.rss_slices &= !(1 << (start / SLICE));
            for index in start..start + size {
                hw.set_rss_entry(index, None);
            }
        }
        let shared = std::sync::Arc::clone(&hw.shared);
        hw.mps.remove_vi(vin, &shared);
    }

    /// Exact addresses, or the hash of inexact ones. The command may be shorter than its structure.
    pub(super) fn vi_mac<M: HostMemory>(ctx: &mut Ctx<'_, M>, mail: &Mail) -> Mail {
        let Some(header) = Header::parse(mail) else { return *mail };
        let lo = ViMacLo(header.lo().0);
        match lo.entry_type() {
            ViMacLo::EXACT => {
                let Some(mut cmd) = ViMacCmd::read(mail) else {
                    return failed(mail, Retval::EINVAL);
                };
                match exact(ctx, &mut cmd) {
                    Ok(()) => replied(mail, cmd.with_retval(Retval::SUCCESS)),
                    Err(retval) => failed(mail, retval),
                }
            }
            ViMacLo::HASH => answer(mail, |cmd: ViMacHashCmd| {
                let vin = vin_of(ctx.hw, cmd.hi().viid())?;
                let vi = ctx.hw.mps.vi_mut(vin).ok_or(Retval::ENOENT)?;
                if cmd.lo().hashunien() {
                    vi.mode.unicast_hash = cmd.hashvec();
                } else {
                    vi.mode.multicast_hash = cmd.hashvec();
                }
                Ok(cmd)
            }),
            _ => failed(mail, Retval::EINVAL),
        }
    }

    pub(super) fn vi_rxmode<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: ViRxModeCmd,
    ) -> Result<ViRxModeCmd, Retval> {
        let vin = vin_of(ctx.hw, cmd.hi().viid())?;
        let largest = ctx.hw.config.max_frame_len;
        let mode = cmd.mode();
        if mode.mtu() != RxMode::KEEP_MTU {
            // Room for the Ethernet header.
            if mode.mtu() as usize + 14 > largest {
                return Err(Retval::EINVAL);
            }
            ctx.hw.mps.set_mtu(vin, mode.mtu() as u16);
        }
        let vi = ctx.hw.mps.vi_mut(vin).ok_or(Retval::ENOENT)?;
        let set = |field: u32, value: &mut bool| {
            if field != RxMode::KEEP {
                *value = field == 1;
            }
        };
        set(mode.promiscen(), &mut vi.mode.promiscuous);
        set(mode.allmultien(), &mut vi.mode.all_multicast);
        set(mode.broadcasten(), &mut vi.mode.broadcast);
        Ok(cmd)
    }

    /// Switches the directions of an interface; whoever switches it on is told the state of its port.
    pub(super) fn vi_enable<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: ViEnableCmd,
    ) -> Result<ViEnableCmd, Retval> {
        let vin = vin_of(ctx.hw, cmd.hi().viid())?;
        let vi = ctx.hw.mps.vi_mut(vin).ok_or(Retval::ENOENT)?;
        if cmd.lo().led() {
            // There is no light.
            return Ok(cmd);
        }
        vi.rx_enabled = cmd.lo().ien();
        vi.tx_enabled = cmd.lo().een();
        if vi.rx_enabled || vi.tx_enabled {
            let port = vi.port;
            self.link_changed(port);
        }
        Ok(cmd)
    }
}

fn exact<M: HostMemory>(ctx: &mut Ctx<'_, M>, cmd: &mut ViMacCmd) -> Result<(), Retval> {
    let hw = &mut *ctx.hw;
    let vin = vin_of(hw, cmd.hi().viid())?;
    let shared = std::sync::Arc::clone(&hw.shared);
    if cmd.lo().freemacs() {
        while let Some(index) = hw.mps.first_mac(vin) {
            hw.mps.remove_mac(vin, index, &shared);
        }
    }
    for entry in cmd.entries_mut() {
        let word = entry.word();
        if !word.valid() {
            continue;
        }
        let mac = entry.macaddr();
        let freeing = matches!(word.idx(), MacEntryWord::FREE_BY_MAC | MacEntryWord::FREE_BY_ID);
        if !freeing && mac[0] & 1 != 0 && word.smac_result() != MacEntryWord::MPS_TCAM_ENTRY {
            return Err(Retval::EINVAL);
        }
        if word.smac_result() != MacEntryWord::SMT_ONLY {
            let index = place(hw, vin, word.idx(), mac, &shared)?;
            *entry = MacEntry::new(index, word.smac_result(), mac).with_word(word.with_idx(index));
        }
        if !freeing
            && matches!(word.smac_result(), MacEntryWord::SMT_ONLY | MacEntryWord::SMT_AND_MPSTCAM)
        {
            // An interface owns the two entries of its row and sends from the first.
            let pfvf = u16::from(hw.config.pf) << 8;
            hw.smt.set(SmtIdx(vin << 1), SmtEntry { mac, pfvf });
        }
    }
    Ok(())
}

/// Adds, changes or frees one address; its place in the MAC table, or where it was.
fn place<M>(
    hw: &mut Hw<M>,
    vin: u8,
    idx: u16,
    mac: [u8; 6],
    shared: &crate::bar::BarShared,
) -> Result<u16, Retval> {
    match idx {
        MacEntryWord::ADD | MacEntryWord::ADD_PERSIST => {
            // A full table is told by a place that does not exist; the driver falls back to the hash.
            Ok(hw.mps.add_mac(vin, mac, shared).unwrap_or(MacEntryWord::ADD))
        }
        MacEntryWord::FREE_BY_MAC => {
            let index = hw.mps.find_mac(vin, mac).ok_or(Retval::ENOENT)?;
            hw.mps.remove_mac(vin, index, shared);
            Ok(index)
        }
        MacEntryWord::FREE_BY_ID => Err(Retval::EINVAL),
        index if hw.mps.set_mac(vin, index, mac, shared) => Ok(index),
        _ => Err(Retval::EINVAL),
    }
}
