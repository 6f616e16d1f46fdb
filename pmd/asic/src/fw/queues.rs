//! FW_IQ and FW_EQ_*: queues come and go.

use mafo_t4::fw::{
    EqContext, EqCtrlCmd, EqEthCmd, EqFetch, EqIdWord, EqOfldCmd, FlContext, IqCmd, IqKind,
    NO_FREELIST, PhysEqIdWord, QueueLo, Retval, Viid, eq,
};
use mafo_t4::sge::EntrySize;
use mafo_t4::{HostMemory, Iova, IqId};

use super::vi::vin_of;
use super::{Ctx, Firmware};
use crate::hw::Hw;
use crate::sge::{Delivery, EqConfig, EqKind, IqConfig, IqState, Ring, UNIT};

/// Granule of an ingress queue's size, entries.
const IQ_GRANULE: u32 = 16;

/// What a command does to a queue.
enum Action {
    Alloc { start: bool },
    Start,
    Stop,
    Free,
}

impl Action {
    fn of(lo: QueueLo) -> Result<Self, Retval> {
        match (lo.alloc(), lo.free(), lo.start(), lo.stop()) {
            (true, false, start, false) => Ok(Self::Alloc { start }),
            (false, true, false, _) => Ok(Self::Free),
            (false, false, true, false) => Ok(Self::Start),
            (false, false, false, true) => Ok(Self::Stop),
            _ => Err(Retval::EINVAL),
        }
    }
}

impl Firmware {
    pub(super) fn iq<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: IqCmd,
    ) -> Result<IqCmd, Retval> {
        self.initialized()?;
        let hw = &mut *ctx.hw;
        match Action::of(cmd.lo())? {
            Action::Alloc { start } => alloc_iq(hw, cmd, start),
            Action::Start => set_state(hw, cmd, IqState::Running),
            Action::Stop => set_state(hw, cmd, IqState::Stopped),
            Action::Free => free_iq(hw, cmd),
        }
    }

    pub(super) fn eq_eth<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: EqEthCmd,
    ) -> Result<EqEthCmd, Retval> {
        self.initialized()?;
        let hw = &mut *ctx.hw;
        let Some(config) = eq_request(hw, cmd.lo(), cmd.eqid(), EqKind::Ethernet)? else {
            return Ok(cmd);
        };
        let auto = cmd.auto();
        let vin = vin_of(hw, Viid(auto.viid() as u16))?;
        let config = EqConfig {
            auto_update: auto.autoequiqe(),
            auto_status: auto.autoequeqe(),
            vin: Some(vin),
            ..ring_of(hw, config, cmd.context(), cmd.fetch(), cmd.eqaddr())?
        };
        let (eqid, physeqid) = alloc_eq(hw, config)?;
        Ok(cmd.with_eqid(eqid).with_physeqid(physeqid))
    }

    pub(super) fn eq_ctrl<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: EqCtrlCmd,
    ) -> Result<EqCtrlCmd, Retval> {
        self.initialized()?;
        let hw = &mut *ctx.hw;
        let Some(config) = eq_request(hw, cmd.lo(), cmd.eqid(), EqKind::Control)? else {
            return Ok(cmd);
        };
        let config = ring_of(hw, config, cmd.context(), cmd.fetch(), cmd.eqaddr())?;
        let (eqid, physeqid) = alloc_eq(hw, config)?;
        let eqid = eqid.with_cmpliqid(cmd.eqid().cmpliqid());
        Ok(cmd.with_eqid(eqid).with_physeqid(physeqid))
    }

    pub(super) fn eq_ofld<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        cmd: EqOfldCmd,
    ) -> Result<EqOfldCmd, Retval> {
        self.initialized()?;
        let hw = &mut *ctx.hw;
        let Some(config) = eq_request(hw, cmd.lo(), cmd.eqid(), EqKind::Offload)? else {
            return Ok(cmd);
        };
        if !self.toe {
            return Err(Retval::EPERM);
        }
        let config = ring_of(hw, config, cmd.context(), cmd.fetch(), cmd.eqaddr())?;
        let (eqid, physeqid) = alloc_eq(hw, config)?;
        Ok(cmd.with_eqid(eqid).with_physeqid(physeqid))
    }
}

