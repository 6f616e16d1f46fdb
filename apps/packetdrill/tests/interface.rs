//! The interface as the tool uses it: the table of C functions, a peer made of bare packets, two threads.
#![expect(unsafe_code, reason = "this is the C program's part")]

use std::ffi::CString;
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use libc::{c_int, epoll_event, sockaddr, sockaddr_in, socklen_t, timeval};
use mafo_packetdrill::ffi::{Interface, packetdrill_interface_init};

const LOCAL: [u8; 4] = [192, 168, 7, 9];
const REMOTE: [u8; 4] = [192, 0, 2, 1];
const PORT: u16 = 8080;
const PEER_PORT: u16 = 40_000;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// The table, as the tool holds it; both its threads use it.
#[derive(Clone, Copy)]
struct Tool(Interface);

// SAFETY: the library is made to be called by two threads.
unsafe impl Send for Tool {}

#[derive(Debug, PartialEq, Eq)]
struct Packet {
    at: i64,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: Vec<u8>,
}

fn sum(bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum()
}

fn fold(sum: u32) -> [u8; 2] {
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

impl Tool {
    /// A run of its own: what is taken over of the C library belongs to one at a time.
    fn new() -> (Self, MutexGuard<'static, ()>) {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        (Self::with("sysctls=none,path=host"), alone)
    }

    fn with(flags: &str) -> Self {
        let flags = CString::new(flags).expect("no zero");
        let mut table = MaybeUninit::uninit();
        // SAFETY: a C string, and room for the table, which is then filled.
        Self(unsafe {
            packetdrill_interface_init(flags.as_ptr(), table.as_mut_ptr());
            table.assume_init()
        })
    }

    fn free(self) {
        (self.0.free)(self.0.userdata);
    }

    fn micros(&self) -> i64 {
        let mut time = timeval { tv_sec: 0, tv_usec: 0 };
        assert_eq!((self.0.gettimeofday)(self.0.userdata, &mut time, ptr::null_mut()), 0);
        time.tv_sec * 1_000_000 + time.tv_usec
    }

    fn sleep(&self, micros: u32) {
        assert_eq!((self.0.usleep)(self.0.userdata, micros), 0);
    }

    fn address(ip: [u8; 4], port: u16) -> sockaddr_in {
        sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: port.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip) },
            sin_zero: [0; 8],
        }
    }

    fn socket(&self) -> c_int {
        let fd =
            (self.0.socket)(self.0.userdata, libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP);
        assert!(fd >= 0);
        fd
    }

    fn listener(&self) -> c_int {
        let fd = self.socket();
        let address = Self::address(LOCAL, PORT);
        let len = size_of::<sockaddr_in>() as socklen_t;
        assert_eq!((self.0.bind)(self.0.userdata, fd, (&raw const address).cast(), len), 0);
        assert_eq!((self.0.listen)(self.0.userdata, fd, 1), 0);
        fd
    }

    fn connect(&self, fd: c_int) -> c_int {
        let address = Self::address(REMOTE, PORT);
        let len = size_of::<sockaddr_in>() as socklen_t;
        (self.0.connect)(self.0.userdata, fd, (&raw const address).cast::<sockaddr>(), len)
    }

    fn accept(&self, fd: c_int) -> c_int {
        (self.0.accept)(self.0.userdata, fd, ptr::null_mut(), ptr::null_mut())
    }

    fn nonblocking(&self, fd: c_int) {
        assert_eq!((self.0.fcntl)(self.0.userdata, fd, libc::F_SETFL, libc::O_NONBLOCK.into()), 0);
    }

    /// Puts a segment of the peer on the wire.
    fn inject(&self, flags: u8, seq: u32, ack: u32, payload: &[u8]) {
        let mut tcp = Vec::new();
        tcp.extend(PEER_PORT.to_be_bytes());
        tcp.extend(PORT.to_be_bytes());
        tcp.extend(seq.to_be_bytes());
        tcp.extend(ack.to_be_bytes());
        tcp.extend([5 << 4, flags]);
        tcp.extend(30_000u16.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(payload);
        let pseudo = sum(&REMOTE) + sum(&LOCAL) + 6 + tcp.len() as u32;
        let checksum = fold(pseudo + sum(&tcp));
        tcp[16..18].copy_from_slice(&checksum);
        let mut ip = vec![0x45, 0];
        ip.extend((20 + tcp.len() as u16).to_be_bytes());
        ip.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        ip.extend(REMOTE);
        ip.extend(LOCAL);
        let checksum = fold(sum(&ip));
        ip[10..12].copy_from_slice(&checksum);
        ip.extend(tcp);
        assert_eq!((self.0.netdev_send)(self.0.userdata, ip.as_ptr().cast(), ip.len()), 0);
    }

    /// The next packet that leaves; `None` where there will never be one.
    fn receive(&self) -> Option<Packet> {
        let mut buf = [0u8; 2048];
        let (mut len, mut at) = (buf.len(), 0);
        let receive = self.0.netdev_receive;
        assert_eq!(receive(self.0.userdata, buf.as_mut_ptr().cast(), &mut len, &mut at), 0);
        if len == 0 {
            return None;
        }
        let tcp = &buf[20..len];
        let word = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().expect("four"));
        let header = usize::from(tcp[12] >> 4) * 4;
        let payload = tcp[header..].to_vec();
        Some(Packet { at, seq: word(4), ack: word(8), flags: tcp[13], payload })
    }

    /// A connection of the peer's that is through, and our ISN.
    fn accepted(&self) -> (c_int, u32) {
        let listener = self.listener();
        self.inject(SYN, 1000, 0, &[]);
        let syn_ack = self.receive().expect("SYN,ACK");
        assert_eq!((syn_ack.flags, syn_ack.ack), (SYN | ACK, 1001));
        self.inject(ACK, 1001, syn_ack.seq + 1, &[]);
        let fd = self.accept(listener);
        assert!(fd > listener, "{fd}");
        (fd, syn_ack.seq)
    }

    fn write(&self, fd: c_int, bytes: &[u8]) -> isize {
        (self.0.write)(self.0.userdata, fd, bytes.as_ptr().cast(), bytes.len())
    }

    fn read(&self, fd: c_int, len: usize) -> Result<Vec<u8>, c_int> {
        let mut buf = vec![0; len];
        let n = (self.0.read)(self.0.userdata, fd, buf.as_mut_ptr().cast(), len);
        if n < 0 {
            return Err(errno());
        }
        buf.truncate(n as usize);
        Ok(buf)
    }

    fn epoll(&self, fd: c_int, events: c_int) -> c_int {
        let set = (self.0.epoll_create)(self.0.userdata, 1);
        let mut event = epoll_event { events: events as u32, u64: 77 };
        let ctl = self.0.epoll_ctl;
        assert_eq!(ctl(self.0.userdata, set, libc::EPOLL_CTL_ADD, fd, &mut event), 0);
        set
    }

    /// What one `epoll_wait` that does not wait tells: events, or nothing.
    fn events(&self, set: c_int) -> Option<c_int> {
        let mut event = epoll_event { events: 0, u64: 0 };
        match (self.0.epoll_wait)(self.0.userdata, set, &mut event, 1, 0) {
            0 => None,
            1 => {
                assert_eq!({ event.u64 }, 77);
                Some(event.events as c_int)
            }
            n => panic!("{n}"),
        }
    }
}

