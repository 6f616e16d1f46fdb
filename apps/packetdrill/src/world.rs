//! All that one script drives: its clock, the stack, and its descriptors.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use libc::c_int;
use mafo::{Core, Event, Life, Nanos, Options, PathChoice, Readiness, SocketId, Status, Timeouts};

use crate::backend::Backend;
use crate::cable::Cable;
use crate::epoll::{ERR, HUP, IN, Mask, OUT, RDHUP};
use crate::errno::{Errno, Outcome};
use crate::fds::{Entry, Fds, Opening, PIPE_CAPACITY, Sock, Stage};
use crate::qdisc::Device;
use crate::segments::{announced_mss, take_apart};
use crate::settings::{Flags, Settings, of_script, read_system};

/// What the clock shows first. A script's first packet is then a quarter of a millisecond into a tick of
/// the stack's timestamps, which is also where the tool puts it on a kernel.
const EPOCH: Nanos = Nanos::from_secs(1_000_000);

/// Our address when a script connects before it binds anything.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 2);

/// All that one script drives.
#[derive(Debug)]
pub struct World {
    /// Virtual time.
    pub now: Nanos,
    /// The descriptors.
    pub fds: Fds,
    /// What left the stack and the tool has not seen yet, and when.
    pub packets: VecDeque<(Nanos, Vec<u8>)>,
    flags: Flags,
    cable: Cable,
    /// The kernel's device, which scripts stop.
    device: Option<Device>,
    /// The sysctls when the tool was started, before the script's own commands.
    before: BTreeMap<String, String>,
    settings: Option<Settings>,
    backend: Option<Backend>,
}

impl World {
    /// A world with nothing in it yet.
    #[must_use]
    pub fn new(flags: Flags) -> Self {
        let cable = Cable::new(flags.mtu);
        let before = if flags.read_sysctls { read_system() } else { BTreeMap::new() };
        // A card of its own is nothing of the kernel's.
        let asks = flags.read_sysctls && flags.path == PathChoice::Host;
        let device = if asks { Device::open() } else { None };
        Self {
            now: EPOCH,
            fds: Fds::default(),
            packets: VecDeque::new(),
            flags,
            cable,
            device,
            before,
            settings: None,
            backend: None,
        }
    }

    /// The settings: read once, when they are first asked for, which is after the script's first commands.
    pub fn settings(&mut self) -> &Settings {
        let Self { flags, before, .. } = self;
        self.settings.get_or_insert_with(|| {
            let sysctls = if flags.read_sysctls { read_system() } else { BTreeMap::new() };
            let sysctls = of_script(before, sysctls);
            let address = flags.address.unwrap_or(ADDRESS);
            let settings = Settings::new(flags, address, &sysctls);
            let set = |name: &&String| {
                flags.sysctls.contains_key(*name) || sysctls.get(*name) != before.get(*name)
            };
            for name in settings.unknown.iter().filter(set) {
                eprintln!("mafo: net.ipv4.{name} was set, and means nothing here");
            }
            settings
        })
    }

    /// The sockets. They are made when they are first needed, with the address that a call has named by then.
    pub fn core(&mut self, address: Option<Ipv4Addr>) -> &mut Core {
        let (path, failover) = (self.flags.path, self.flags.failover);
        let mut config = self.settings().stack.clone();
        let (now, cable) = (self.now, &self.cable);
        let backend = self.backend.get_or_insert_with(|| {
            if let Some(address) = address {
                config.address = address;
            }
            Backend::new((path, failover), config, cable, now)
        });
        backend.core_mut()
    }

    /// The sockets, if there are any yet.
    fn sockets(&self) -> Option<&Core> {
        self.backend.as_ref().map(Backend::core)
    }

    /// Puts a packet of the tool on the cable.
    pub fn inject(&mut self, packet: &[u8]) {
        let destination = packet.get(16..20).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        self.core(destination.map(Ipv4Addr::from));
        self.fail_over();
        if self.flags.path == PathChoice::Offload {
            if let Some(mss) = announced_mss(packet) {
                self.expect_mss(mss);
                // The table is in force before the packet comes.
                self.run();
            }
            // A card's port takes what a wire carries.
            for piece in take_apart(packet, self.flags.mtu.into()) {
                self.cable.inject(&piece);
            }
        } else {
            self.cable.inject(packet);
        }
        self.settle();
    }