fn alloc_iq<M: HostMemory>(hw: &mut Hw<M>, cmd: IqCmd, start: bool) -> Result<IqCmd, Retval> {
    let kind = cmd.kind();
    let entry = EntrySize::from_code(cmd.context().iqesize() as u8);
    let size = u32::from(cmd.iqsize());
    let delivery = match kind.iqanud() {
        IqKind::UPDATE_STATUS_PAGE => Delivery::StatusPage,
        _ => Delivery::Generation,
    };
    let misplaced = !cmd.iqaddr().0.is_multiple_of(16);
    if kind.type_() != IqKind::FL_INT_CAP
        || size < IQ_GRANULE
        || !size.is_multiple_of(IQ_GRANULE)
        || misplaced
    {
        return Err(Retval::EINVAL);
    }
    // One freelist; the second serves header split, which nothing here does.
    if cmd.fl1size() != 0 {
        return Err(Retval::EINVAL);
    }
    let fl_ring = match cmd.fl0size() {
        0 => None,
        units => Some(freelist_ring(hw, cmd.fl0(), u32::from(units), cmd.fl0addr())?),
    };
    let relative = free_iq_id(hw).ok_or(Retval::ENOSPC)?;
    let freelist = match fl_ring {
        Some(ring) => {
            let index = free_eq_index(hw).ok_or(Retval::ENOSPC)?;
            hw.sge.insert_freelist(index, ring);
            Some(index)
        }
        None => None,
    };
    let iq = hw.iq_id(relative).ok_or(Retval::EINVAL)?;
    let config = IqConfig {
        base: cmd.iqaddr(),
        size,
        entry,
        delivery,
        firmware_events: kind.iqasynch(),
        freelist,
        list_counts: cmd.fl0().congen() && cmd.fl0().congcif(),
    };
    let state = if start { IqState::Running } else { IqState::Stopped };
    hw.sge.insert_iq(iq, config, state);
    let fl0 = freelist.map_or(NO_FREELIST, |index| (hw.config.eq_start + index as u32) as u16);
    Ok(cmd.with_physiqid(iq.0).with_iqid(relative).with_fl0id(fl0).with_fl1id(NO_FREELIST))
}

fn freelist_ring<M: HostMemory>(
    hw: &Hw<M>,
    context: FlContext,
    units: u32,
    base: Iova,
) -> Result<Ring, Retval> {
    // Packets share no buffer: every one begins a new one.
    if context.packen() || !base.0.is_multiple_of(UNIT as u64) {
        return Err(Retval::EINVAL);
    }
    let status = hw.sge_status_units();
    let units = units.checked_sub(status).filter(|units| *units >= 2).ok_or(Retval::EINVAL)?;
    Ok(Ring::new(base, units))
}

fn named_iq<M: HostMemory>(hw: &Hw<M>, relative: u16) -> Result<IqId, Retval> {
    hw.iq_id(relative).filter(|iq| hw.sge.has_iq(*iq)).ok_or(Retval::ENOENT)
}

fn set_state<M: HostMemory>(hw: &mut Hw<M>, cmd: IqCmd, state: IqState) -> Result<IqCmd, Retval> {
    let iq = named_iq(hw, cmd.iqid())?;
    if hw.sge.set_iq_state(iq, state) { Ok(cmd) } else { Err(Retval::ENOENT) }
}

fn free_iq<M: HostMemory>(hw: &mut Hw<M>, cmd: IqCmd) -> Result<IqCmd, Retval> {
    let iq = named_iq(hw, cmd.iqid())?;
    let named = match cmd.fl0id() {
        NO_FREELIST => None,
        id => Some(hw.eq_index(u32::from(id)).ok_or(Retval::ENOENT)?),
    };
    // A freelist is freed with its queue, whether it is named or not; another's is not.
    let config = hw.sge.iq(iq).ok_or(Retval::ENOENT)?;
    if named.is_some() && named != config.freelist || cmd.fl1id() != NO_FREELIST {
        return Err(Retval::EINVAL);
    }
    let freelist = config.freelist;
    hw.sge.remove_iq(iq);
    if let Some(index) = freelist {
        hw.sge.remove_freelist(index);
    }
    Ok(cmd)
}