/// Until the thread waits for something, which is how the tool finds that a call blocks.
fn await_sleep(thread: c_int) {
    let path = format!("/proc/self/task/{thread}/stat");
    let sleeps = || {
        let stat = std::fs::read_to_string(&path).expect("a thread of ours");
        stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S"))
    };
    while !sleeps() {
        thread::sleep(Duration::from_millis(1));
    }
}

fn errno() -> c_int {
    std::io::Error::last_os_error().raw_os_error().expect("errno")
}

#[test]
fn asking_for_the_time_is_what_makes_it_go_on() {
    let (tool, _alone) = Tool::new();
    let start = tool.micros();
    assert_eq!(tool.micros() - start, 1);
    tool.sleep(500);
    assert_eq!(tool.micros() - start, 502);
    tool.free();
}

#[test]
fn who_spins_on_the_time_reaches_a_timer() {
    let (tool, _alone) = Tool::new();
    let fd = tool.socket();
    tool.nonblocking(fd);
    assert_eq!((tool.connect(fd), errno()), (-1, libc::EINPROGRESS));
    let syn = tool.receive().expect("SYN");
    // The retransmission is due a second later.
    tool.sleep(1_000_000 - 20);
    let mut spins = 0;
    while tool.micros() < syn.at + 1_000_000 {
        spins += 1;
        assert!(spins < 100);
    }
    let now = tool.micros();
    let again = tool.receive().expect("the SYN again");
    assert_eq!((again.flags, again.seq), (SYN, syn.seq));
    assert!((syn.at + 1_000_000..=now).contains(&again.at), "{} {again:?} {now}", syn.at);
    tool.free();
}

