//! A socket as the scripts know an endpoint.

use std::cell::{RefCell, RefMut};

use mafo::{
    AdapterConfig, AsicConfig, Congestion, CongestionControl, Ended, Event, FourTuple, GaveUp,
    IcmpError, ListenerId, Nanos, Options, PathChoice, Readiness, SocketId, StackConfig,
    TcpSettings, Timeouts,
};
use mafo_pmd::adapter::QueueSizes;
use mafo_stack::tom::state::State as CardState;
use mafo_tcp::script::{Bench, Endpoint, Setup};
use mafo_tcp::{Counters, Patience, Segment, SeqNum, State, Switches, TimeWait};

use crate::far::{OUR_MAC, OUR_PORT, PEER, PEER_PORT, US};
use crate::moved;
use crate::world::{Failover, World};

/// Bytes of IPv4 and TCP headers without options.
const HEADERS: u16 = 40;
/// Bytes that a socket holds for sending: more than any script sends.
const SEND_BUFFER: usize = 1 << 20;
const BACKLOG: usize = 4;

/// Scripts that ask for what no field of the T5 interface says.
pub(crate) const EXCUSES: [(&str, &str); 8] = [
    ("close_in_syn_sent", "before ACT_ESTABLISH there is no TID to be named in a CLOSE_CON_REQ"),
    (
        "abort_is_silent_elsewhere",
        "before ACT_ESTABLISH there is no TID to be named in an ABORT_REQ",
    ),
    ("error_in_syn_sent_ends_the_open", "before ACT_ESTABLISH there is no TID for an ABORT_REQ"),
    ("syn_times_out_by_the_user", "before ACT_ESTABLISH there is no TID for an ABORT_REQ"),
    ("payload_posted_early_carries_the_ack", "before ACT_ESTABLISH there is no TID for a TX_DATA"),
    ("syns_are_sent_as_often_as_asked_for", "TP_SHIFT_CNT.SYNSHIFTMAX is one for all connections"),
    (
        "user_timeout_takes_the_place_of_the_count_of_keepalive_probes",
        "TP_KEEP_IDLE and TP_KEEP_INTVL are one for all connections",
    ),
    (
        "bbr_paces_the_initial_window",
        "TP_PARA_REG0.INITCWND, which the first pace is made of, has three bits",
    ),
];

/// Runs scripts on sockets.
pub(crate) struct SocketBench {
    pub(crate) path: PathChoice,
    pub(crate) failover: Option<Failover>,
}

impl Bench for SocketBench {
    fn start(&mut self, setup: &Setup) -> Box<dyn Endpoint> {
        let sockets = Sockets::new(self.path, self.failover, setup);
        Box::new(SocketEndpoint { sockets: RefCell::new(sockets) })
    }

    fn excuse(&self, script: &str) -> Option<&'static str> {
        let on_cards = EXCUSES.iter().filter(|_| self.path == PathChoice::Offload);
        let moved = self.failover.map_or(&[][..], moved::excuses);
        on_cards.chain(moved).find(|(name, _)| *name == script).map(|(_, why)| *why)
    }
}

/// What `setup` asks of a stack.
fn stack_config(setup: &Setup) -> StackConfig {
    let mut config = StackConfig::new(US, 24, OUR_MAC);
    config.mtu = config.mtu.max(setup.mss + HEADERS);
    config.rx_packet_max = 9000;
    config.sockets_max = 4;
    config.send_buffer = SEND_BUFFER;
    config.recv_buffer = setup.rcv_buf as usize;
    config.recv_buffer_max = match setup.window_scale {
        // The least that needs this shift.
        Some(shift @ 1..) => 1 << (15 + shift),
        Some(0) | None => 0,
    };
    config.window_scaling = setup.window_scale.is_some();
    config.timestamps = setup.timestamps;
    config.sack = setup.sack;
    config.ecn = setup.ecn;
    config.adapter_initial_window = Some(setup.config.initial_window_segments);
    config.adapter_congestion = code_points(setup.congestion);
    config.path_mtu_least = 0;
    config.secret = *b"packet scripts..";
    if let TimeWait::Keep(time) = setup.config.time_wait {
        config.time_wait = time;
    }
    config.tcp = mafo_tcp::Config { time_wait: TimeWait::Owner, ..setup.config.clone() };
    config
}

