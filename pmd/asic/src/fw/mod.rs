//! The firmware: commands of the mailbox, resources, link events.
//!
//! A command lies in the mailbox until the card is polled, and for as many polls more as the seed
//! draws. Its reply is the command with its answers filled in and an errno.

mod device;
mod params;
mod port;
mod queues;
mod rss;
mod vi;

use std::collections::VecDeque;

use mafo_t4::fw::{Command, Header, Opcode, ResetCmd, Retval};
use mafo_t4::regs::pcie::PCIE_FW;
use mafo_t4::{HostMemory, PortId};
use zerocopy::{Immutable, IntoBytes};

use crate::bar::Mail;
use crate::config::AsicConfig;
use crate::delay::Late;
use crate::hw::Hw;
use crate::tp::Tp;

use device::Clip;

mafo_mem::counters! {
    /// What the firmware was asked and said.
    pub struct FwCounters {
        /// Commands carried out.
        commands,
        /// Commands answered with an error.
        commands_failed,
        /// Commands that the model does not know (ENOSYS); among the failed.
        commands_unknown,
        /// Mailbox handed over without a command.
        mailbox_spurious,
        /// Link events told.
        link_events,
        /// Link events lost because nobody read the earlier ones.
        link_events_lost,
    }
}

/// Whether a driver has said HELLO and not BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    Absent,
    Present,
}

/// How far the card is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Since the last reset nobody has.
    Unconfigured,
    /// INITIALIZE was said; it stays so when the driver leaves.
    Initialized,
}

/// Whether the firmware runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processor {
    Running,
    /// By RESET with HALT, until the chip is reset: the mailbox is not answered.
    Halted,
}

/// Link events that wait for the event queue, at most.
const EVENTS_MAX: usize = 64;

/// The firmware.
#[derive(Debug)]
pub(crate) struct Firmware {
    pub(crate) counters: FwCounters,
    driver: Driver,
    stage: Stage,
    processor: Processor,
    /// The driver's capabilities after trimming, by which queues may be had.
    toe: bool,
    /// The driver wants port state in the 32-bit form.
    port_caps32: bool,
    clip: Clip,
    /// Slices of the RSS table in use, a bit each.
    rss_slices: u64,
    command: Late<()>,
    /// Ports whose state is to be told.
    events: VecDeque<PortId>,
    /// One of them is new: nobody has tried to tell it.
    events_new: bool,
    /// None of them is told.
    loses_events: bool,
}

/// What a command works on.
struct Ctx<'a, M> {
    hw: &'a mut Hw<M>,
    tp: &'a mut Tp,
}

impl Firmware {
    pub(crate) fn new() -> Self {
        Self {
            counters: FwCounters::new(),
            driver: Driver::Absent,
            stage: Stage::Unconfigured,
            processor: Processor::Running,
            toe: true,
            port_caps32: false,
            clip: Clip::default(),
            rss_slices: 0,
            command: Late::default(),
            events: VecDeque::new(),
            events_new: false,
            loses_events: false,
        }
    }

    /// Everything as at power-on, but for what was counted.
    pub(crate) fn reset(&mut self) {
        *self = Self { counters: self.counters, ..Self::new() };
    }

    /// Whether link events are lost from now on.
    pub(crate) fn lose_events(&mut self, lose: bool) {
        self.loses_events = lose;
    }

    /// The chip was reset by a command of the driver, who is still there, and gets its answer.
    pub(crate) fn come_back<M: HostMemory>(&mut self, hw: &mut Hw<M>, reset: &Reset) {
        self.driver = Driver::Present;
        if reset.halt {
            self.processor = Processor::Halted;
        }
        hw.shared.control().mailbox.reply(&reset.reply);
        self.show_state(hw);
    }

    /// Whether a poll would carry out a command or tell an event. An event that found no queue or no
    /// credit waits for the host.
    pub(crate) fn is_busy(&self) -> bool {
        !self.command.is_empty() || self.events_new
    }

    /// The mailbox was handed over.
    pub(crate) fn mailbox_rung<M: HostMemory>(&mut self, hw: &mut Hw<M>) {
        if self.processor == Processor::Halted {
            return;
        }
        if self.command.is_empty() && hw.shared.control().mailbox.is_firmwares() {
            let due = hw.sge.dma.lateness().draw();
            self.command.push(due, ());
        }
    }

    /// Carries out a command that is due, and tells events. A RESET command leaves its answer to
    /// whoever resets the card.
    pub(crate) fn poll<M: HostMemory>(&mut self, hw: &mut Hw<M>, tp: &mut Tp) -> Option<Reset> {
        let poll = hw.sge.dma.lateness().poll();
        let reset = match self.command.pop_due(poll) {
            Some(()) => self.run_mailbox(hw, tp),
            None => None,
        };
        self.tell_events(hw);
        reset
    }

    fn run_mailbox<M: HostMemory>(&mut self, hw: &mut Hw<M>, tp: &mut Tp) -> Option<Reset> {
        let command = hw.shared.control().mailbox.command();
        let Some(mail) = command else {
            self.counters.mailbox_spurious += 1;
            return None;
        };
        let reply = self.execute(&mut Ctx { hw, tp }, &mail);
        let retval = Header::parse(&reply).map_or(Retval::EIO, Header::retval);
        self.counters.commands += 1;
        if retval != Retval::SUCCESS {
            self.counters.commands_failed += 1;
        } else if let Some(cmd) = ResetCmd::matching(&mail) {
            return Some(Reset { halt: cmd.flags().halt(), reply });
        }
        hw.shared.control().mailbox.reply(&reply);
        self.show_state(hw);
        None
    }