#[test]
fn a_packet_that_will_never_come_is_told_as_none() {
    let (tool, _alone) = Tool::new();
    let before = tool.micros();
    assert_eq!(tool.receive(), None, "a world without sockets");
    let (_, _) = tool.accepted();
    assert_eq!(tool.receive(), None, "a connection that is idle");
    assert!(tool.micros() < before + 1_000, "time did not go on for it");
    tool.free();
}

#[test]
fn receiving_moves_time_to_the_packet() {
    let (tool, _alone) = Tool::new();
    let fd = tool.socket();
    tool.nonblocking(fd);
    assert_eq!(tool.connect(fd), -1);
    let times: Vec<i64> = (0..4).map(|_| tool.receive().expect("a SYN").at).collect();
    let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [1_000_000, 2_000_000, 4_000_000]);
    assert!((times[3]..times[3] + 10).contains(&tool.micros()));
    tool.free();
}

#[test]
fn a_blocking_accept_wakes_when_the_handshake_is_through() {
    let (tool, _alone) = Tool::new();
    let listener = tool.listener();
    let (tell, told) = mpsc::channel();
    let other = tool;
    let waiting = thread::spawn(move || {
        let other = other;
        // SAFETY: no arguments, no memory.
        tell.send(unsafe { libc::gettid() }).expect("somebody listens");
        let fd = other.accept(listener);
        (fd, other.micros())
    });
    await_sleep(told.recv().expect("the thread runs"));
    tool.sleep(100_000);
    tool.inject(SYN, 1000, 0, &[]);
    let syn_ack = tool.receive().expect("SYN,ACK");
    tool.sleep(50_000);
    let before = tool.micros();
    tool.inject(ACK, 1001, syn_ack.seq + 1, &[]);
    tool.sleep(200_000);
    let (fd, at) = waiting.join().expect("no panic");
    assert!(fd > listener);
    assert_eq!(at, before, "accept returns at the instant of the ACK, whatever the threads do");
    tool.free();
}

#[test]
fn a_blocking_read_gets_what_comes_and_a_second_one_the_rest() {
    let (tool, _alone) = Tool::new();
    let (fd, iss) = tool.accepted();
    let (tell, told) = mpsc::channel();
    let (tell_id, id) = mpsc::channel();
    let other = tool;
    let waiting = thread::spawn(move || {
        let other = other;
        // SAFETY: no arguments, no memory.
        tell_id.send(unsafe { libc::gettid() }).expect("somebody listens");
        for _ in 0..3 {
            tell.send((other.read(fd, 4), other.micros())).expect("somebody listens");
        }
    });
    let id = id.recv().expect("the thread runs");
    await_sleep(id);
    let before = tool.micros();
    tool.sleep(10_000);
    tool.inject(ACK | PSH, 1001, iss + 1, b"abcdef");
    assert_eq!(told.recv().expect("a word").0, Ok(b"abcd".to_vec()));
    assert_eq!(told.recv().expect("a word").0, Ok(b"ef".to_vec()));
    await_sleep(id);
    tool.sleep(10_000);
    tool.inject(ACK | FIN, 1007, iss + 1, &[]);
    let (end, at) = told.recv().expect("a word");
    assert_eq!(end, Ok(Vec::new()));
    assert!(at >= before + 20_000);
    waiting.join().expect("no panic");
    tool.free();
}

