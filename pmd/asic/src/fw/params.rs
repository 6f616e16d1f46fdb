//! FW_PARAMS: values by name.

use mafo_t4::HostMemory;
use mafo_t4::fw::{
    CfPlace, DevParam, DiagParam, DmaqParam, FilterModeMask, FilterParam, MemType, Mnem, Param,
    ParamsCmd, PfvfParam, Retval,
};
use mafo_t4::regs::sge::ConmCtxt;
use mafo_t4::regs::tp::pio::{TP_INGRESS_CONFIG, TP_VLAN_PRI_MAP};

use super::device::{CLIP_ENTRIES, FIRMWARE, TP_MICROCODE};
use super::{Ctx, Firmware};
use crate::bar::CONFIG_FILE_BASE;
use crate::le::FilterMode;

/// Versions of the interfaces (INTVER_*).
const INTERFACE_VERSION: u32 = 1;
/// Temperature of the card and the one at which it would switch off, degrees Celsius. Drivers switch
/// off by themselves when both are equal.
const TEMPERATURE: u32 = 45;
const TEMPERATURE_MAX: u32 = 110;
/// Core voltage, millivolts.
const VOLTAGE: u32 = 950;

impl Firmware {
    pub(super) fn params<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        mut cmd: ParamsCmd,
    ) -> Result<ParamsCmd, Retval> {
        let params: Vec<(Param, u32)> = cmd.iter().collect();
        if params.is_empty() || (cmd.hi().read() == cmd.hi().write()) {
            return Err(Retval::EINVAL);
        }
        for (index, (param, value)) in params.into_iter().enumerate() {
            if cmd.hi().read() {
                cmd.set_value(index, self.read_param(ctx, param).ok_or(Retval::EINVAL)?);
            } else {
                self.write_param(ctx, param, value)?;
            }
        }
        Ok(cmd)
    }

    fn read_param<M: HostMemory>(&self, ctx: &Ctx<'_, M>, param: Param) -> Option<u32> {
        // Eight bits.
        let x = param.x() as u8;
        match param.mnemonic() {
            Mnem::DEV => dev(ctx, DevParam(x), param.y() as u8),
            Mnem::PFVF => self.pfvf_param(ctx, PfvfParam(x)),
            _ => None,
        }
    }

    fn pfvf_param<M: HostMemory>(&self, ctx: &Ctx<'_, M>, param: PfvfParam) -> Option<u32> {
        let config = &ctx.hw.config;
        let last = |start: u32, count: u32| (start + count).wrapping_sub(1);
        Some(match param {
            PfvfParam::FILTER_START => config.filter_start,
            PfvfParam::FILTER_END => last(config.filter_start, config.nfilters),
            PfvfParam::SERVER_START => config.server_start,
            PfvfParam::SERVER_END => last(config.server_start, config.nservers),
            PfvfParam::L2T_START => u32::from(config.l2t_start.0),
            PfvfParam::L2T_END => last(u32::from(config.l2t_start.0), u32::from(config.nl2t)),
            PfvfParam::IQFLINT_START => u32::from(config.iq_start),
            PfvfParam::IQFLINT_END => last(u32::from(config.iq_start), u32::from(config.niq)),
            PfvfParam::EQ_START => config.eq_start,
            PfvfParam::EQ_END => last(config.eq_start, config.neq),
            PfvfParam::CLIP_START => 0,
            PfvfParam::CLIP_END => CLIP_ENTRIES as u32 - 1,
            // Empty ranges: start behind end.
            PfvfParam::ACTIVE_FILTER_START
            | PfvfParam::TDDP_START
            | PfvfParam::ISCSI_START
            | PfvfParam::STAG_START
            | PfvfParam::RQ_START
            | PfvfParam::PBL_START
            | PfvfParam::SQRQ_START
            | PfvfParam::CQ_START
            | PfvfParam::OCQ_START
            | PfvfParam::ETHOFLD_START
            | PfvfParam::ROUTE_START => 1,
            PfvfParam::ACTIVE_FILTER_END
            | PfvfParam::TDDP_END
            | PfvfParam::ISCSI_END
            | PfvfParam::STAG_END
            | PfvfParam::RQ_END
            | PfvfParam::PBL_END
            | PfvfParam::SQRQ_END
            | PfvfParam::CQ_END
            | PfvfParam::OCQ_END
            | PfvfParam::ETHOFLD_END
            | PfvfParam::ROUTE_END => 0,
            PfvfParam::GET_SMT_START => 0,
            PfvfParam::GET_SMT_SIZE => 256,
            PfvfParam::CPMASK => {
                let ports = (1 << config.ports) - 1;
                ports << 8 | ports
            }
            PfvfParam::PORT_CAPS32 => u32::from(self.port_caps32),
            PfvfParam::LINK_STATE => u32::from(ctx.hw.ports.iter().any(crate::mac::Port::is_up)),
            _ => return None,
        })
    }

    fn write_param<M: HostMemory>(
        &mut self,
        ctx: &mut Ctx<'_, M>,
        param: Param,
        value: u32,
    ) -> Result<(), Retval> {
        let x = param.x() as u8;
        match param.mnemonic() {
            Mnem::DEV => match DevParam(x) {
                DevParam::FILTER if param.y() as u8 == FilterParam::MODE_MASK.0 => {
                    set_filter_mode(ctx, FilterModeMask(value))
                }
                // Nothing is cached, and hash filters and offload do go together.
                DevParam::FWCACHE | DevParam::HASHFILTER_WITH_OFLD => Ok(()),
                _ => Err(Retval::EINVAL),
            },
            Mnem::PFVF => match PfvfParam(x) {
                // CPLs of firmware work requests are always sent as they are.
                PfvfParam::CPLFW4MSG_ENCAP => Ok(()),
                PfvfParam::PORT_CAPS32 => {
                    self.port_caps32 = value != 0;
                    Ok(())
                }
                _ => Err(Retval::EINVAL),
            },
            Mnem::DMAQ => write_dmaq(ctx, DmaqParam(x), param.yz(), value),
            _ => Err(Retval::EINVAL),
        }
    }
}