    /// PCIE_FW: the state that the host may see at any time.
    fn show_state<M: HostMemory>(&self, hw: &Hw<M>) {
        let there = self.driver == Driver::Present;
        let word = PCIE_FW(0)
            .with_init(self.stage == Stage::Initialized)
            .with_halt(self.processor == Processor::Halted)
            .with_master_vld(there)
            .with_master(if there { u32::from(hw.config.pf) } else { 0 });
        hw.shared.put_register(PCIE_FW::OFFSET, word.0);
    }

    fn execute<M: HostMemory>(&mut self, ctx: &mut Ctx<'_, M>, mail: &Mail) -> Mail {
        let Some(header) = Header::parse(mail) else { return *mail };
        let opcode = header.hi().opcode();
        if !header.hi().request() || header.is_empty() || header.len() > mail.len() {
            return failed(mail, Retval::EINVAL);
        }
        if self.driver == Driver::Absent && opcode != Opcode::HELLO {
            return failed(mail, Retval::EPERM);
        }
        match opcode {
            Opcode::HELLO => answer(mail, |cmd| self.hello(ctx, cmd)),
            Opcode::BYE => answer(mail, |cmd| self.bye(ctx, cmd)),
            Opcode::RESET => answer(mail, Self::reset_command),
            Opcode::INITIALIZE => answer(mail, |cmd| self.initialize(cmd)),
            Opcode::CAPS_CONFIG => answer(mail, |cmd| self.caps_config(cmd)),
            Opcode::PARAMS => answer(mail, |cmd| self.params(ctx, cmd)),
            Opcode::PFVF => answer(mail, |cmd| Self::pfvf(ctx, cmd)),
            Opcode::LDST => answer(mail, |cmd| Self::ldst(ctx, cmd)),
            Opcode::CLIP => answer(mail, |cmd| self.clip(cmd)),
            Opcode::PORT => self.port(ctx, mail),
            Opcode::VI => answer(mail, |cmd| self.vi(ctx, cmd)),
            Opcode::VI_MAC => Self::vi_mac(ctx, mail),
            Opcode::VI_RXMODE => answer(mail, |cmd| Self::vi_rxmode(ctx, cmd)),
            Opcode::VI_ENABLE => answer(mail, |cmd| self.vi_enable(ctx, cmd)),
            Opcode::IQ => answer(mail, |cmd| self.iq(ctx, cmd)),
            Opcode::EQ_ETH => answer(mail, |cmd| self.eq_eth(ctx, cmd)),
            Opcode::EQ_CTRL => answer(mail, |cmd| self.eq_ctrl(ctx, cmd)),
            Opcode::EQ_OFLD => answer(mail, |cmd| self.eq_ofld(ctx, cmd)),
            Opcode::RSS_GLB_CONFIG => answer(mail, |cmd| Self::rss_glb_config(ctx, cmd)),
            Opcode::RSS_VI_CONFIG => answer(mail, |cmd| Self::rss_vi_config(ctx, cmd)),
            Opcode::RSS_IND_TBL => answer(mail, |cmd| Self::rss_ind_tbl(ctx, cmd)),
            _ => {
                self.counters.commands_unknown += 1;
                failed(mail, Retval::ENOSYS)
            }
        }
    }

    /// Queues and interfaces come after INITIALIZE.
    fn initialized(&self) -> Result<(), Retval> {
        if self.stage == Stage::Initialized { Ok(()) } else { Err(Retval::EPERM) }
    }
}

/// The driver asked for a reset of the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reset {
    /// The firmware halts after it.
    halt: bool,
    /// The answer.
    reply: Mail,
}

/// The reply to a command that a handler fills in, or refuses.
fn answer<C: Command + IntoBytes + Immutable>(
    mail: &Mail,
    handle: impl FnOnce(C) -> Result<C, Retval>,
) -> Mail {
    let Some(command) = C::matching(mail) else { return failed(mail, Retval::EINVAL) };
    match handle(*command) {
        Ok(reply) => replied(mail, reply.with_retval(Retval::SUCCESS)),
        Err(retval) => failed(mail, retval),
    }
}

/// `reply` in the place of the command of `mail`; it is no request any more.
fn replied<C: Command + IntoBytes + Immutable>(mail: &Mail, mut reply: C) -> Mail {
    let header = reply.header();
    reply.set_header(header.with_hi(header.hi().with_request(false)));
    let mut bytes = *mail;
    for (byte, value) in bytes.iter_mut().zip(reply.as_bytes()) {
        *byte = *value;
    }
    bytes
}

/// The reply of a command that was refused: itself with the error.
fn failed(mail: &Mail, retval: Retval) -> Mail {
    let Some(header) = Header::parse(mail) else { return *mail };
    let header = header
        .with_hi(header.hi().with_request(false))
        .with_lo(header.lo().with_retval(u32::from(retval.0)));
    let mut bytes = *mail;
    for (byte, value) in bytes.iter_mut().zip(header.as_bytes()) {
        *byte = *value;
    }
    bytes
}

/// The ranges of tids of a card.
pub(crate) fn regions(config: &AsicConfig) -> crate::le::Regions {
    crate::le::Regions {
        tid_base: 0,
        tids: config.ntids,
        tid_order_seed: config.tid_order_seed,
        secret: config.seed,
        filter_base: config.filter_start,
        filters: config.nfilters,
        server_base: config.server_start,
        servers: config.nservers,
    }
}
