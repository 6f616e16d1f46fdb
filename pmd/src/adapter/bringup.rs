//! From the first register to the list of what the card has.

use std::ops::Range;

use mafo_mem::Nanos;
use mafo_t4::PortId;
use mafo_t4::fw::{
    self, Access, CapsConfigCmd, Command, DevParam, FilterModeMask, FilterParam, HelloCmd,
    HelloFlags, InitializeCmd, MemType, OfldCaps, Opcode, Param, ParamsCmd, PfvfCmd, PfvfParam,
    ResetCmd, RssGlbConfigCmd, RssGlbFlags, RssMode, Version,
};
use mafo_t4::regs::pcie::PCIE_FW;
use mafo_t4::regs::pl::{PL_REV, PL_RST, PL_WHOAMI};

use super::close::Undo;
use super::registers::{self, SgeLayout, TpSettings};
use super::task::{Started, Task};
use super::{Adapter, AdapterError};
use crate::fw::{FwError, Mailbox, Reply};

/// Where the flash keeps a configuration file: sector 31 (t4_hw.h FLASH_CFG_START).
const FLASH_CONFIG_FILE: u32 = 31 << 16;
/// Handles of active opens have 14 bits, of which drivers use 13 (t4_main.c MAX_ATIDS).
const ATIDS_MAX: u32 = 8192;
/// A tid has 24 bits; the tables that know them have as many entries as the card claims tids.
const NTIDS_MAX: u32 = 1 << 20;
/// What a register of a card that is not there reads as.
const GONE: u32 = u32::MAX;

/// What bring-up has learnt so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) pf: u8,
    pub(super) chip_revision: u8,
    pub(super) master: bool,
    pub(super) firmware: Version,
    pub(super) tp_microcode: Version,
    pub(super) caps: CapsConfigCmd,
    pub(super) core_clock_khz: u32,
    /// Ports, ascending.
    pub(super) ports: Vec<PortId>,
    pub(super) l2t: Range<u32>,
    pub(super) filters: Range<u32>,
    pub(super) servers: Range<u32>,
    pub(super) ntids: u32,
    pub(super) flowc_credits: u16,
    pub(super) filter_mask: Option<FilterModeMask>,
    pub(super) sge: Option<SgeLayout>,
    pub(super) tp: Option<TpSettings>,
}

impl Adapter {
    /// Waits for the card to answer at all; tells which function we are.
    pub(super) fn who_am_i(&mut self, now: Nanos) -> Result<Started, AdapterError> {
        let who = PL_WHOAMI::read(&*self.bar);
        if who.0 == GONE {
            let since = self.started.unwrap_or(now);
            let late = now - since >= self.config.command_timeout;
            return if late { Err(AdapterError::Gone) } else { Ok(Started::NotYet) };
        }
        // Three bits, four bits.
        self.draft.pf = who.sourcepf() as u8;
        self.draft.chip_revision = PL_REV::read(&*self.bar).rev() as u8;
        self.mailbox = Mailbox::new(self.bar.clone(), self.draft.pf);
        self.tasks.push_back(Task::Hello { attempt: 1 });
        Ok(Started::Done)
    }

    pub(super) fn hello(&mut self, now: Nanos) -> Result<Started, AdapterError> {
        let flags = HelloFlags(0)
            .with_mbmaster(HelloFlags::ANY_MASTER)
            .with_mbasyncnot(self.draft.pf.into())
            .with_stage(HelloFlags::STAGE_OS)
            .with_clearinit(true);
        let hello = HelloCmd::request(Access::Write).with_flags(flags);
        Ok(self.submit(now, &hello))
    }