/// What `setup` asks of a card: one whose ticks divide a millisecond, so that its timers are not late.
fn card_config(setup: &Setup) -> (AsicConfig, AdapterConfig) {
    let config = &setup.config;
    let asic = AsicConfig {
        cclk_khz: 262_144,
        congestion: code_points(setup.congestion),
        engine: config.clone(),
        ..AsicConfig::t540_cr()
    };
    // A queue that is full before its freelist is empty: what needs no buffer is stopped as well.
    let queues = QueueSizes { ingress: 512, freelist: 1024, ..QueueSizes::default() };
    let driver = AdapterConfig {
        queues,
        // The host is to be able to stand still while its card goes on.
        congestion: Congestion::Drop,
        mtus: Some(mtu_table(setup.mss + HEADERS)),
        tcp: TcpSettings {
            rto_initial: Some(config.rto_initial),
            rto_min: Some(config.rto_min),
            rto_max: Some(config.rto_max),
            delayed_ack: Some(config.delayed_ack),
            keepalive_idle: Some(config.keepalive.idle),
            keepalive_interval: Some(config.keepalive.interval),
            keepalive_advice: None,
            keepalive_probes: Some(config.keepalive.probes_max),
            syn_retransmits: Some(config.syn_retransmits_max),
            retransmits_advice: Some(config.retransmits_advice),
            retransmits: Some(config.retransmits_max),
            // More are written to the connection's own window.
            initial_window: Some(config.initial_window_segments.min(7)),
            ttl: None,
        },
        ..AdapterConfig::default()
    };
    (asic, driver)
}

/// Packet sizes of the scripts, and the one of our segments.
fn mtu_table(ours: u16) -> [u16; 16] {
    const SIZES: [u16; 15] =
        [88, 440, 540, 552, 576, 640, 790, 940, 1040, 1500, 2002, 4096, 6000, 8000, 9000];
    let mut table = [9200; 16];
    table[..SIZES.len()].copy_from_slice(&SIZES);
    if !SIZES.contains(&ours) {
        table[SIZES.len()] = ours;
        table.sort_unstable();
    }
    table
}

/// What the code points stand for: T5's own set, the first of it replaced by what T5 does not have.
fn code_points(wanted: CongestionControl) -> [CongestionControl; 4] {
    let t5 = StackConfig::new(US, 24, OUR_MAC).adapter_congestion;
    let [_, rest @ ..] = t5;
    if rest.contains(&wanted) { t5 } else { [wanted, rest[0], rest[1], rest[2]] }
}

fn options(path: PathChoice, setup: &Setup) -> Options {
    let switches = setup.switches;
    Options {
        nagle: switches.nagle,
        cork: switches.cork,
        quick_ack: !switches.delayed_ack,
        keepalive: switches.keepalive,
        congestion: Some(setup.congestion),
        mss: Some(setup.mss),
        ..Options::on(path)
    }
}

struct Sockets {
    world: World,
    setup: Setup,
    options: Options,
    socket: Option<SocketId>,
    listener: Option<ListenerId>,
    /// Bytes that the application has read.
    read: u64,
    urgent_end: Option<u64>,
    /// How the application let go of it, if it did.
    let_go: Option<Ended>,
    /// Segments came that nobody has looked at.
    news: bool,
    /// The application did something, and nobody has looked what came of it.
    acted: bool,
    /// What a router said last.
    icmp: Option<IcmpError>,
    /// What was counted before there was a connection.
    before: Counters,
}

impl Sockets {
    fn new(path: PathChoice, failover: Option<Failover>, setup: &Setup) -> Self {
        let (stack, card) = (stack_config(setup), card_config(setup));
        let world = World::new(path, failover, stack, card, Nanos::from_secs(1_000));
        let before = world.tcp_counters();
        Self {
            world,
            setup: setup.clone(),
            options: options(path, setup),
            socket: None,
            listener: None,
            read: 0,
            urgent_end: None,
            let_go: None,
            news: false,
            acted: false,
            icmp: None,
            before,
        }
    }

    fn tuple() -> FourTuple {
        FourTuple { local: (US, OUR_PORT).into(), remote: (PEER, PEER_PORT).into() }
    }

    fn settle(&mut self) {
        (self.news, self.acted) = (false, false);
        self.world.settle();
        while let Some(event) = self.world.core_mut().poll_event() {
            self.handle_event(event);
        }
        // An endpoint is a connection also before an application is told of it.
        let newest = self.world.core().lookup(&Self::tuple());
        if newest.is_some() && newest != self.socket {
            self.socket = newest;
            (self.read, self.urgent_end) = (0, None);
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Incoming(listener) => {
                if let Some(id) = self.world.core_mut().accept(listener) {
                    self.socket = Some(id);
                }
            }
            Event::Socket(id, news) => {
                if news.contains(Readiness::URGENT) {
                    self.urgent_end = Some(self.read + self.world.core().urgent_left(id));
                }
            }
            Event::Arrived(..) => {}
        }
    }