/// Settings of queues that must be there; most of them the model has no use for.
fn write_dmaq<M: HostMemory>(
    ctx: &mut Ctx<'_, M>,
    param: DmaqParam,
    queue: u16,
    value: u32,
) -> Result<(), Retval> {
    let hw = &mut ctx.hw;
    let there = match param {
        DmaqParam::CONM_CTXT => {
            hw.iq_id(queue).is_some_and(|iq| hw.sge.set_congestion(iq, ConmCtxt(value)))
        }
        DmaqParam::IQ_DCA | DmaqParam::IQ_INTCNTTHRESH => {
            hw.iq_id(queue).is_some_and(|iq| hw.sge.has_iq(iq))
        }
        DmaqParam::EQ_CMPLIQID_CTRL | DmaqParam::EQ_SCHEDCLASS_ETH | DmaqParam::EQ_DCBPRIO_ETH => {
            hw.eq_index(u32::from(queue)).is_some_and(|index| hw.sge.eq(index).is_some())
        }
        _ => false,
    };
    if there { Ok(()) } else { Err(Retval::EINVAL) }
}

/// Filter mode and mask, as long as nothing was entered under the old ones.
fn set_filter_mode<M: HostMemory>(
    ctx: &mut Ctx<'_, M>,
    value: FilterModeMask,
) -> Result<(), Retval> {
    let shared = &ctx.hw.shared;
    let vnic = TP_INGRESS_CONFIG(shared.control().indirect.pio_at(TP_INGRESS_CONFIG::ADDR)).vnic();
    let mode = FilterMode::new(value.filter_mode(), value.filter_mask(), vnic)
        .map_err(|_| Retval::EINVAL)?;
    ctx.tp.le.set_mode(mode).map_err(|_| Retval::EBUSY)?;
    let register = value.filter_mode().0;
    shared.control().indirect.set_pio_at(TP_VLAN_PRI_MAP::ADDR, register);
    Ok(())
}

fn dev<M: HostMemory>(ctx: &Ctx<'_, M>, param: DevParam, y: u8) -> Option<u32> {
    let config = &ctx.hw.config;
    let each_port = |value: u32| (0..4).fold(0, |map, port| map | (value << port) << (8 * port));
    Some(match param {
        DevParam::CCLK => config.cclk_khz,
        DevParam::PORTVEC => (1 << config.ports) - 1,
        DevParam::NTID => config.ntids,
        DevParam::FLOWC_BUFFIFO_SZ => config.flowc_buffifo_sz,
        DevParam::INTVER_NIC
        | DevParam::INTVER_VNIC
        | DevParam::INTVER_OFLD
        | DevParam::INTVER_RI
        | DevParam::INTVER_ISCSIPDU
        | DevParam::INTVER_ISCSI
        | DevParam::INTVER_FCOE => INTERFACE_VERSION,
        DevParam::FWREV => FIRMWARE.0,
        DevParam::TPREV => TP_MICROCODE.0,
        DevParam::CF => {
            // EDC1 begins where EDC0 ends; the window's address space is one.
            let inside = CONFIG_FILE_BASE - (crate::bar::EDC_MB << 20);
            CfPlace(0).with_memtype(u32::from(MemType::EDC1.0)).with_addr64k(inside >> 16).0
        }
        DevParam::PHYFW => return None,
        DevParam::DIAG => match DiagParam(y) {
            DiagParam::TMP => TEMPERATURE,
            DiagParam::MAXTMPTHRESH => TEMPERATURE_MAX,
            DiagParam::VDD => VOLTAGE,
            _ => return None,
        },
        DevParam::MAXORDIRD_QP | DevParam::MAXIRD_ADAPTER => 0,
        DevParam::ULPTX_MEMWRITE_DSGL => 0,
        DevParam::SCFGREV | DevParam::VPDREV => 1,
        DevParam::FILTER2_WR => 0,
        // Buffer group and channel n belong to port n.
        DevParam::MPSBGMAP | DevParam::TPCHMAP => each_port(1),
        DevParam::OPAQUE_VIID_SMT_EXTN => 0,
        DevParam::HASHFILTER_WITH_OFLD => 1,
        DevParam::FILTER => match FilterParam(y) {
            FilterParam::VNIC_MODE => u32::from(ctx.tp.le.mode().vnic()),
            FilterParam::MODE_MASK => {
                let mode = ctx.tp.le.mode();
                FilterModeMask::new(mode.mode(), mode.mask()).0
            }
            _ => return None,
        },
        _ => return None,
    })
}
