//! Ports: their state, our virtual interface on each, RSS, MAC address, start.

use mafo_mem::Nanos;
use mafo_mem::rss::Indirection;
use mafo_t4::cpl::{Opcode, TxPkt, TxPktCtrl0};
use mafo_t4::fw::{
    Access, Caps16, Command, MacEntry, MacEntryWord, PortInfoCmd, PortL1CfgCmd, RssIndTblCmd,
    RssViConfigCmd, RssViFlags, RxMode, ViCmd, ViEnableCmd, ViMacCmd, ViRxModeCmd,
};
use mafo_t4::{IqId, PortId, SmtIdx};

use super::bringup::read;
use super::close::Undo;
use super::task::{Started, Task};
use super::{Adapter, AdapterError, Port, PortResources};
use crate::fw::Reply;

/// Entries of the RSS table that a virtual interface has at most.
const RSS_SLICE_MAX: u16 = 2048;

impl Adapter {
    pub(super) fn ask_port(&mut self, now: Nanos, index: usize) -> Result<Started, AdapterError> {
        let port = self.draft.ports[index];
        Ok(self.submit(now, &PortInfoCmd::to(Access::Read, port)))
    }

    pub(super) fn on_port_info(&mut self, index: usize, reply: &Reply) -> Result<(), AdapterError> {
        let link = read::<PortInfoCmd>(reply).state();
        let resources = PortResources {
            port: self.draft.ports[index],
            viid: mafo_t4::fw::Viid(0),
            mac: [0; 6],
            smt: SmtIdx(0),
            mps: 0,
            rss_entries: 0,
        };
        debug_assert_eq!(self.ports.len(), index);
        self.ports.push(Port { resources, link, untold: 0 });
        Ok(())
    }

    pub(super) fn alloc_vi(&mut self, now: Nanos, index: usize) -> Result<Started, AdapterError> {
        let port = self.draft.ports[index];
        Ok(self.submit(now, &ViCmd::alloc(self.draft.pf, port, 1)))
    }

    pub(super) fn on_vi(&mut self, index: usize, reply: &Reply) -> Result<(), AdapterError> {
        let vi = read::<ViCmd>(reply);
        self.note_allocated(Undo::Vi(vi.viid()), Vec::new());
        let rss_entries = vi.rss().rsssize();
        let wrong = |what, value: u16| AdapterError::BadReply {
            command: mafo_t4::fw::Opcode::VI,
            what,
            value: value.into(),
        };
        if rss_entries == 0 || rss_entries > RSS_SLICE_MAX {
            return Err(wrong("RSSSIZE", rss_entries));
        }
        let resources = &mut self.ports[index].resources;
        resources.viid = vi.viid();
        resources.mac = vi.mac();
        resources.rss_entries = rss_entries;
        // A virtual interface has two entries of the source MAC table; seven bits of VIN make it fit.
        resources.smt = SmtIdx((vi.viid().vin() as u8) << 1);
        Ok(())
    }