    fn advance(&mut self, to: Nanos) {
        loop {
            self.settle();
            if !self.world.far.left.is_empty() {
                return;
            }
            match self.world.poll_timeout().filter(|due| *due <= to) {
                Some(due) => self.world.now = self.world.now.max(due),
                None => {
                    self.world.now = self.world.now.max(to);
                    return;
                }
            }
        }
    }

    fn connect(&mut self) {
        let (now, options) = (self.world.now, self.options);
        let remote = (PEER, PEER_PORT).into();
        let id = self.world.core_mut().connect(now, remote, Some(OUR_PORT), options);
        self.socket = Some(id.expect("a free port"));
    }

    fn listen(&mut self) {
        let (at, options) = ((US, OUR_PORT).into(), self.options);
        let listener = self.world.core_mut().listen(at, BACKLOG, options);
        self.listener = Some(listener.expect("a free port"));
    }

    /// The endpoint's socket, which there is.
    fn id(&self) -> SocketId {
        self.socket.expect("nothing was opened yet")
    }

    fn state(&self) -> State {
        let core = self.world.core();
        if self.keeps_time_wait() {
            return State::TimeWait;
        }
        let Some(id) = self.socket.filter(|_| self.let_go.is_none()) else { return State::Closed };
        match core.offloaded(id) {
            // The card is ahead of what its host knows.
            Some(conn) => match self.world.on_card() {
                Some(card) if conn.state != CardState::Aborting => card.state,
                _ => state_of(conn.state),
            },
            None => core.info(id).map_or(State::Closed, |info| info.state),
        }
    }

    fn keeps_time_wait(&self) -> bool {
        let owner = self.setup.config.time_wait == TimeWait::Owner;
        !owner && self.let_go.is_none() && self.world.core().is_in_time_wait(&Self::tuple())
    }

    fn ended(&self) -> Option<Ended> {
        if self.let_go.is_some() {
            return self.let_go;
        }
        if self.keeps_time_wait() {
            return None;
        }
        let core = self.world.core();
        let id = self.socket?;
        if core.options(id).is_some() {
            let on_card = || self.world.on_card().and_then(|card| card.ended);
            return core.ended(id).or_else(on_card);
        }
        // Nobody had accepted it, so nobody is told: it is only counted.
        let counted = self.world.tcp_counters().since(&self.before);
        if counted.timed_out > 0 {
            return Some(Ended::TimedOut(GaveUp::Open));
        }
        Some(self.icmp.map_or(Ended::Reset, Ended::Unreachable))
    }

    /// What was counted, the stack's part of TIME-WAIT included.
    fn counters(&self) -> Counters {
        let counted = self.world.core().counters();
        let mut counters = self.world.tcp_counters();
        let resets = counted.time_wait_resets;
        counters.rx_segments += counted.time_wait_acks + counted.time_wait_drops + resets;
        counters.rx_drop_reset += resets;
        counters.tx_segments += counted.time_wait_acks;
        counters.tx_acks += counted.time_wait_acks;
        counters
    }
}

/// One socket, and the application on it.
struct SocketEndpoint {
    /// In a cell because whoever asks how it stands asks after all that happened.
    sockets: RefCell<Sockets>,
}

impl SocketEndpoint {
    /// For the application, after the stack has taken in what came. What it does in one go leaves in one go.
    fn settled(&self) -> RefMut<'_, Sockets> {
        let mut sockets = self.sockets.borrow_mut();
        if sockets.news {
            sockets.settle();
        }
        if !sockets.acted {
            sockets.world.fail_over();
        }
        sockets.acted = true;
        sockets
    }

    /// For whoever looks how it stands, after all that happened.
    fn looked(&self) -> RefMut<'_, Sockets> {
        let mut sockets = self.sockets.borrow_mut();
        if sockets.news || sockets.acted {
            sockets.settle();
        }
        sockets
    }
}

impl Endpoint for SocketEndpoint {
    fn now(&self) -> Nanos {
        self.sockets.borrow().world.now
    }

    fn advance(&mut self, to: Nanos) {
        self.sockets.borrow_mut().advance(to);
    }

    fn inject(&mut self, segment: &Segment, payload: &[u8]) {
        let mut sockets = self.sockets.borrow_mut();
        let world = &mut sockets.world;
        world.fail_over();
        world.far.segment(world.now, segment, payload);
        sockets.news = true;
    }

    fn take(&mut self) -> Option<(Segment, Vec<u8>)> {
        let mut sockets = self.sockets.borrow_mut();
        if sockets.world.far.left.is_empty() {
            sockets.settle();
        }
        sockets.world.far.left.pop_front()
    }

    fn connect(&mut self) {
        self.settled().connect();
    }

    fn listen(&mut self) {
        let mut sockets = self.settled();
        sockets.listen();
        // An adapter listens when it has been told.
        sockets.settle();
    }