/// Everything but an allocation is done here (`None`); an allocation goes on with an empty configuration.
fn eq_request<M: HostMemory>(
    hw: &mut Hw<M>,
    lo: QueueLo,
    eqid: EqIdWord,
    kind: EqKind,
) -> Result<Option<EqConfig>, Retval> {
    let index = || hw.eq_index(eqid.eqid()).ok_or(Retval::ENOENT);
    match Action::of(lo)? {
        Action::Alloc { .. } => Ok(Some(EqConfig {
            base: Iova(0),
            units: 0,
            kind,
            iq: None,
            channel: 0,
            flush_units: u32::MAX,
            flush_by_update: false,
            flush_by_status: false,
            auto_update: false,
            auto_status: false,
            vin: None,
        })),
        Action::Free => {
            let index = index()?;
            if hw.sge.remove_eq(index, kind) { Ok(None) } else { Err(Retval::ENOENT) }
        }
        // An egress queue runs from its allocation on: it does nothing before its first doorbell.
        Action::Start | Action::Stop => {
            let index = index()?;
            let there = hw.sge.eq(index).is_some_and(|config| config.kind == kind);
            if there { Ok(None) } else { Err(Retval::ENOENT) }
        }
    }
}

/// The parts of a configuration that all kinds share.
fn ring_of<M: HostMemory>(
    hw: &Hw<M>,
    config: EqConfig,
    context: EqContext,
    fetch: EqFetch,
    base: Iova,
) -> Result<EqConfig, Retval> {
    let status = hw.sge_status_units();
    let units =
        fetch.eqsize().checked_sub(status).filter(|units| *units >= 2).ok_or(Retval::EINVAL)?;
    // Two bits.
    let channel = context.pciechn() as u8;
    if channel >= hw.config.ports || !base.0.is_multiple_of(UNIT as u64) {
        return Err(Retval::EINVAL);
    }
    let mode = context.hostfcmode();
    Ok(EqConfig {
        base,
        units,
        // The command names the queue relative to the function.
        iq: Some(named_iq(hw, context.iqid() as u16)?),
        channel,
        flush_units: 1 << fetch.cidxfthresh(),
        flush_by_update: matches!(mode, eq::HOSTFCMODE_INGRESS_QUEUE | eq::HOSTFCMODE_BOTH),
        flush_by_status: matches!(mode, eq::HOSTFCMODE_STATUS_PAGE | eq::HOSTFCMODE_BOTH),
        ..config
    })
}

fn alloc_eq<M: HostMemory>(
    hw: &mut Hw<M>,
    config: EqConfig,
) -> Result<(EqIdWord, PhysEqIdWord), Retval> {
    let index = free_eq_index(hw).ok_or(Retval::ENOSPC)?;
    hw.sge.insert_eq(index, config);
    let relative = hw.config.eq_start + index as u32;
    Ok((EqIdWord(0).with_eqid(relative), PhysEqIdWord(0).with_physeqid(hw.sge.eq_id(index).0)))
}

fn free_iq_id<M: HostMemory>(hw: &Hw<M>) -> Option<u16> {
    let start = hw.config.iq_start;
    (start..start + hw.config.niq)
        .find(|relative| hw.iq_id(*relative).is_some_and(|iq| !hw.sge.has_iq(iq)))
}

fn free_eq_index<M: HostMemory>(hw: &Hw<M>) -> Option<usize> {
    (0..hw.config.neq as usize).find(|index| !hw.sge.has_eq(*index))
}

impl<M> Hw<M> {
    /// Absolute id of the function's ingress queue `relative`, if that is one.
    pub(crate) fn iq_id(&self, relative: u16) -> Option<IqId> {
        let start = self.config.iq_start;
        (relative >= start && relative - start < self.config.niq)
            .then(|| IqId(relative + self.config.iq_absolute_offset))
    }

    /// Index of the function's egress queue `relative`, if that is one.
    pub(crate) fn eq_index(&self, relative: u32) -> Option<usize> {
        let index = relative.checked_sub(self.config.eq_start)?;
        (index < self.config.neq).then_some(index as usize)
    }
}

impl<M: HostMemory> Hw<M> {
    /// Units of a status page.
    fn sge_status_units(&self) -> u32 {
        self.sge.settings().status_page / UNIT as u32
    }
}