#[test]
fn a_poll_that_waits_ends_when_its_time_is_over() {
    let (tool, _alone) = Tool::new();
    let (fd, _) = tool.accepted();
    let mut item = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let before = tool.micros();
    // On the thread that moves the clock: nobody else would.
    assert_eq!((tool.0.poll)(tool.0.userdata, &mut item, 1, 250), 0);
    assert!((250_000..250_010).contains(&(tool.micros() - before)));
    item.events = libc::POLLOUT;
    assert_eq!((tool.0.poll)(tool.0.userdata, &mut item, 1, 250), 1);
    assert_eq!(item.revents, libc::POLLOUT);
    tool.free();
}

#[test]
fn edge_triggered_events_come_once_and_level_triggered_ones_for_as_long_as_they_hold() {
    let (tool, _alone) = Tool::new();
    let (fd, iss) = tool.accepted();
    let edge = tool.epoll(fd, libc::EPOLLIN | libc::EPOLLET);
    let level = tool.epoll(fd, libc::EPOLLIN);
    assert_eq!((tool.events(edge), tool.events(level)), (None, None));
    tool.inject(ACK, 1001, iss + 1, b"abc");
    assert_eq!((tool.events(edge), tool.events(edge)), (Some(libc::EPOLLIN), None));
    assert_eq!(
        (tool.events(level), tool.events(level)),
        (Some(libc::EPOLLIN), Some(libc::EPOLLIN))
    );
    // More bytes are news, though there were some before.
    tool.inject(ACK, 1004, iss + 1, b"def");
    assert_eq!((tool.events(edge), tool.events(edge)), (Some(libc::EPOLLIN), None));
    assert_eq!(tool.read(fd, 100), Ok(b"abcdef".to_vec()));
    assert_eq!(tool.events(level), None);
    tool.free();
}

#[test]
fn the_peers_end_and_its_reset_are_events_of_their_own() {
    let (tool, _alone) = Tool::new();
    let (fd, iss) = tool.accepted();
    let all = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP;
    let set = tool.epoll(fd, all | libc::EPOLLET);
    assert_eq!(tool.events(set), Some(libc::EPOLLOUT));
    tool.inject(ACK | FIN, 1001, iss + 1, &[]);
    assert_eq!(tool.events(set), Some(all));
    tool.inject(RST, 1002, 0, &[]);
    assert_eq!(tool.events(set), Some(all | libc::EPOLLERR | libc::EPOLLHUP));
    // A reset after the peer's FIN is told as EPIPE, once; then the stream has ended.
    assert_eq!(tool.read(fd, 10), Err(libc::EPIPE));
    assert_eq!(tool.read(fd, 10), Ok(Vec::new()));
    assert_eq!((tool.write(fd, b"x"), errno()), (-1, libc::EPIPE));
    tool.free();
}

