//! getsockopt(2) and setsockopt(2).

use libc::c_int;
use mafo::{Dscp, Info, Keepalive, Life, Nanos, Options, State, Timeouts};

use crate::errno::{Errno, Outcome};
use crate::fds::{Sock, Stage};
use crate::tcp_info;
use crate::world::World;

/// Least SO_SNDBUF and SO_RCVBUF (Linux's SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF).
const SNDBUF_MIN: u32 = 4608;
const RCVBUF_MIN: u32 = 2304;
/// What the two are limited to before they are doubled (net.core.wmem_max, rmem_max, as of Linux 6.18).
const BUFFER_MAX: u32 = 4 << 20;
/// Largest TCP_MAXSEG that Linux takes, and least.
const MAXSEG: std::ops::RangeInclusive<c_int> = 88..=32_767;
/// Largest TCP_KEEPIDLE and TCP_KEEPINTVL, and TCP_KEEPCNT.
const KEEPALIVE_SECONDS_MAX: c_int = 32_767;
const KEEPALIVE_PROBES_MAX: c_int = 127;
/// MSS before anything is known of the peer.
const MSS_DEFAULT: u32 = 536;
/// TCP_INQ.
const TCP_INQ: c_int = 36;
/// SO_MEMINFO.
const SO_MEMINFO: c_int = 55;
/// Words of what SO_MEMINFO answers.
const MEMINFO_WORDS: usize = 9;