    /// All connections leave for another link, if the script is run so.
    pub fn fail_over(&mut self) {
        if let Some(backend) = &mut self.backend {
            backend.fail_over(self.now);
        }
    }

    /// Segments of `mss` bytes may be used.
    pub fn expect_mss(&mut self, mss: u16) {
        if let Some(backend) = &mut self.backend {
            backend.expect_mss(mss);
        }
    }

    /// Runs all that happens now, to its end, and tells the descriptors.
    pub fn settle(&mut self) {
        self.look_at_device();
        self.remember();
        self.run();
        if self.flags.path == PathChoice::Offload && self.ask_card() {
            self.run();
        }
        while let Some(event) = self.backend.as_mut().and_then(|b| b.core_mut().poll_event()) {
            self.handle_event(event);
        }
    }

    /// Whether the kernel's device takes packets now: the tool may have run a command that changed it.
    pub fn look_at_device(&mut self) {
        if let Some(device) = &mut self.device {
            self.cable.set_queue(device.queue());
        }
    }

    /// Keeps what is known of each connection: it can be asked for when that is over.
    fn remember(&mut self) {
        let Self { fds, backend: Some(backend), .. } = self else { return };
        for sock in fds.sockets_mut() {
            if let Some(id) = sock.connection()
                && let Some(info) = backend.core().info(id)
            {
                sock.last_info = Some(info);
            }
        }
    }

    fn run(&mut self) {
        let Self { now, packets, cable, backend, .. } = self;
        if let Some(backend) = backend {
            backend.settle(*now, cable, |packet| packets.push_back((*now, packet)));
        }
    }

    /// Asks the card how its connections stand, so that what a caller is told is of now. Whether there are any.
    fn ask_card(&mut self) -> bool {
        let ids: Vec<SocketId> = self.fds.connections().collect();
        let Some(backend) = &mut self.backend else { return false };
        for &id in &ids {
            backend.core_mut().ask_card(id);
        }
        !ids.is_empty()
    }

    /// When something happens next of itself.
    #[must_use]
    pub fn next_event(&self) -> Option<Nanos> {
        self.backend.as_ref().and_then(Backend::poll_timeout)
    }

