//! FW_RSS_GLB_CONFIG, FW_RSS_VI_CONFIG, FW_RSS_IND_TBL.

use mafo_t4::fw::{Retval, RssGlbConfigCmd, RssIndTblCmd, RssMode, RssViConfigCmd, RssViFlags};
use mafo_t4::regs::tp::TP_RSS_CONFIG;
use mafo_t4::{HostMemory, IqId};

use super::vi::vin_of;
use super::{Ctx, Firmware};
use crate::hw::Hw;
use crate::rss::RssFields;

impl Firmware {
    /// RSS of the whole card. Each interface has its own settings, so this only shows in the register;
    /// any other hash than Toeplitz is refused.
    pub(super) fn rss_glb_config<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: RssGlbConfigCmd,
    ) -> Result<RssGlbConfigCmd, Retval> {
        let flags = cmd.flags();
        if !cmd.hi().write() || cmd.mode().mode() != RssMode::BASICVIRTUAL || !flags.hashtoeplitz()
        {
            return Err(Retval::EINVAL);
        }
        let shared = &ctx.hw.shared;
        let word = TP_RSS_CONFIG(shared.register(TP_RSS_CONFIG::OFFSET))
            .with_tnlmapen(flags.tnlmapen())
            .with_tnlalllookup(flags.tnlalllkp())
            .with_ofdmapen(flags.ofdmapen())
            .with_synmapen(flags.synmapen())
            .with_syn4tupenipv6(flags.syn4tupenipv6())
            .with_syn2tupenipv6(flags.syn2tupenipv6())
            .with_syn4tupenipv4(flags.syn4tupenipv4())
            .with_syn2tupenipv4(flags.syn2tupenipv4())
            .with_hashtoeplitz(true);
        shared.put_register(TP_RSS_CONFIG::OFFSET, word.0);
        Ok(cmd)
    }

    /// Default queue and hash of an interface.
    pub(super) fn rss_vi_config<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: RssViConfigCmd,
    ) -> Result<RssViConfigCmd, Retval> {
        let vin = vin_of(ctx.hw, cmd.hi().viid())?;
        let vi = ctx.hw.mps.vi(vin).ok_or(Retval::ENOENT)?;
        if cmd.hi().read() {
            let fields = vi.rss.fields;
            return Ok(cmd.with_flags(
                RssViFlags(0)
                    .with_defaultq(vi.rss.default_queue.map_or(0, |iq| u32::from(iq.0)))
                    .with_ip6fourtupen(fields.ip6_four_tuple)
                    .with_ip6twotupen(fields.ip6_two_tuple)
                    .with_ip4fourtupen(fields.ip4_four_tuple)
                    .with_ip4twotupen(fields.ip4_two_tuple)
                    .with_udpen(fields.udp),
            ));
        }
        let flags = cmd.flags();
        let default_queue = owned(ctx.hw, IqId(flags.defaultq() as u16))?;
        let vi = ctx.hw.mps.vi_mut(vin).ok_or(Retval::ENOENT)?;
        vi.rss.default_queue = Some(default_queue);
        vi.rss.fields = RssFields {
            ip4_four_tuple: flags.ip4fourtupen(),
            ip4_two_tuple: flags.ip4twotupen(),
            ip6_four_tuple: flags.ip6fourtupen(),
            ip6_two_tuple: flags.ip6twotupen(),
            udp: flags.udpen(),
        };
        Ok(cmd)
    }

    /// Entries of an interface's slice of the indirection table.
    pub(super) fn rss_ind_tbl<M: HostMemory>(
        ctx: &mut Ctx<'_, M>,
        cmd: RssIndTblCmd,
    ) -> Result<RssIndTblCmd, Retval> {
        let vin = vin_of(ctx.hw, cmd.hi().viid())?;
        let rss = ctx.hw.mps.vi(vin).ok_or(Retval::ENOENT)?.rss;
        let (start, count) = (usize::from(cmd.startidx()), usize::from(cmd.niqid()));
        if count > RssIndTblCmd::MAX || start + count > rss.size {
            return Err(Retval::EINVAL);
        }
        let queues: Result<Vec<IqId>, Retval> = cmd.iter().map(|iq| owned(ctx.hw, iq)).collect();
        for (index, iq) in queues?.into_iter().enumerate() {
            ctx.hw.set_rss_entry(rss.start + start + index, Some(iq));
        }
        Ok(cmd)
    }
}

/// An absolute queue id that is this function's.
fn owned<M>(hw: &Hw<M>, iq: IqId) -> Result<IqId, Retval> {
    let relative = iq.0.checked_sub(hw.config.iq_absolute_offset);
    match relative.and_then(|relative| hw.iq_id(relative)) {
        Some(iq) => Ok(iq),
        None => Err(Retval::EINVAL),
    }
}