/// Options that mean something to a kernel only, or to a part of one that is not here: they are kept and
/// given back.
const KEPT: [(c_int, c_int); 21] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT),
    (libc::SOL_SOCKET, libc::SO_BROADCAST),
    (libc::SOL_SOCKET, libc::SO_DONTROUTE),
    (libc::SOL_SOCKET, libc::SO_OOBINLINE),
    (libc::SOL_SOCKET, libc::SO_PRIORITY),
    (libc::SOL_SOCKET, libc::SO_RCVLOWAT),
    (libc::SOL_SOCKET, libc::SO_MARK),
    (libc::SOL_SOCKET, libc::SO_ZEROCOPY),
    (libc::SOL_SOCKET, libc::SO_TIMESTAMP),
    (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
    (libc::SOL_SOCKET, libc::SO_BUSY_POLL),
    (libc::IPPROTO_IP, libc::IP_TTL),
    (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
    (libc::IPPROTO_IP, libc::IP_FREEBIND),
    (libc::IPPROTO_IP, libc::IP_RECVERR),
    (libc::IPPROTO_IP, libc::IP_TRANSPARENT),
    (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT),
    (libc::IPPROTO_TCP, libc::TCP_WINDOW_CLAMP),
    (libc::IPPROTO_TCP, libc::TCP_SAVE_SYN),
    (libc::IPPROTO_TCP, libc::TCP_THIN_LINEAR_TIMEOUTS),
];

fn int(value: &[u8]) -> Outcome<c_int> {
    let bytes = value.first_chunk::<4>().ok_or(Errno::INVAL)?;
    Ok(c_int::from_ne_bytes(*bytes))
}

/// An option of IP may be shorter: a byte, or nothing, which is 0.
fn int_or_byte(value: &[u8]) -> Outcome<c_int> {
    match value {
        [] => Ok(0),
        &[byte] | &[byte, _] | &[byte, _, _] => Ok(byte.into()),
        value => int(value),
    }
}

fn is_of_ip(name: c_int) -> bool {
    name == libc::IP_TOS || KEPT.contains(&(libc::IPPROTO_IP, name))
}

fn bytes(value: c_int) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// The seconds after which a SYN,ACK has timed out often enough for `seconds` to be over: timeouts begin with one and
/// double up to two minutes (as Linux's secs_to_retrans and retrans_to_secs).
fn in_timeouts(seconds: u64) -> u64 {
    let (mut timeout, mut passed) = (1, 1);
    for _ in 1..u8::MAX {
        if passed >= seconds {
            break;
        }
        timeout = (2 * timeout).min(120);
        passed += timeout;
    }
    passed
}

impl World {
    /// setsockopt(2), with `len` bytes, or nothing at the address of the value.
    pub fn setsockopt(
        &mut self,
        fd: c_int,
        level: c_int,
        name: c_int,
        value: Option<&[u8]>,
        len: usize,
    ) -> Outcome<()> {
        match level {
            // All of theirs are an int at least, but for a name.
            libc::SOL_SOCKET | libc::IPPROTO_TCP if len < 4 && name != libc::TCP_CONGESTION => {
                return Err(Errno::INVAL);
            }
            libc::IPPROTO_IP if !is_of_ip(name) => return Err(Errno::NOPROTOOPT),
            libc::SOL_SOCKET | libc::IPPROTO_TCP | libc::IPPROTO_IP => {}
            _ => return Err(Errno::NOPROTOOPT),
        }
        let value = value.ok_or(Errno::FAULT)?;
        let sock = self.fds.socket_mut(fd)?;
        match (level, name) {
            (libc::IPPROTO_IP, libc::IP_TOS) => {
                let tos = int_or_byte(value)? as u8;
                return self.change(fd, |options| options.dscp = Dscp::of_tos(tos));
            }
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                let seconds = value.get(4..).ok_or(Errno::INVAL).and_then(int)?;
                sock.linger = (int(value)? != 0).then_some(seconds);
            }
            (libc::SOL_SOCKET, libc::SO_SNDBUF) => {
                let asked = int(value)?.max(0) as u32;
                let limit = (2 * asked.min(BUFFER_MAX)).max(SNDBUF_MIN);
                (sock.send_buffer, sock.send_buffer_locked) = (limit, true);
                self.wake(fd, crate::epoll::OUT);
            }
            (libc::SOL_SOCKET, libc::SO_RCVBUF) => {
                let asked = int(value)?.max(0) as u32;
                let size = (2 * asked.min(BUFFER_MAX)).max(RCVBUF_MIN);
                sock.kept.insert((level, name), size as c_int);
                // Half of it is window, as in Linux.
                self.change(fd, |options| options.recv_buffer = Some(size / 2))?;
            }
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => {
                let on = int(value)? != 0;
                self.change(fd, |options| options.keepalive = on)?;
            }
            (libc::IPPROTO_TCP, name) => return self.set_tcp(fd, name, value),
            option if KEPT.contains(&option) => {
                let value = int_or_byte(value)?;
                sock.kept.insert(option, value);
            }
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    fn set_tcp(&mut self, fd: c_int, name: c_int, value: &[u8]) -> Outcome<()> {
        if name == libc::TCP_CONGESTION {
            return self.set_congestion(fd, value);
        }
        let number = int(value)?;
        let on = number != 0;
        let sock = self.fds.socket_mut(fd)?;
        match name {
            libc::TCP_NODELAY => self.change(fd, |options| options.nagle = !on)?,
            libc::TCP_CORK => self.change(fd, |options| options.cork = on)?,
            libc::TCP_QUICKACK => self.change(fd, |options| options.quick_ack = on)?,
            libc::TCP_MAXSEG => {
                if on && !MAXSEG.contains(&number) {
                    return Err(Errno::INVAL);
                }
                self.core(None);
                self.expect_mss(number as u16);
                self.change(fd, |options| options.mss = on.then_some(number as u16))?;
            }
            libc::TCP_NOTSENT_LOWAT => {
                sock.notsent_lowat = number as u32;
                self.wake(fd, crate::epoll::OUT);
            }
            libc::TCP_USER_TIMEOUT => {
                let wait = u64::try_from(number).map_err(|_| Errno::INVAL)?;
                let wait = on.then(|| Nanos::from_millis(wait));
                self.change_timeouts(fd, |timeouts, _| timeouts.user = wait)?;
            }
            libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT => {
                let most = if name == libc::TCP_KEEPCNT {
                    KEEPALIVE_PROBES_MAX
                } else {
                    KEEPALIVE_SECONDS_MAX
                };
                if !(1..=most).contains(&number) {
                    return Err(Errno::INVAL);
                }
                self.change_timeouts(fd, |timeouts, usual| {
                    let keepalive = timeouts.keepalive.get_or_insert(usual);
                    match name {
                        libc::TCP_KEEPIDLE => keepalive.idle = Nanos::from_secs(number as u64),
                        libc::TCP_KEEPINTVL => keepalive.interval = Nanos::from_secs(number as u64),
                        _ => keepalive.probes_max = number as u8,
                    }
                })?;
            }
            libc::TCP_SYNCNT => {
                let count = u8::try_from(number).ok().filter(|&n| n > 0).ok_or(Errno::INVAL)?;
                self.change_timeouts(fd, |timeouts, _| timeouts.syn_retransmits_max = Some(count))?;
            }
            libc::TCP_LINGER2 => {
                let wait = u64::try_from(number).ok().filter(|&n| n > 0).map(Nanos::from_secs);
                self.change_timeouts(fd, |timeouts, _| timeouts.fin_wait2 = wait)?;
            }
            libc::TCP_DEFER_ACCEPT => {
                let wait = u64::try_from(number).ok().filter(|&seconds| seconds > 0);
                let wait = wait.map(|seconds| Nanos::from_secs(in_timeouts(seconds)));
                self.change(fd, |options| options.defer_accept = wait)?;
            }
            TCP_INQ if [0, 1].contains(&number) => sock.inq = on,
            TCP_INQ => return Err(Errno::INVAL),
            name if KEPT.contains(&(libc::IPPROTO_TCP, name)) => {
                sock.kept.insert((libc::IPPROTO_TCP, name), number);
            }
            _ => return Err(Errno::NOPROTOOPT),
        }
        Ok(())
    }

    /// Changes how long a socket waits; the second argument is how keepalive is timed otherwise.
    fn change_timeouts(
        &mut self,
        fd: c_int,
        change: impl FnOnce(&mut Timeouts, Keepalive),
    ) -> Outcome<()> {
        let usual = self.settings().stack.tcp.keepalive;
        let sock = self.fds.socket_mut(fd)?;
        change(&mut sock.timeouts, usual);
        self.apply_timeouts(fd)
    }

    /// Tells the stack how long the connection of `fd` waits, if there is one and it waits differently.
    pub(crate) fn apply_timeouts(&mut self, fd: c_int) -> Outcome<()> {
        let sock = self.fds.socket(fd)?;
        let (timeouts, now) = (sock.timeouts, self.now);
        if let Some(id) = sock.connection() {
            let core = self.core(None);
            if core.timeouts(id) != timeouts {
                core.set_timeouts(now, id, timeouts)?;
                core.kick(now);
            }
        }
        Ok(())
    }

    fn set_congestion(&mut self, fd: c_int, value: &[u8]) -> Outcome<()> {
        let name = value.split(|&byte| byte == 0).next().unwrap_or_default();
        let wanted = String::from_utf8_lossy(name).into_owned();
        self.fds.socket(fd)?;
        let algorithm = wanted.parse().map_err(|_| Errno(libc::ENOENT))?;
        self.change(fd, |options| options.congestion = Some(algorithm))
    }

    /// Changes what the stack knows of a socket's settings.
    fn change(&mut self, fd: c_int, change: impl FnOnce(&mut Options)) -> Outcome<()> {
        let sock = self.fds.socket_mut(fd)?;
        change(&mut sock.options);
        let (options, stage, now) = (sock.options, sock.stage, self.now);
        match stage {
            Stage::Fresh => {}
            Stage::Listening(listener) => self.core(None).set_listener_options(listener, options),
            Stage::Connection(id) => {
                let core = self.core(None);
                core.set_options(now, id, options);
                core.kick(now);
            }
        }
        Ok(())
    }

    /// getsockopt(2): the value, however long; `room` is what the caller says that it has for it, if it does.
    pub fn getsockopt(
        &mut self,
        fd: c_int,
        level: c_int,
        name: c_int,
        room: Option<c_int>,
    ) -> Outcome<Vec<u8>> {
        let status = self.status(fd)?;
        if ![libc::SOL_SOCKET, libc::IPPROTO_IP, libc::IPPROTO_TCP].contains(&level) {
            return Err(Errno::OPNOTSUPP);
        }
        if room.ok_or(Errno::FAULT)? < 0 {
            return Err(Errno::INVAL);
        }
        let recv_buffer = self.settings().recv_buffer;
        let sock = self.fds.socket_mut(fd)?;
        let limit = sock.send_buffer;
        let answer = match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => sock.error.take().map_or(0, |error| error.0),
            (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => libc::AF_INET,
            (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_TCP,
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => {
                c_int::from(matches!(sock.stage, Stage::Listening(_)))
            }
            (libc::SOL_SOCKET, libc::SO_SNDBUF) => limit as c_int,
            (libc::SOL_SOCKET, libc::SO_RCVBUF) => {
                sock.kept.get(&(level, name)).copied().unwrap_or(recv_buffer as c_int)
            }
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => sock.options.keepalive.into(),
            (libc::IPPROTO_IP, libc::IP_TOS) => sock.options.dscp.tos().into(),
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                let (on, seconds) = (sock.linger.is_some(), sock.linger.unwrap_or(0));
                return Ok([bytes(on.into()), bytes(seconds)].concat());
            }
            (libc::SOL_SOCKET, SO_MEMINFO) => {
                let status = status.as_ref();
                let (queued, held) =
                    status.map_or((0, 0), |s| (s.unacknowledged as u32, s.readable as u32));
                let words: [u32; MEMINFO_WORDS] =
                    [held, recv_buffer, queued, limit, 0, queued, 0, 0, 0];
                return Ok(words.iter().flat_map(|word| word.to_ne_bytes()).collect());
            }
            (libc::IPPROTO_TCP, name) => return self.get_tcp(fd, name),
            option if KEPT.contains(&option) => sock.kept.get(&option).copied().unwrap_or(0),
            _ => return Err(Errno::NOPROTOOPT),
        };
        Ok(bytes(answer))
    }

    fn get_tcp(&mut self, fd: c_int, name: c_int) -> Outcome<Vec<u8>> {
        let sock = self.fds.socket(fd)?;
        let options = sock.options;
        let answer = match name {
            libc::TCP_NODELAY => (!options.nagle).into(),
            libc::TCP_CORK => options.cork.into(),
            libc::TCP_QUICKACK => options.quick_ack.into(),
            libc::TCP_MAXSEG => {
                let asked = options.mss.map_or(MSS_DEFAULT, u32::from);
                let id = sock.connection();
                let info = id.and_then(|id| self.core(None).info(id));
                info.filter(|info| info.state.is_synchronized())
                    .map_or(asked, |info| info.payload_max) as c_int
            }
            libc::TCP_NOTSENT_LOWAT => sock.notsent_lowat as c_int,
            libc::TCP_USER_TIMEOUT => {
                sock.timeouts.user.map_or(0, |wait| wait.as_millis() as c_int)
            }
            libc::TCP_KEEPIDLE | libc::TCP_KEEPINTVL | libc::TCP_KEEPCNT => {
                let own = sock.timeouts.keepalive;
                let keepalive = own.unwrap_or(self.settings().stack.tcp.keepalive);
                match name {
                    libc::TCP_KEEPIDLE => (keepalive.idle.as_millis() / 1000) as c_int,
                    libc::TCP_KEEPINTVL => (keepalive.interval.as_millis() / 1000) as c_int,
                    _ => keepalive.probes_max.into(),
                }
            }
            libc::TCP_SYNCNT => {
                let own = sock.timeouts.syn_retransmits_max;
                own.unwrap_or(self.settings().stack.tcp.syn_retransmits_max).into()
            }
            libc::TCP_LINGER2 => {
                let own = sock.timeouts.fin_wait2;
                (own.unwrap_or(self.settings().stack.fin_timeout).as_millis() / 1000) as c_int
            }
            libc::TCP_DEFER_ACCEPT => {
                options.defer_accept.map_or(0, |wait| (wait.as_millis() / 1000) as c_int)
            }
            TCP_INQ => sock.inq.into(),
            libc::TCP_CONGESTION => {
                let usual = self.settings().congestion.clone();
                let mut name =
                    options.congestion.map_or(usual, |cc| cc.name().to_owned()).into_bytes();
                name.resize(16, 0);
                return Ok(name);
            }
            libc::TCP_INFO => return self.tcp_info(fd),
            // No algorithm here has more to say.
            libc::TCP_CC_INFO => return Ok(Vec::new()),
            name if KEPT.contains(&(libc::IPPROTO_TCP, name)) => {
                sock.kept.get(&(libc::IPPROTO_TCP, name)).copied().unwrap_or(0)
            }
            _ => return Err(Errno::NOPROTOOPT),
        };
        Ok(bytes(answer))
    }

    fn tcp_info(&mut self, fd: c_int) -> Outcome<Vec<u8>> {
        let sock = self.fds.socket(fd)?;
        let listening = matches!(sock.stage, Stage::Listening(_));
        let status = self.status(fd)?;
        let info = match (sock.connection(), &status) {
            (Some(id), Some(status)) if status.life != Life::Over => self.core(None).info(id),
            (Some(_), _) => self.fds.socket(fd)?.last_info.map(over),
            _ => None,
        };
        let mtu = self.settings().stack.mtu;
        let now = self.now;
        let id = self.fds.socket(fd)?.connection();
        let activity = id.and_then(|id| self.core(None).activity(now, id)).unwrap_or_default();
        Ok(tcp_info::encode(listening, info.as_ref(), &activity, mtu, now))
    }
}

/// What is left to say of a connection that is over: nothing of it is under way any more (as Linux's
/// tcp_write_queue_purge).
fn over(last: Info) -> Info {
    Info {
        state: State::Closed,
        in_flight: 0,
        sacked: 0,
        lost: 0,
        retransmitted: 0,
        backoff: 0,
        unsent_bytes: 0,
        ..last
    }
}

impl Sock {
    /// Unsent bytes at which a writer has to wait.
    #[must_use]
    pub fn lowat(&self) -> usize {
        let own = Some(self.notsent_lowat).filter(|&lowat| lowat != 0);
        own.unwrap_or(self.notsent_lowat_default) as usize
    }
}