    pub(super) fn on_hello(&mut self, now: Nanos, reply: &Reply) -> Result<(), AdapterError> {
        let hello = read::<HelloCmd>(reply);
        let flags = hello.flags();
        self.note_allocated(Undo::Bye, Vec::new());
        if flags.err() {
            let state = PCIE_FW::read(&*self.bar);
            return Err(FwError::Stopped { command: Opcode::HELLO, state }.into());
        }
        self.draft.firmware = hello.fwrev();
        self.draft.master = flags.master() == self.draft.pf;
        self.tasks.push_back(Task::Versions);
        if flags.init() {
            self.plan_discovery();
        } else if self.draft.master {
            self.tasks.extend([Task::Reset, Task::ConfigFile]);
        } else {
            let deadline = now + Nanos::from_millis(fw::HELLO_TIMEOUT_MS.into());
            self.tasks.push_back(Task::AwaitMaster { deadline });
        }
        Ok(())
    }

    pub(super) fn on_hello_failed(
        &mut self,
        _now: Nanos,
        attempt: u32,
        error: FwError,
    ) -> Result<(), AdapterError> {
        let again = matches!(error, FwError::Busy { .. } | FwError::TimedOut { .. });
        if !again || attempt >= fw::HELLO_RETRIES {
            return Err(error.into());
        }
        tracing::warn!("{error}; trying again");
        self.tasks.push_front(Task::Hello { attempt: attempt + 1 });
        Ok(())
    }

    /// Another function is master and configures the card.
    pub(super) fn await_master(
        &mut self,
        now: Nanos,
        deadline: Nanos,
    ) -> Result<Started, AdapterError> {
        let state = PCIE_FW::read(&*self.bar);
        if state.0 == GONE {
            return Err(AdapterError::Gone);
        }
        if state.err() {
            return Err(FwError::Stopped { command: Opcode::HELLO, state }.into());
        }
        if state.init() {
            self.plan_discovery();
            return Ok(Started::Done);
        }
        if now >= deadline {
            return Err(AdapterError::ForeignMaster { master: state.master() as u8 });
        }
        Ok(Started::NotYet)
    }

    fn plan_discovery(&mut self) {
        self.tasks.extend([
            Task::FunctionResources,
            Task::ClockAndPorts,
            Task::Tables,
            Task::WrapCpls,
            Task::FilterMask,
            Task::Capabilities,
            Task::OffloadTables,
            Task::Settings,
        ]);
    }

    /// Submits the commands of a task that is about the whole card.
    pub(super) fn submit_setup(
        &mut self,
        now: Nanos,
        task: &Task,
    ) -> Result<Started, AdapterError> {
        let started = match task {
            Task::Reset => {
                let val = PL_RST(0).with_piorst(true).with_piorstmode(true);
                self.submit(now, &ResetCmd::request(Access::Write).with_val(val))
            }
            Task::ConfigFile => {
                self.submit(now, &CapsConfigCmd::from_file(MemType::FLASH, FLASH_CONFIG_FILE))
            }
            Task::BuiltInConfig | Task::Capabilities => {
                self.submit(now, &CapsConfigCmd::request(Access::Read))
            }
            Task::TrimCaps(caps) => self.submit(now, caps),
            Task::Initialize => self.submit(now, &InitializeCmd::request(Access::Write)),
            Task::FunctionResources => {
                self.submit(now, &PfvfCmd::request(Access::Read).of_function(self.draft.pf, 0))
            }
            Task::WrapCpls => {
                let param = Param::pfvf(PfvfParam::CPLFW4MSG_ENCAP);
                let command = ParamsCmd::write(&[(param, 1)]).of_function(self.draft.pf, 0);
                self.submit(now, &command)
            }
            Task::RssGlobal => self.submit(now, &rss_of_the_card()),
            inquiry => {
                let command = ParamsCmd::read(params_of(inquiry)).of_function(self.draft.pf, 0);
                self.submit(now, &command)
            }
        };
        Ok(started)
    }

