//! HELLO to BYE, capabilities, resources, LDST, CLIP.

use mafo_t4::HostMemory;
use mafo_t4::fw::{
    ByeCmd, CapsConfigCmd, ClipCmd, HelloCmd, HelloFlags, InitializeCmd, LdstAddrspace, LdstCmd,
    NicCaps, OfldCaps, PfvfCaps, PfvfCmd, PfvfEqs, PfvfIqs, PfvfVis, ResetCmd, Retval, SwitchCaps,
    Version,
};

use super::{Ctx, Driver, Firmware, Stage};
use crate::mps::{MAC_ENTRIES, VI_COUNT};

/// Version that the firmware reports: one that current drivers take without an upgrade.
pub(super) const FIRMWARE: Version =
    Version(0).with_major(1).with_minor(23).with_micro(3).with_build(0);
/// Version of TP's microcode.
pub(super) const TP_MICROCODE: Version =
    Version(0).with_major(0).with_minor(1).with_micro(9).with_build(4);

/// Ethernet capabilities.
const NIC: NicCaps = NicCaps(0).with_nic(true).with_hashfilter(true);
/// Switch capabilities.
const SWITCH: SwitchCaps = SwitchCaps(0).with_ingress(true).with_egress(true);
/// Offload capabilities.
const OFLD: OfldCaps = OfldCaps(0).with_toe(true);
/// Version and checksum of the configuration that is built in.
const CONFIG_VERSION: u32 = 0x0142_5001;

/// Local IPv6 addresses of offloaded connections, with how often each was added.
#[derive(Debug, Default)]
pub(super) struct Clip {
    entries: Vec<([u8; 16], u32)>,
}

/// Local IPv6 addresses that fit.
pub(super) const CLIP_ENTRIES: usize = 32;

impl Firmware {
    pub(super) fn hello<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: HelloCmd,
    ) -> Result<HelloCmd, Retval> {
        let flags = cmd.flags();
        self.driver = Driver::Present;
        if flags.clearinit() {
            self.stage = Stage::Unconfigured;
        }
        let state = HelloFlags(0)
            .with_init(self.stage == Stage::Initialized)
            .with_mbmaster(u32::from(ctx.hw.config.pf))
            .with_mbasyncnot(flags.mbasyncnot());
        Ok(cmd.with_flags(state).with_fwrev(FIRMWARE))
    }

    /// The driver leaves. What it has not freed is freed for it; its links go down.
    pub(super) fn bye<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: ByeCmd,
    ) -> Result<ByeCmd, Retval> {
        for vin in 0..VI_COUNT as u8 {
            self.free_vi(ctx, vin);
        }
        ctx.hw.free_queues();
        let shared = &ctx.hw.shared;
        for port in &mut ctx.hw.ports {
            port.set_started(false, shared);
        }
        self.events.clear();
        self.clip = Clip::default();
        self.driver = Driver::Absent;
        Ok(cmd)
    }

    /// Whether the reset makes sense; the card carries it out.
    pub(super) fn reset_command(cmd: ResetCmd) -> Result<ResetCmd, Retval> {
        let val = cmd.val();
        if val.piorst() || val.piorstmode() { Ok(cmd) } else { Err(Retval::EINVAL) }
    }

    pub(super) fn initialize(&mut self, cmd: InitializeCmd) -> Result<InitializeCmd, Retval> {
        self.stage = Stage::Initialized;
        Ok(cmd)
    }

    /// Read: what there is. Write: the driver takes less of it; more than there is, is refused.
    pub(super) fn caps_config(&mut self, cmd: CapsConfigCmd) -> Result<CapsConfigCmd, Retval> {
        if cmd.hi().read() {
            return Ok(cmd
                .with_nbmcaps(0)
                .with_linkcaps(0)
                .with_switchcaps(SWITCH)
                .with_niccaps(NIC)
                .with_ofldcaps(if self.toe { OFLD } else { OfldCaps(0) })
                .with_rdmacaps(0)
                .with_cryptocaps(0)
                .with_iscsicaps(0)
                .with_fcoecaps(0)
                .with_finiver(CONFIG_VERSION)
                .with_finicsum(CONFIG_VERSION)
                .with_cfcsum(CONFIG_VERSION));
        }
        let more = cmd.switchcaps().0 & !SWITCH.0
            | cmd.niccaps().0 & !NIC.0
            | cmd.ofldcaps().0 & !OFLD.0
            | cmd.rdmacaps()
            | cmd.cryptocaps()
            | cmd.iscsicaps()
            | cmd.fcoecaps();
        if more != 0 {
            return Err(Retval::EINVAL);
        }
        self.toe = cmd.ofldcaps().toe();
        Ok(cmd)
    }

    pub(super) fn pfvf<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: PfvfCmd,
    ) -> Result<PfvfCmd, Retval> {
        let config = &ctx.hw.config;
        if !cmd.hi().read() || cmd.hi().function() != (config.pf, 0) {
            return Err(Retval::EINVAL);
        }
        let ports = (1 << config.ports) - 1;
        Ok(cmd
            .with_iqs(PfvfIqs(0).with_niqflint(u32::from(config.niq)).with_niq(0))
            .with_eqs(PfvfEqs(0).with_cmask(ports).with_pmask(ports).with_neq(config.neq))
            .with_vis(PfvfVis(0).with_nvi(VI_COUNT as u32).with_nexactf(MAC_ENTRIES as u32))
            .with_caps(
                PfvfCaps(0)
                    .with_r_caps(0xff)
                    .with_wx_caps(0xff)
                    .with_nethctrl(config.neq.min(0xffff)),
            ))
    }

    /// TP's registers and counters; other address spaces are not there.
    pub(super) fn ldst<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: LdstCmd,
    ) -> Result<LdstCmd, Retval> {
        let part = cmd.addrval();
        let shared = &ctx.hw.shared;
        let mut control = shared.control();
        let indirect = &mut control.indirect;
        let value = match (cmd.hi().addrspace(), cmd.hi().read()) {
            (LdstAddrspace::TP_PIO, true) => indirect.pio_at(part.addr()),
            (LdstAddrspace::TP_PIO, false) => {
                if !indirect.set_pio_at(part.addr(), part.val()) {
                    return Err(Retval::EINVAL);
                }
                shared.settings_changed();
                part.val()
            }
            (LdstAddrspace::TP_MIB, true) => shared.mib.get(part.addr()),
            _ => return Err(Retval::EINVAL),
        };
        Ok(cmd.with_addrval(part.with_val(value)))
    }

    pub(super) fn clip(&mut self, cmd: ClipCmd) -> Result<ClipCmd, Retval> {
        let address = cmd.address();
        let entries = &mut self.clip.entries;
        let found = entries.iter().position(|(other, _)| *other == address);
        match (cmd.lo().alloc(), cmd.lo().free(), found) {
            (true, false, Some(at)) => entries[at].1 = entries[at].1.saturating_add(1),
            (true, false, None) if entries.len() < CLIP_ENTRIES => entries.push((address, 1)),
            (true, false, None) => return Err(Retval::ENOMEM),
            (false, true, Some(at)) if entries[at].1 > 1 => entries[at].1 -= 1,
            (false, true, Some(at)) => {
                entries.swap_remove(at);
            }
            (false, true, None) => return Err(Retval::ENOENT),
            _ => return Err(Retval::EINVAL),
        }
        Ok(cmd)
    }

    /// Local IPv6 addresses in use.
    pub(crate) fn clip_entries(&self) -> usize {
        self.clip.entries.len()
    }
}