    fn send(&mut self, bytes: &[u8]) {
        let mut sockets = self.settled();
        let id = sockets.id();
        assert_eq!(sockets.world.core_mut().send(id, bytes), Ok(bytes.len()));
    }

    fn send_urgent(&mut self, bytes: &[u8]) {
        let mut sockets = self.settled();
        let id = sockets.id();
        assert_eq!(sockets.world.core_mut().send_urgent(id, bytes), Ok(bytes.len()));
    }

    fn urgent_end(&self) -> Option<u64> {
        self.looked().urgent_end
    }

    fn recv(&mut self, max: usize) -> Vec<u8> {
        let mut sockets = self.settled();
        let Some(id) = sockets.socket else { return Vec::new() };
        let mut bytes = vec![0; max.min(sockets.setup.rcv_buf as usize)];
        let len = sockets.world.core_mut().recv(id, &mut bytes).unwrap_or(0);
        bytes.truncate(len);
        sockets.read += len as u64;
        bytes
    }

    fn is_at_end(&self) -> bool {
        let sockets = self.looked();
        let status = sockets.world.core().status(sockets.id());
        status.is_some_and(|status| status.peer_closed && status.readable == 0)
    }

    fn close(&mut self) {
        let mut sockets = self.settled();
        let (id, now) = (sockets.id(), sockets.world.now);
        if sockets.state() == State::SynSent && sockets.world.core().unacknowledged(id) == 0 {
            sockets.let_go = Some(Ended::NotOpened);
            sockets.world.core_mut().close(now, id);
        } else {
            // One that is over has nothing to shut down.
            let _ = sockets.world.core_mut().shutdown(id);
        }
    }

    fn abort(&mut self) {
        let mut sockets = self.settled();
        let (id, now) = (sockets.id(), sockets.world.now);
        sockets.let_go = Some(Ended::Aborted);
        sockets.world.core_mut().abort(now, id);
    }

    fn set_switches(&mut self, switches: Switches) {
        let mut sockets = self.settled();
        let (id, now) = (sockets.id(), sockets.world.now);
        sockets.setup.switches = switches;
        let changed = options(sockets.options.path, &sockets.setup);
        let core = sockets.world.core_mut();
        core.set_options(now, id, changed);
        if switches.tx_quiesce {
            core.suspend(id);
        } else {
            core.resume(id);
        }
    }

    fn set_mss(&mut self, mss: u16) {
        let mut sockets = self.settled();
        let now = sockets.world.now;
        sockets.world.core_mut().learn_path_mtu(now, PEER, mss + HEADERS);
    }

    fn set_patience(&mut self, patience: Patience) {
        let mut sockets = self.settled();
        let (id, now) = (sockets.id(), sockets.world.now);
        let Patience { user_timeout: user, keepalive, syn_retransmits_max, fin_wait2 } = patience;
        let timeouts = Timeouts { user, connect: None, keepalive, syn_retransmits_max, fin_wait2 };
        sockets.world.core_mut().set_timeouts(now, id, timeouts).expect("a socket");
    }

    fn icmp(&mut self, seq: SeqNum, error: IcmpError) {
        let mut sockets = self.sockets.borrow_mut();
        let (now, total_len) = (sockets.world.now, sockets.setup.mss + HEADERS);
        sockets.world.far.icmp(now, error, seq, total_len);
        (sockets.news, sockets.icmp) = (true, Some(error));
    }

    fn too_big(&mut self, seq: SeqNum, mss: u16) {
        let mut sockets = self.sockets.borrow_mut();
        let (now, total_len) = (sockets.world.now, sockets.setup.mss + HEADERS);
        sockets.world.far.too_big(now, mss + HEADERS, seq, total_len);
        sockets.news = true;
    }

    fn soft_error(&self) -> Option<IcmpError> {
        let sockets = self.looked();
        sockets.world.core().soft_error(sockets.id())
    }

    fn stall(&mut self, stalled: bool) -> bool {
        self.settled().world.stall(stalled)
    }

    fn state(&self) -> State {
        self.looked().state()
    }

    fn ended(&self) -> Option<Ended> {
        self.looked().ended()
    }

    fn counters(&self) -> Counters {
        self.looked().counters()
    }
}

/// As the host knows a card's connection.
fn state_of(state: CardState) -> State {
    match state {
        CardState::Opening => State::SynSent,
        CardState::Accepting => State::SynRcvd,
        CardState::Established => State::Established,
        CardState::CloseWait => State::CloseWait,
        CardState::FinWait1 => State::FinWait1,
        CardState::FinWait2 => State::FinWait2,
        CardState::Closing => State::Closing,
        CardState::LastAck => State::LastAck,
        CardState::TimeWait => State::TimeWait,
        CardState::Aborting | CardState::Closed => State::Closed,
    }
}
