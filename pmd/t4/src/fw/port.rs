//! FW_PORT: link settings, link state, and the event that tells of its change.

use super::{Access, Command};
use crate::PortId;

codes! {
    /// What a port command does (t4fw_interface.h enum fw_port_action).
    pub PortAction: u16 {
        /// Sets the link's capabilities, which starts it.
        L1_CFG = 0x0001,
        /// Sets VLANs and MTU.
        L2_CFG = 0x0002,
        /// State of the link; also comes unasked when it changes.
        GET_PORT_INFO = 0x0003,
        /// [`PortAction::L1_CFG`] with 32-bit capabilities.
        L1_CFG32 = 0x0009,
        /// [`PortAction::GET_PORT_INFO`] with 32-bit capabilities.
        GET_PORT_INFO32 = 0x000a,
        /// Ends a loopback test.
        LPBK_TO_NORMAL = 0x0020,
        /// Loops at the transceiver.
        L1_LPBK = 0x0021,
    }
}

lo_word! {
    /// What is done (S_FW_PORT_CMD_ACTION).
    pub PortLo { 31:16 action, }
}

bits! {
    /// Capabilities of a link, 16-bit form (t4fw_interface.h enum fw_port_cap); several speeds are a choice,
    /// one is the state.
    pub Caps16: u16 {
        15 asm_dir, 14 pause, 13 force_pause, 12 fec_baser_rs, 11 fec_rs, 10:9 mdi, 8 aneg, 7 fc_tx, 6 fc_rx,
        5 speed_100g, 4 speed_40g, 3 speed_10g, 2 speed_25g, 1 speed_1g, 0 speed_100m,
    }
}

impl Caps16 {
    /// The fastest speed among the capabilities, Mb/s; 0 for none.
    #[must_use]
    pub const fn speed_mbps(self) -> u32 {
        self.widen().speed_mbps()
    }
    /// The same capabilities in 32 bits.
    #[must_use]
    pub const fn widen(self) -> Caps32 {
        Caps32(0)
            .with_speed_100m(self.speed_100m())
            .with_speed_1g(self.speed_1g())
            .with_speed_10g(self.speed_10g())
            .with_speed_25g(self.speed_25g())
            .with_speed_40g(self.speed_40g())
            .with_speed_100g(self.speed_100g())
            .with_fc_rx(self.fc_rx())
            .with_fc_tx(self.fc_tx())
            .with_pause(self.pause())
            .with_asm_dir(self.asm_dir())
            .with_aneg(self.aneg())
            .with_mdi(self.mdi() as u32)
            .with_force_pause(self.force_pause())
            .with_fec_rs(self.fec_rs())
            .with_fec_baser_rs(self.fec_baser_rs())
    }
}

bits! {
    /// Capabilities of a link, 32-bit form (FW_PORT_CAP32_*).
    pub Caps32: u32 {
        29 force_fec, 28 force_pause, 25 fec_no_fec, 24 fec_baser_rs, 23 fec_rs, 22:21 mdi, 20 aneg,
        19 asm_dir, 18 pause, 17 fc_tx, 16 fc_rx,
        6 speed_100g, 5 speed_50g, 4 speed_40g, 3 speed_25g, 2 speed_10g, 1 speed_1g, 0 speed_100m,
    }
}

impl Caps32 {
    /// `mdi`: whichever fits (FW_PORT_CAP32_MDI_AUTO).
    pub const MDI_AUTO: u32 = 1;

