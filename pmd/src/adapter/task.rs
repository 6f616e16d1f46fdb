//! The steps of an adapter's life, in the order in which bring-up takes them.

use mafo_mem::Nanos;
use mafo_t4::fw::{CapsConfigCmd, Command};
use zerocopy::{Immutable, IntoBytes};

use super::{Adapter, AdapterError, Request, RequestId, Stage, State, Undo};
use crate::fw::{FwError, Reply};
use crate::tid::LcoreId;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Task {
    // Hello.
    WhoAmI,
    Hello { attempt: u32 },
    AwaitMaster { deadline: Nanos },
    Versions,
    // Configure.
    Reset,
    ConfigFile,
    BuiltInConfig,
    TrimCaps(CapsConfigCmd),
    FitToHost,
    Initialize,
    // Discover.
    FunctionResources,
    ClockAndPorts,
    Tables,
    WrapCpls,
    FilterMask,
    Capabilities,
    OffloadTables,
    Settings,
    RssGlobal,
    // Ports.
    PortInfo(usize),
    AllocVi(usize),
    // Queues.
    EventQueue,
    Ingress(LcoreId),
    Congestion(LcoreId),
    Ctrl(LcoreId),
    Eth(LcoreId, usize),
    Ofld(LcoreId, usize),
    // Enable.
    RssTable { port: usize, start: u16 },
    RssVi(usize),
    RxMode(usize),
    AddMac(usize),
    EnableVi(usize),
    StartLink(usize),
    Ready,
    // Later.
    Request(RequestId, Request),
    Undo(Undo),
    Closed,
}

/// What starting a task came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// Its command is under way.
    Submitted,
    /// It needed no command.
    Done,
    /// It has to be tried again.
    NotYet,
}

impl Task {
    fn stage(&self) -> Option<Stage> {
        Some(match self {
            Self::WhoAmI | Self::Hello { .. } | Self::AwaitMaster { .. } | Self::Versions => {
                Stage::Hello
            }
            Self::Reset
            | Self::ConfigFile
            | Self::BuiltInConfig
            | Self::TrimCaps(_)
            | Self::FitToHost
            | Self::Initialize => Stage::Configure,
            Self::FunctionResources
            | Self::ClockAndPorts
            | Self::Tables
            | Self::WrapCpls
            | Self::FilterMask
            | Self::Capabilities
            | Self::OffloadTables
            | Self::Settings
            | Self::RssGlobal => Stage::Discover,
            Self::PortInfo(_) | Self::AllocVi(_) => Stage::Ports,
            Self::EventQueue
            | Self::Ingress(_)
            | Self::Congestion(_)
            | Self::Ctrl(_)
            | Self::Eth(..)
            | Self::Ofld(..) => Stage::Queues,
            Self::RssTable { .. }
            | Self::RssVi(_)
            | Self::RxMode(_)
            | Self::AddMac(_)
            | Self::EnableVi(_)
            | Self::StartLink(_) => Stage::Enable,
            Self::Ready | Self::Request(..) | Self::Undo(_) | Self::Closed => return None,
        })
    }
}