#[test]
fn what_a_call_cannot_do_has_linuxs_names() {
    let (tool, _alone) = Tool::new();
    let user = tool.0.userdata;
    let nobody = 5;
    assert_eq!((tool.write(nobody, b"x"), errno()), (-1, libc::EBADF));
    assert_eq!(((tool.0.close)(user, nobody), errno()), (-1, libc::EBADF));
    let fresh = tool.socket();
    assert_eq!(tool.read(fresh, 1), Err(libc::ENOTCONN));
    assert_eq!((tool.write(fresh, b"x"), errno()), (-1, libc::EPIPE));
    assert_eq!(((tool.0.shutdown)(user, fresh, libc::SHUT_WR), errno()), (-1, libc::ENOTCONN));
    let (fd, iss) = tool.accepted();
    tool.nonblocking(fd);
    assert_eq!(tool.read(fd, 1), Err(libc::EAGAIN));
    assert_eq!(tool.connect(fd), -1);
    assert_eq!(errno(), libc::EISCONN);
    assert_eq!(((tool.0.write)(user, fd, ptr::null(), 1), errno()), (-1, libc::EFAULT));
    tool.inject(ACK, 1001, iss + 1, b"ab");
    assert_eq!(((tool.0.read)(user, fd, ptr::null_mut(), 1), errno()), (-1, libc::EFAULT));
    assert_eq!(tool.read(fd, 9), Ok(b"ab".to_vec()), "and nothing is lost");
    let nothing = (tool.0.setsockopt)(user, fd, libc::SOL_SOCKET, 9999, (&raw const fd).cast(), 4);
    assert_eq!((nothing, errno()), (-1, libc::ENOPROTOOPT));
    let set = (tool.0.epoll_create)(user, 1);
    let del = (tool.0.epoll_ctl)(user, set, libc::EPOLL_CTL_DEL, fd, ptr::null_mut());
    assert_eq!((del, errno()), (-1, libc::ENOENT));
    assert_eq!(((tool.0.epoll_create)(user, 0), errno()), (-1, libc::EINVAL));
    tool.free();
}

/// What Linux 6.18 answers, asked by the same calls.
#[test]
fn options_that_nobody_knows_fail_as_in_linux() {
    let (tool, _alone) = Tool::new();
    let user = tool.0.userdata;
    let (socket, one, nothing) = (tool.socket(), 1_i32, ptr::null());
    let value: *const libc::c_void = (&raw const one).cast();
    let set = |fd, level, name, value, len: c_int| {
        let done = (tool.0.setsockopt)(user, fd, level, name, value, len as socklen_t);
        if done == 0 { 0 } else { errno() }
    };
    for level in [libc::SOL_SOCKET, libc::IPPROTO_TCP] {
        assert_eq!(set(socket, level, 9999, value, 4), libc::ENOPROTOOPT);
        assert_eq!(set(socket, level, 9999, value, 2), libc::EINVAL, "no int");
        assert_eq!(set(socket, level, 9999, nothing, 4), libc::EFAULT);
    }
    for level in [libc::IPPROTO_IP, libc::IPPROTO_IPV6, libc::IPPROTO_UDP, 12_345] {
        assert_eq!(set(socket, level, 9999, value, 2), libc::ENOPROTOOPT, "level {level}");
        assert_eq!(set(socket, level, 9999, nothing, 0), libc::ENOPROTOOPT, "level {level}");
        assert_eq!(set(socket, level, 9999, value, -1), libc::EINVAL, "level {level}");
    }
    assert_eq!(set(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, value, 2), libc::EINVAL);
    assert_eq!(set(socket, libc::IPPROTO_IP, libc::IP_TOS, value, 0), 0, "nothing is 0");
    assert_eq!(set(socket, libc::IPPROTO_IP, libc::IP_TOS, nothing, 4), libc::EFAULT);

    let get = |fd, level, name, to, len: Option<c_int>| {
        let mut room = len.unwrap_or(0) as socklen_t;
        let len = if len.is_some() { &raw mut room } else { ptr::null_mut() };
        let done = (tool.0.getsockopt)(user, fd, level, name, to, len);
        if done == 0 { 0 } else { errno() }
    };
    let mut answer = 0_i32;
    let to: *mut libc::c_void = (&raw mut answer).cast();
    for level in [libc::SOL_SOCKET, libc::IPPROTO_TCP, libc::IPPROTO_IP] {
        assert_eq!(get(socket, level, 9999, to, Some(4)), libc::ENOPROTOOPT);
        assert_eq!(get(socket, level, 9999, to, Some(-1)), libc::EINVAL);
        assert_eq!(get(socket, level, 9999, to, None), libc::EFAULT);
    }
    for level in [libc::IPPROTO_IPV6, libc::IPPROTO_UDP, 12_345] {
        assert_eq!(get(socket, level, 9999, to, None), libc::EOPNOTSUPP, "level {level}");
    }
    tool.free();
}