    /// Takes the reply to a task that is about the whole card.
    pub(super) fn on_setup(&mut self, task: &Task, reply: &Reply) -> Result<(), AdapterError> {
        match task {
            Task::ConfigFile | Task::BuiltInConfig => {
                let trimmed = trim(read::<CapsConfigCmd>(reply))?;
                let steps = [Task::TrimCaps(trimmed), Task::FitToHost, Task::Initialize];
                self.tasks.extend(steps);
                Ok(())
            }
            Task::Initialize => {
                self.plan_discovery();
                Ok(())
            }
            Task::FunctionResources => self.check_function(read::<PfvfCmd>(reply)),
            Task::Capabilities => {
                let caps = read::<CapsConfigCmd>(reply);
                self.draft.caps = *caps;
                if caps.ofldcaps().toe() { Ok(()) } else { Err(AdapterError::NoOffload) }
            }
            Task::RssGlobal => self.plan_ports(),
            Task::Versions
            | Task::ClockAndPorts
            | Task::Tables
            | Task::FilterMask
            | Task::OffloadTables => {
                let params = read::<ParamsCmd>(reply);
                let mut values = [0; ParamsCmd::MAX];
                for (value, (_, told)) in values.iter_mut().zip(params.iter()) {
                    *value = told;
                }
                self.on_params(task, values)
            }
            _ => Ok(()),
        }
    }