    /// The fastest speed among the capabilities, Mb/s; 0 for none.
    #[must_use]
    pub const fn speed_mbps(self) -> u32 {
        if self.speed_100g() {
            100_000
        } else if self.speed_50g() {
            50_000
        } else if self.speed_40g() {
            40_000
        } else if self.speed_25g() {
            25_000
        } else if self.speed_10g() {
            10_000
        } else if self.speed_1g() {
            1_000
        } else if self.speed_100m() {
            100
        } else {
            0
        }
    }
    /// The same capabilities in 16 bits; those it has no bit for are lost.
    #[must_use]
    pub const fn narrow(self) -> Caps16 {
        Caps16(0)
            .with_speed_100m(self.speed_100m())
            .with_speed_1g(self.speed_1g())
            .with_speed_10g(self.speed_10g())
            .with_speed_25g(self.speed_25g())
            .with_speed_40g(self.speed_40g())
            .with_speed_100g(self.speed_100g())
            .with_fc_rx(self.fc_rx())
            .with_fc_tx(self.fc_tx())
            .with_pause(self.pause())
            .with_asm_dir(self.asm_dir())
            .with_aneg(self.aneg())
            .with_mdi(self.mdi() as u16)
            .with_force_pause(self.force_pause())
            .with_fec_rs(self.fec_rs())
            .with_fec_baser_rs(self.fec_baser_rs())
    }
}

codes! {
    /// How a port is built (t4fw_interface.h enum fw_port_type).
    pub PortType: u8 {
        /// Fibre, one lane.
        FIBER_XFI = 0,
        /// Fibre, four lanes.
        FIBER_XAUI = 1,
        /// Copper, 1 Gb/s.
        BT_SGMII = 2,
        /// Copper, 10 Gb/s, one lane.
        BT_XFI = 3,
        /// Copper, 10 Gb/s, four lanes.
        BT_XAUI = 4,
        /// Backplane, four lanes.
        KX4 = 5,
        /// CX4 cable.
        CX4 = 6,
        /// Backplane, 1 Gb/s.
        KX = 7,
        /// Backplane, 10 Gb/s.
        KR = 8,
        /// SFP+ cage.
        SFP = 9,
        /// Backplane, negotiated.
        BP_AP = 10,
        /// Backplane, four lanes, negotiated.
        BP4_AP = 11,
        /// QSFP cage at 10 Gb/s.
        QSFP_10G = 12,
        /// SFP+ module in a QSFP cage.
        QSA = 13,
        /// QSFP cage at 40 Gb/s.
        QSFP = 14,
        /// Backplane, 40 Gb/s.
        BP40_BA = 15,
        /// Backplane, 100 Gb/s (T6).
        KR4_100G = 16,
        /// QSFP cage at 100 Gb/s (T6).
        CR4_QSFP = 17,
        /// QSFP cage, one lane of 25 Gb/s (T6).
        CR_QSFP = 18,
        /// QSFP cage, two lanes (T6).
        CR2_QSFP = 19,
        /// SFP28 cage (T6).
        SFP28 = 20,
        /// SFP28 over a backplane (T6).
        KR_SFP28 = 21,
        /// None.
        NONE = 31,
    }
}

codes! {
    /// What is plugged in (t4fw_interface.h enum fw_port_module_type).
    pub ModuleType: u8 {
        /// Nothing can be.
        NA = 0,
        /// Long range.
        LR = 1,
        /// Short range.
        SR = 2,
        /// Extended range.
        ER = 3,
        /// Passive copper cable.
        TWINAX_PASSIVE = 4,
        /// Active copper cable.
        TWINAX_ACTIVE = 5,
        /// Multimode.
        LRM = 6,
        /// It could not be read.
        ERROR = 28,
        /// It is not known.
        UNKNOWN = 29,
        /// It is not supported.
        NOTSUPPORTED = 30,
        /// The cage is empty.
        NONE = 31,
    }
}

codes! {
    /// Why the link is down (t4fw_interface.h enum fw_port_link_dn_rc).
    pub LinkDownReason: u8 {
        /// No reason given.
        NONE = 0,
        /// The other side reports a fault.
        REMFLT = 1,
        /// Negotiation failed.
        ANEG_F = 2,
        /// Reserved.
        RESERVED3 = 3,
        /// Too hot.
        OVERHEAT = 4,
        /// It cannot be told.
        UNKNOWN = 5,
        /// No signal.
        RX_LOS = 6,
        /// Reserved.
        RESERVED7 = 7,
    }
}