    /// Goes to `at`, no later than the next event.
    pub fn advance(&mut self, at: Nanos) {
        self.now = self.now.max(at);
        if self.next_event().is_some_and(|due| due <= self.now) {
            self.settle();
        }
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Incoming(listener) => {
                if let Some(fd) = self.fds.of_listener(listener) {
                    self.wake(fd, IN);
                }
            }
            Event::Socket(id, news) => self.handle_news(id, news),
            Event::Arrived(..) => {}
        }
    }

    fn handle_news(&mut self, id: SocketId, news: Readiness) {
        let Some(fd) = self.fds.of_connection(id) else { return };
        let Some(status) = self.sockets().and_then(|core| core.status(id)) else { return };
        let Ok(sock) = self.fds.socket_mut(fd) else { return };
        let mut mask = 0;
        if news.contains(Readiness::READABLE) {
            mask |= if status.peer_closed { IN | RDHUP } else { IN };
        }
        if news.contains(Readiness::ERROR) {
            sock.error = status.error.map(|error| sock.error_of(error, &status));
            mask |= IN | OUT | RDHUP | ERR | HUP;
        }
        if news.contains(Readiness::CLOSED) || news.contains(Readiness::CONNECTED) {
            mask |= IN | OUT | RDHUP | HUP;
        }
        if sock.wants_room && has_room(sock, &status) {
            sock.wants_room = false;
            mask |= OUT;
        }
        self.wake(fd, mask);
    }

    /// Whoever waits for `fd` is to look.
    pub fn wake(&mut self, fd: c_int, mask: Mask) {
        for epoll in self.fds.epolls_mut() {
            epoll.wake(fd, mask);
        }
    }

    /// A socket that begins with what the settings say.
    pub fn fresh_socket(&mut self) -> Sock {
        let path = self.flags.path;
        let settings = self.settings();
        let (send_buffer, lowat) = (settings.send_buffer, settings.notsent_lowat);
        let options = Options { congestion: settings.algorithm(), ..Options::on(path) };
        Sock {
            stage: Stage::Fresh,
            nonblocking: false,
            options,
            bound: None,
            opening: Opening::Untold,
            send_buffer,
            send_buffer_locked: false,
            tail: 0,
            timeouts: Timeouts::default(),
            read_shut: false,
            error: None,
            wants_room: false,
            linger: None,
            notsent_lowat: 0,
            notsent_lowat_default: lowat,
            inq: false,
            kept: BTreeMap::new(),
            last_info: None,
        }
    }

    /// How the connection of `fd` stands; of one that the stack has forgotten, that it is over.
    pub fn status(&self, fd: c_int) -> Outcome<Option<Status>> {
        let Some(id) = self.fds.socket(fd)?.connection() else { return Ok(None) };
        let gone = Status {
            life: Life::Over,
            readable: 0,
            peer_closed: true,
            shut_down: true,
            send_room: 0,
            unacknowledged: 0,
            unsent: 0,
            error: None,
        };
        Ok(Some(self.sockets().and_then(|core| core.status(id)).unwrap_or(gone)))
    }

    /// What `fd` is ready for, as `poll` tells it. Asking for room where there is none is a wish to be told.
    pub fn readiness(&mut self, fd: c_int) -> Outcome<Mask> {
        match self.fds.get(fd)? {
            Entry::Socket(_) => self.socket_readiness(fd),
            Entry::Epoll(_) => Ok(0),
            &Entry::PipeReader(pipe) => {
                let has_bytes = !self.fds.pipe_bytes(pipe).is_empty();
                let hup = if self.fds.pipe_has_writer(pipe) { 0 } else { HUP };
                Ok(hup | if has_bytes { IN } else { 0 })
            }
            &Entry::PipeWriter(pipe) => {
                let has_room = self.fds.pipe_bytes(pipe).len() < PIPE_CAPACITY;
                Ok(if has_room { OUT } else { 0 })
            }
        }
    }

    /// As Linux's tcp_poll.
    fn socket_readiness(&mut self, fd: c_int) -> Outcome<Mask> {
        let status = self.status(fd)?;
        let sock = self.fds.socket(fd)?;
        if let Stage::Listening(listener) = sock.stage {
            let waiting = self.sockets().map_or(0, |core| core.waiting(listener));
            return Ok(if waiting > 0 { IN } else { 0 });
        }
        let sock = self.fds.socket_mut(fd)?;
        let error = if sock.error.is_some() { ERR } else { 0 };
        let Some(status) = status else { return Ok(HUP | OUT | error) };
        let mut mask = error;
        let over = status.life == Life::Over;
        let read_shut = sock.read_shut || status.peer_closed || over;
        let write_shut = status.shut_down || over;
        if read_shut && write_shut {
            mask |= HUP;
        }
        if read_shut {
            mask |= IN | RDHUP;
        }
        if status.life == Life::Opening {
            return Ok(mask);
        }
        if status.readable > 0 {
            mask |= IN;
        }
        if write_shut || has_room(sock, &status) {
            mask |= OUT;
        } else {
            sock.wants_room = true;
        }
        Ok(mask)
    }
}

impl Sock {
    /// What a caller is told of the end of a connection. A reset of one whose peer had closed comes to a
    /// writer who cannot be heard any more (as Linux's tcp_reset).
    fn error_of(&self, error: mafo::ConnectionError, status: &Status) -> Errno {
        match error {
            mafo::ConnectionError::Reset if status.peer_closed => Errno::PIPE,
            error => error.into(),
        }
    }
}

/// Whether a writer should be told to go on: a third of the buffer is free, and less than half waits unsent of
/// what TCP_NOTSENT_LOWAT allows (as Linux's __sk_stream_is_writeable).
#[must_use]
pub fn has_room(sock: &Sock, status: &Status) -> bool {
    let free = (sock.send_buffer as usize).saturating_sub(status.unacknowledged);
    free > 0 && free >= status.unacknowledged / 2 && 2 * status.unsent < sock.lowat()
}
