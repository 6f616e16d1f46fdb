//! mafo: TCP offload in userspace whose live connections survive a port or an adapter.
//!
//! | to | see |
//! |---|---|
//! | put a host together from adapters, ports and cables | [`Host`], [`HostConfig`] |
//! | listen, connect, send, receive | [`Core`], by [`Host::sockets_mut`] |
//! | follow a failover | [`Bond::poll_event`] |
//! | know how long failovers take | [`failover::Report`] |
//! | plug cables in | [`wire`] |
//! | forward frames, without a stack | [`SoftAdapter`], its driver [`Adapter`], [`EthPorts`] |
//! | hand things from one lcore to another | [`ring`] |
//! | take a clock, pin a core, reserve pages | [`eal`] |
//! | see it all in 80 lines | `apps/examples/echo.rs` |

mod away;
mod host;
mod sharing;
mod soft;
mod stats;
mod wire_port;

pub mod failover {
    //! How long failovers take.
    pub use mafo_failover::{Distribution, Report};
}

pub use away::CardRunner;
pub use host::{Host, HostConfig, HostError, MemberConfig, SoftConfig};
pub use mafo_asic::{
    AsicConfig, CardConnection, Charge, ControlKind, Mishap, Mishaps, Refusals, TpCounters,
};
pub use mafo_failover::{
    ArpValidate, BadBond, BadOption, Bond, BondConfig, BondCounters, BondEvent, BondOptions,
    BondWarning, FailOverMac, Goal, LinkId, Mode, NoLink, NoMove, NoSwitch, PrimaryReselect,
    XmitHashPolicy,
};
pub use mafo_mem::frame::capacity_for_mtu;
pub use mafo_mem::{Frame, FrameBurst, Meter, Nanos, checksum, counters, ring};
pub use mafo_pmd::adapter::{
    AdapterEvent, Outcome, PortResources, QueueSizes, Request, RequestId, Resources,
};
pub use mafo_pmd::eal;
pub use mafo_pmd::eth::{NotSent as EthNotSent, TxChecksum, TxTo};
pub use mafo_pmd::stats::{See, Xstat};
pub use mafo_pmd::{
    Adapter, AdapterConfig, AdapterError, Congestion, EthPort, EthPorts, PortsCounters, T5Port,
    TcpSettings, TxState,
};
pub use mafo_stack::policy;
pub use mafo_stack::{
    Account, Activity, Closed, CongestionControl, ConnectError, ConnectionError, Core, Defect,
    Defects, Dscp, EcnMode, Ended, Event, Footprint, FourTuple, GaveUp, Handover, IcmpError, Info,
    Keepalive, LENT_BYTES_MAX, LENT_PIECES_MAX, LendBuffer, LendError, Lent, Life, ListenError,
    ListenerId, MemberId, MoveError, MtuProbing, NotSent, Options, PathChoice, Policy, Portrait,
    Ran, Readiness, Recovery, Runs, Shard, SocketError, SocketId, Stack, StackConfig, State,
    Status, Then, Timeouts,
};
pub use mafo_t4::fw::{LinkState, RxMode};
pub use mafo_t4::wr::{FilterAction, FilterMatch, FwFilterWr};
pub use mafo_t4::{Ftid, IqId, L2tIdx, PortId};
pub use mafo_wire as wire;
pub use soft::{Faults, SoftAdapter};
pub use stats::PortView;
pub use wire_port::{Slot, WirePort};