/// State of a link, whichever form of the command told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// Whether it carries frames.
    pub up: bool,
    /// Why not; meaningful when it is down.
    pub down_reason: LinkDownReason,
    /// Speed and pause in force.
    pub link: Caps32,
    /// What the port can do.
    pub port_caps: Caps32,
    /// What it tells the other side.
    pub advertised: Caps32,
    /// What the other side tells.
    pub partner: Caps32,
    /// How the port is built.
    pub port_type: PortType,
    /// What is plugged in.
    pub module: ModuleType,
    /// Largest frame payload.
    pub mtu: u16,
}

command! {
    /// Any port command: its first two words say which. (`fw_port_cmd`)
    pub struct PortCmd[32] = PORT, PortLo {
        /// The action's own part.
        body: [u8; 24],
    }
}

impl PortCmd {
    /// What it does.
    #[must_use]
    pub fn action(&self) -> PortAction {
        PortAction(self.lo().action() as u16)
    }
}

macro_rules! port_actions {
    ($( $Cmd:ident => $ACTION:ident )*) => { $(
        impl $Cmd {
            /// The action of this form.
            pub const ACTION: PortAction = PortAction::$ACTION;
            /// A request about `port`.
            #[must_use]
            pub fn to(access: Access, port: PortId) -> Self {
                let request = Self::request(access).of_port(port);
                request.with_lo(request.lo().with_action(u32::from(Self::ACTION.0)))
            }
            /// The structure at the start of `bytes`, if that is a port command of this action.
            #[must_use]
            pub fn of_action(bytes: &[u8]) -> Option<&Self> {
                let command = Self::matching(bytes)?;
                (command.lo().action() == u32::from(Self::ACTION.0)).then_some(command)
            }
        }
    )* };
}
port_actions! {
    PortL1CfgCmd => L1_CFG
    PortInfoCmd => GET_PORT_INFO
    PortL1Cfg32Cmd => L1_CFG32
    PortInfo32Cmd => GET_PORT_INFO32
}

command! {
    /// Sets the link's capabilities, which starts it. (`fw_port_cmd, l1cfg`)
    pub struct PortL1CfgCmd[32] = PORT, PortLo {
        /// High half of the capability word, zero.
        #[doc(hidden)]
        rcap_hi: u16,
        /// Capabilities wanted.
        rcap: Caps16,
        #[doc(hidden)]
        r: [u8; 20],
    }
}

command! {
    /// [`PortL1CfgCmd`] in 32 bits. (`fw_port_cmd, l1cfg32`)
    pub struct PortL1Cfg32Cmd[32] = PORT, PortLo {
        /// Capabilities wanted.
        rcap32: Caps32,
        #[doc(hidden)]
        r: [u8; 20],
    }
}

bits! {
    /// State of a link (S_FW_PORT_CMD_LSTATUS, …).
    pub LinkWord: u32 {
        31 lstatus, 29:24 lspeed, 23 txpause, 22 rxpause, 21 mdiocap, 20:16 mdioaddr, 15 lptxpause,
        14 lprxpause, 12:8 ptype, 7:5 linkdnrc, 4:0 modtype,
    }
}

command! {
    /// State of a link. (`fw_port_cmd, info`)
    pub struct PortInfoCmd[32] = PORT, PortLo {
        /// The state.
        link: LinkWord,
        /// What the port can do.
        pcap: Caps16,
        /// What it tells the other side.
        acap: Caps16,
        /// Largest frame payload.
        mtu: u16,
        /// Cable length, metres.
        cbllen: u8,
        /// More about the link.
        auxlinfo: u8,
        /// Whether data centre bridging is off.
        dcbxdis_pkd: u8,
        #[doc(hidden)]
        r8_lo: u8,
        /// What the other side tells.
        lpacap: Caps16,
        #[doc(hidden)]
        r9: u64,
    }
}