    /// Frames that no connection takes spread over the lcores.
    pub(super) fn write_rss_table(
        &mut self,
        now: Nanos,
        index: usize,
        start: u16,
    ) -> Result<Started, AdapterError> {
        let resources = &self.ports[index].resources;
        let count = usize::from(resources.rss_entries - start).min(RssIndTblCmd::MAX);
        let lcores = self.ingress_ids();
        // As everybody else who asks whose a connection is: by the lowest bits of its hash.
        let indirection = Indirection::even(lcores.len());
        let queues: Vec<IqId> = (u32::from(start)..)
            .take(count)
            .map(|entry| lcores[indirection.lcore(entry)])
            .collect();
        let command = RssIndTblCmd::write(resources.viid, start, &queues);
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_rss_table(&mut self, index: usize, start: u16) -> Result<(), AdapterError> {
        let next = start + RssIndTblCmd::MAX as u16;
        if next < self.ports[index].resources.rss_entries {
            self.tasks.push_front(Task::RssTable { port: index, start: next });
        }
        Ok(())
    }

    pub(super) fn configure_rss(
        &mut self,
        now: Nanos,
        index: usize,
    ) -> Result<Started, AdapterError> {
        let first = self.ingress_ids().first().map_or(0, |queue| queue.0.into());
        let flags = RssViFlags(0)
            .with_defaultq(first)
            .with_ip4fourtupen(true)
            .with_ip4twotupen(true)
            .with_ip6fourtupen(true)
            .with_ip6twotupen(true);
        let command = RssViConfigCmd::request(Access::Write)
            .of_vi(self.ports[index].resources.viid)
            .with_flags(flags);
        Ok(self.submit(now, &command))
    }

    pub(super) fn set_rx_mode(
        &mut self,
        now: Nanos,
        index: usize,
    ) -> Result<Started, AdapterError> {
        // Frames for us and broadcasts, tags left where they are.
        let mode = RxMode(0).with_mtu(self.config.mtu.into()).with_broadcasten(1);
        let command = ViRxModeCmd::request(Access::Write)
            .of_vi(self.ports[index].resources.viid)
            .with_mode(mode);
        Ok(self.submit(now, &command))
    }

    /// The station address into the MAC table and the source MAC table.
    pub(super) fn add_own_mac(
        &mut self,
        now: Nanos,
        index: usize,
    ) -> Result<Started, AdapterError> {
        let resources = &self.ports[index].resources;
        let both = MacEntryWord::SMT_AND_MPSTCAM;
        let entry = MacEntry::new(MacEntryWord::ADD_PERSIST, both, resources.mac);
        let command = ViMacCmd::write(resources.viid, &[entry]);
        Ok(self.submit(now, &command))
    }

    pub(super) fn on_own_mac(&mut self, index: usize, reply: &Reply) -> Result<(), AdapterError> {
        self.ports[index].resources.mps = mps_index(reply, self.config.chip)?;
        Ok(())
    }

    pub(super) fn enable_vi(&mut self, now: Nanos, index: usize) -> Result<Started, AdapterError> {
        let viid = self.ports[index].resources.viid;
        Ok(self.submit(now, &ViEnableCmd::directions(viid, true, true)))
    }

    pub(super) fn on_enabled(&mut self, index: usize) -> Result<(), AdapterError> {
        let viid = self.ports[index].resources.viid;
        self.note_allocated(Undo::Enabled(viid), Vec::new());
        Ok(())
    }

    /// Asks for the speeds that the port has; the firmware tells when the link is up.
    pub(super) fn start_link(&mut self, now: Nanos, index: usize) -> Result<Started, AdapterError> {
        let port = &self.ports[index];
        let offered = port.link.port_caps.narrow();
        let wanted = Caps16(0)
            .with_speed_100m(offered.speed_100m())
            .with_speed_1g(offered.speed_1g())
            .with_speed_10g(offered.speed_10g())
            .with_speed_40g(offered.speed_40g())
            .with_aneg(offered.aneg())
            .with_fc_rx(offered.fc_rx())
            .with_fc_tx(offered.fc_tx())
            .with_mdi(offered.mdi());
        let command = PortL1CfgCmd::to(Access::Exec, port.resources.port).with_rcap(wanted);
        Ok(self.submit(now, &command))
    }

    /// Absolute ids of the lcores' ingress queues, by lcore.
    pub(super) fn ingress_ids(&self) -> Vec<IqId> {
        self.lcores.iter().filter_map(|slot| slot.draft.ingress_id()).collect()
    }
}

/// Where in the MAC table of MPS the one address of a command went.
pub(super) fn mps_index(reply: &Reply, chip: mafo_t4::chip::Chip) -> Result<u16, AdapterError> {
    let mac = read::<ViMacCmd>(reply);
    let index = mac.exact().first().map_or(u16::MAX, |entry| entry.word().idx());
    if u32::from(index) < chip.mac_entries() {
        Ok(index)
    } else {
        let command = mafo_t4::fw::Opcode::VI_MAC;
        Err(AdapterError::BadReply { command, what: "IDX", value: index.into() })
    }
}

/// What all frames of a port's Ethernet queue have in common.
pub(super) fn frame_template(pf: u8, port: PortId) -> TxPkt {
    let ctrl0 = TxPktCtrl0(0)
        .with_op(u32::from(Opcode::TX_PKT_XT.0))
        .with_pf(pf.into())
        .with_intf(port.0.into());
    TxPkt::new().with_ctrl0(ctrl0)
}