impl Adapter {
    /// Begins a task.
    pub(super) fn start(&mut self, now: Nanos, task: &Task) -> Result<Started, AdapterError> {
        if let (State::Starting(stage), Some(next)) = (&mut self.state, task.stage()) {
            *stage = next;
        }
        match task {
            Task::WhoAmI => self.who_am_i(now),
            Task::Hello { .. } => self.hello(now),
            Task::AwaitMaster { deadline } => self.await_master(now, *deadline),
            Task::Versions
            | Task::Reset
            | Task::ConfigFile
            | Task::BuiltInConfig
            | Task::TrimCaps(_)
            | Task::Initialize
            | Task::FunctionResources
            | Task::ClockAndPorts
            | Task::Tables
            | Task::WrapCpls
            | Task::FilterMask
            | Task::Capabilities
            | Task::OffloadTables
            | Task::RssGlobal => self.submit_setup(now, task),
            Task::FitToHost => self.fit_to_host(),
            Task::Settings => self.read_settings(),
            Task::PortInfo(port) => self.ask_port(now, *port),
            Task::AllocVi(port) => self.alloc_vi(now, *port),
            Task::EventQueue => self.alloc_event_queue(now),
            Task::Ingress(lcore) => self.alloc_ingress(now, *lcore),
            Task::Congestion(lcore) => self.set_congestion(now, *lcore),
            Task::Ctrl(lcore) => self.alloc_ctrl(now, *lcore),
            Task::Eth(lcore, port) => self.alloc_eth(now, *lcore, *port),
            Task::Ofld(lcore, port) => self.alloc_ofld(now, *lcore, *port),
            Task::RssTable { port, start } => self.write_rss_table(now, *port, *start),
            Task::RssVi(port) => self.configure_rss(now, *port),
            Task::RxMode(port) => self.set_rx_mode(now, *port),
            Task::AddMac(port) => self.add_own_mac(now, *port),
            Task::EnableVi(port) => self.enable_vi(now, *port),
            Task::StartLink(port) => self.start_link(now, *port),
            Task::Ready => self.ready(),
            Task::Request(_, request) => self.submit_request(now, request),
            Task::Undo(undo) => self.submit_undo(now, undo),
            Task::Closed => self.closed(),
        }
    }

    /// Ends a task whose command succeeded.
    pub(super) fn finish(
        &mut self,
        now: Nanos,
        task: Task,
        reply: &Reply,
    ) -> Result<(), AdapterError> {
        match task {
            Task::Hello { .. } => self.on_hello(now, reply),
            Task::PortInfo(port) => self.on_port_info(port, reply),
            Task::AllocVi(port) => self.on_vi(port, reply),
            Task::EventQueue => self.on_event_queue(reply),
            Task::Ingress(lcore) => self.on_ingress(lcore, reply),
            Task::Ctrl(lcore) => self.on_ctrl(lcore, reply),
            Task::Eth(lcore, port) => self.on_eth(lcore, port, reply),
            Task::Ofld(lcore, port) => self.on_ofld(lcore, port, reply),
            Task::RssTable { port, start } => self.on_rss_table(port, start),
            Task::AddMac(port) => self.on_own_mac(port, reply),
            Task::EnableVi(port) => self.on_enabled(port),
            Task::Request(id, request) => self.on_request(id, &request, reply),
            Task::Undo(undo) => self.on_undone(&undo),
            Task::Congestion(_) | Task::RssVi(_) | Task::RxMode(_) | Task::StartLink(_) => Ok(()),
            setup => self.on_setup(&setup, reply),
        }
    }

    /// Ends a task whose command did not succeed: some may fail.
    pub(super) fn unsuccessful(
        &mut self,
        now: Nanos,
        task: Task,
        error: FwError,
    ) -> Result<(), AdapterError> {
        match task {
            Task::Hello { attempt } => self.on_hello_failed(now, attempt, error),
            // The card has a configuration of its own.
            Task::ConfigFile if error.is_refusal() => {
                self.tasks.push_front(Task::BuiltInConfig);
                Ok(())
            }
            // Firmware that does not know them; the register tells the mode at least, and without feedback a full queue
            // loses frames.
            Task::FilterMask | Task::WrapCpls | Task::Congestion(_) if error.is_refusal() => Ok(()),
            Task::Request(id, _) if error.is_refusal() => {
                self.request_refused(id, error);
                Ok(())
            }
            Task::Undo(undo) if error.is_refusal() => self.undo_refused(&undo, error),
            _ => Err(error.into()),
        }
    }

    /// Submits a command with the usual deadline.
    pub(super) fn submit<C: Command + IntoBytes + Immutable>(
        &mut self,
        now: Nanos,
        command: &C,
    ) -> Started {
        self.mailbox.submit(now, command, self.config.command_timeout);
        Started::Submitted
    }
}