impl PortInfoCmd {
    /// The state it tells.
    #[must_use]
    pub fn state(&self) -> LinkState {
        let word = self.link();
        // LSPEED has the six speed bits of a capability word.
        let link = Caps16(word.lspeed() as u16)
            .with_fc_tx(word.txpause())
            .with_fc_rx(word.rxpause())
            .widen();
        LinkState {
            up: word.lstatus(),
            down_reason: LinkDownReason(word.linkdnrc() as u8),
            link,
            port_caps: self.pcap().widen(),
            advertised: self.acap().widen(),
            partner: self.lpacap().widen(),
            port_type: PortType(word.ptype() as u8),
            module: ModuleType(word.modtype() as u8),
            mtu: self.mtu(),
        }
    }
    /// With another state.
    #[must_use]
    pub fn with_state(self, state: &LinkState) -> Self {
        let link = state.link.narrow();
        let word = self
            .link()
            .with_lstatus(state.up)
            .with_lspeed(u32::from(link.0) & 0x3f)
            .with_txpause(state.link.fc_tx())
            .with_rxpause(state.link.fc_rx())
            .with_linkdnrc(u32::from(state.down_reason.0))
            .with_ptype(u32::from(state.port_type.0))
            .with_modtype(u32::from(state.module.0));
        self.with_link(word)
            .with_pcap(state.port_caps.narrow())
            .with_acap(state.advertised.narrow())
            .with_lpacap(state.partner.narrow())
            .with_mtu(state.mtu)
    }
}

bits! {
    /// State of a link, 32-bit form (S_FW_PORT_CMD_LSTATUS32, …).
    pub LinkWord32: u32 {
        31 lstatus32, 30:28 linkdnrc32, 26 mdiocap32, 25:21 mdioaddr32, 20:13 porttype32, 12:8 modtype32,
        7:0 cbllen32,
    }
}
bits! {
    /// MTU and more about the link (S_FW_PORT_CMD_AUXLINFO32, _MTU32).
    pub AuxWord32: u32 { 31:24 auxlinfo32, 15:0 mtu32 }
}

command! {
    /// [`PortInfoCmd`] with 32-bit capabilities. (`fw_port_cmd, info32`)
    pub struct PortInfo32Cmd[32] = PORT, PortLo {
        /// The state.
        link: LinkWord32,
        /// MTU.
        aux: AuxWord32,
        /// Speed and pause in force.
        linkattr32: Caps32,
        /// What the port can do.
        pcaps32: Caps32,
        /// What it tells the other side.
        acaps32: Caps32,
        /// What the other side tells.
        lpacaps32: Caps32,
    }
}

impl PortInfo32Cmd {
    /// The state it tells.
    #[must_use]
    pub fn state(&self) -> LinkState {
        let word = self.link();
        LinkState {
            up: word.lstatus32(),
            down_reason: LinkDownReason(word.linkdnrc32() as u8),
            link: self.linkattr32(),
            port_caps: self.pcaps32(),
            advertised: self.acaps32(),
            partner: self.lpacaps32(),
            port_type: PortType(word.porttype32() as u8),
            module: ModuleType(word.modtype32() as u8),
            mtu: self.aux().mtu32() as u16,
        }
    }
    /// With another state.
    #[must_use]
    pub fn with_state(self, state: &LinkState) -> Self {
        let word = self
            .link()
            .with_lstatus32(state.up)
            .with_linkdnrc32(u32::from(state.down_reason.0))
            .with_porttype32(u32::from(state.port_type.0))
            .with_modtype32(u32::from(state.module.0));
        self.with_link(word)
            .with_aux(self.aux().with_mtu32(u32::from(state.mtu)))
            .with_linkattr32(state.link)
            .with_pcaps32(state.port_caps)
            .with_acaps32(state.advertised)
            .with_lpacaps32(state.partner)
    }
}