    fn on_params(
        &mut self,
        task: &Task,
        values: [u32; ParamsCmd::MAX],
    ) -> Result<(), AdapterError> {
        let draft = &mut self.draft;
        let [a, b, c, d, ..] = values;
        match task {
            Task::Versions => {
                draft.firmware = Version(a);
                draft.tp_microcode = Version(b);
            }
            Task::ClockAndPorts => {
                draft.core_clock_khz = nonzero("CCLK", a)?;
                draft.ports = (0..4).filter(|port| b >> port & 1 == 1).map(PortId).collect();
                if draft.ports.is_empty() {
                    return Err(bad_param("PORTVEC", b));
                }
            }
            Task::Tables => {
                draft.l2t = inclusive("L2T_END", a, b)?;
                draft.filters = inclusive("FILTER_END", c, d)?;
            }
            Task::FilterMask => draft.filter_mask = Some(FilterModeMask(a)),
            Task::OffloadTables => {
                draft.ntids = nonzero("NTID", a)?;
                if draft.ntids > NTIDS_MAX {
                    return Err(bad_param("NTID", a));
                }
                draft.servers = inclusive("SERVER_END", b, c)?;
                // An abort and its answer need four, a FLOWC five: with fewer nothing works.
                let credits = u16::try_from(d).ok().filter(|&credits| credits >= 16);
                draft.flowc_credits = credits.ok_or(bad_param("FLOWC_BUFFIFO_SZ", d))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the function has as many queues and interfaces as the configuration needs.
    fn check_function(&mut self, function: &PfvfCmd) -> Result<(), AdapterError> {
        let lcores = u32::from(self.config.lcores);
        // The ports are not known yet; one at least.
        let needs = [
            ("NIQFLINT", function.iqs().niqflint(), lcores + 1),
            ("NEQ", function.eqs().neq(), lcores * 4),
            ("NVI", function.vis().nvi(), 1),
        ];
        for (what, value, need) in needs {
            if value < need {
                return Err(AdapterError::BadReply { command: Opcode::PFVF, what, value });
            }
        }
        Ok(())
    }

    /// As master, fits the card's global settings to this host.
    pub(super) fn fit_to_host(&mut self) -> Result<Started, AdapterError> {
        registers::fit_to_host(&self.bar);
        Ok(Started::Done)
    }

    pub(super) fn read_settings(&mut self) -> Result<Started, AdapterError> {
        let sge = SgeLayout::read(&self.bar, self.draft.pf)?;
        self.draft.sge = Some(sge);
        if self.draft.master {
            self.config.tcp.write(&*self.bar, self.draft.core_clock_khz);
        }
        self.draft.tp =
            Some(registers::tp_settings(&self.bar, self.draft.master, self.config.mtus));
        if self.draft.master {
            self.tasks.push_back(Task::RssGlobal);
        } else {
            self.plan_ports()?;
        }
        Ok(Started::Done)
    }

    fn plan_ports(&mut self) -> Result<(), AdapterError> {
        for port in 0..self.draft.ports.len() {
            self.tasks.extend([Task::PortInfo(port), Task::AllocVi(port)]);
        }
        self.plan_queues();
        Ok(())
    }

    /// Handles of active opens.
    pub(super) fn atids(&self) -> Range<u32> {
        0..(self.draft.ntids / 2).min(ATIDS_MAX)
    }
}

/// The structure at the front of a reply, which has room for all of them.
pub(super) fn read<C: Command>(reply: &Reply) -> &C {
    match C::from_bytes(reply) {
        Some(command) => command,
        None => unreachable!("a reply has room for every command"),
    }
}

/// What the tasks that only ask, ask for, in the order in which the values are taken.
fn params_of(task: &Task) -> &'static [Param] {
    const VERSIONS: [Param; 2] = [Param::dev(DevParam::FWREV), Param::dev(DevParam::TPREV)];
    const CLOCK: [Param; 2] = [Param::dev(DevParam::CCLK), Param::dev(DevParam::PORTVEC)];
    const TABLES: [Param; 4] = [
        Param::pfvf(PfvfParam::L2T_START),
        Param::pfvf(PfvfParam::L2T_END),
        Param::pfvf(PfvfParam::FILTER_START),
        Param::pfvf(PfvfParam::FILTER_END),
    ];
    const FILTER_MASK: [Param; 1] = [Param::filter(FilterParam::MODE_MASK)];
    const OFFLOAD: [Param; 4] = [
        Param::dev(DevParam::NTID),
        Param::pfvf(PfvfParam::SERVER_START),
        Param::pfvf(PfvfParam::SERVER_END),
        Param::dev(DevParam::FLOWC_BUFFIFO_SZ),
    ];
    match task {
        Task::Versions => &VERSIONS,
        Task::ClockAndPorts => &CLOCK,
        Task::Tables => &TABLES,
        Task::FilterMask => &FILTER_MASK,
        Task::OffloadTables => &OFFLOAD,
        other => unreachable!("{other:?} asks for no parameters"),
    }
}

/// Of what the configuration file offers, what this driver drives.
fn trim(offered: &CapsConfigCmd) -> Result<CapsConfigCmd, AdapterError> {
    if !offered.ofldcaps().toe() {
        return Err(AdapterError::NoOffload);
    }
    let niccaps = offered.niccaps().with_ethofld(false).with_hashfilter(false);
    Ok(CapsConfigCmd::request(Access::Write)
        .with_hwmbitmap(offered.hwmbitmap())
        .with_nbmcaps(offered.nbmcaps())
        .with_linkcaps(offered.linkcaps())
        .with_switchcaps(offered.switchcaps())
        .with_niccaps(niccaps)
        .with_ofldcaps(OfldCaps(0).with_toe(true))
        .with_cfcsum(offered.cfcsum())
        .with_finiver(offered.finiver())
        .with_finicsum(offered.finicsum()))
}

/// Hash by the four-tuple, look it up for frames that no connection takes.
fn rss_of_the_card() -> RssGlbConfigCmd {
    RssGlbConfigCmd::request(Access::Write)
        .with_mode(RssMode(0).with_mode(RssMode::BASICVIRTUAL))
        .with_flags(RssGlbFlags(0).with_tnlmapen(true).with_hashtoeplitz(true))
}

/// A range whose last number the firmware tells; the number before the first means none.
fn inclusive(what: &'static str, start: u32, end: u32) -> Result<Range<u32>, AdapterError> {
    let past = end.checked_add(1).filter(|&past| past >= start && past - start <= NTIDS_MAX);
    Ok(start..past.ok_or(bad_param(what, end))?)
}

fn nonzero(what: &'static str, value: u32) -> Result<u32, AdapterError> {
    if value == 0 { Err(bad_param(what, value)) } else { Ok(value) }
}

fn bad_param(what: &'static str, value: u32) -> AdapterError {
    AdapterError::BadReply { command: Opcode::PARAMS, what, value }
}