#[test]
fn descriptors_of_the_kernel_are_no_sockets_and_closed_ones_nothing() {
    let (tool, _alone) = Tool::new();
    let user = tool.0.userdata;
    let file = std::fs::File::open("/proc/self/status").expect("it is there");
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    let len = ptr::null_mut();
    for (fd, expected) in [(fd, libc::ENOTSOCK), (9_999, libc::EBADF), (-1, libc::EBADF)] {
        assert_eq!(((tool.0.listen)(user, fd, 1), errno()), (-1, expected), "{fd}");
        assert_eq!(((tool.0.shutdown)(user, fd, 9), errno()), (-1, expected), "{fd}");
        assert_eq!((tool.accept(fd), errno()), (-1, expected), "{fd}");
        assert_eq!((tool.connect(fd), errno()), (-1, expected), "{fd}");
        let set = (tool.0.setsockopt)(user, fd, 12_345, 1, ptr::null(), -1_i32 as socklen_t);
        assert_eq!((set, errno()), (-1, expected), "{fd}");
        let got = (tool.0.getsockopt)(user, fd, 12_345, 1, ptr::null_mut(), len);
        assert_eq!((got, errno()), (-1, expected), "{fd}");
    }
    let ours = tool.socket();
    assert_eq!(((tool.0.shutdown)(user, ours, 9), errno()), (-1, libc::EINVAL));
    tool.free();
}

#[test]
fn sockets_that_are_not_tcp_are_refused_as_in_linux() {
    let (tool, _alone) = Tool::new();
    let user = tool.0.userdata;
    let errors = [
        (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_UDP, libc::EPROTONOSUPPORT),
        (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_TCP, libc::EPROTONOSUPPORT),
        (libc::AF_INET, libc::SOCK_SEQPACKET, 0, libc::ESOCKTNOSUPPORT),
        (libc::AF_INET, 11, 0, libc::EINVAL),
        (99, libc::SOCK_STREAM, 0, libc::EAFNOSUPPORT),
    ];
    for (domain, kind, protocol, expected) in errors {
        let fd = (tool.0.socket)(user, domain, kind, protocol);
        assert_eq!((fd, errno()), (-1, expected), "{domain} {kind} {protocol}");
    }
    tool.free();
}

/// RFC 9293 3.10.7.2, wherever the listener is.
#[test]
fn a_segment_without_flags_is_met_by_silence() {
    for path in ["host", "offload"] {
        let (tool, _alone) = Tool::new();
        tool.free();
        let tool = Tool::with(&format!("sysctls=none,path={path}"));
        tool.listener();
        tool.inject(0, 0, 0, b"");
        tool.inject(SYN, 1000, 0, b"");
        assert_eq!(tool.receive().expect("an answer").flags, SYN | ACK, "{path}");
        tool.free();
    }
}

/// The tool's main thread goes through the script, and so nobody else would move the clock.
#[test]
fn a_call_of_the_main_thread_that_nothing_ends_gives_up() {
    let (tool, _alone) = Tool::new();
    tool.free();
    let tool = Tool::with("sysctls=none,path=offload");
    let fd = tool.listener();
    assert_eq!((tool.accept(fd), errno()), (-1, libc::EDEADLK));
    tool.free();
}

#[test]
fn the_c_librarys_getsockopt_and_close_know_our_descriptors() {
    let (tool, _alone) = Tool::new();
    let (fd, _) = tool.accepted();
    let mut info = [0u8; 300];
    let mut len = info.len() as socklen_t;
    // SAFETY: the C library's function, with memory of that length.
    let got = unsafe {
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut len)
    };
    assert_eq!(got, 0);
    assert!(len >= 248, "{len}");
    assert_eq!(info[0], 1, "TCP_ESTABLISHED");
    let cwnd = u32::from_ne_bytes(info[80..84].try_into().expect("four"));
    assert_eq!(cwnd, 10);
    // SAFETY: a descriptor of ours.
    assert_eq!(unsafe { libc::close(fd) }, 0);
    assert_eq!(tool.receive().expect("FIN").flags & FIN, FIN);
    assert_eq!((tool.write(fd, b"x"), errno()), (-1, libc::EBADF));
    tool.free();
}
