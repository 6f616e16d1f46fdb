//! The interface that the tool fills its calls with: C functions that turn pointers into slices, and
//! outcomes into return values and `errno`.
#![expect(unsafe_code, reason = "pointers of a C program come in here")]

use std::ffi::{CStr, c_char, c_void};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use libc::{c_int, c_long, c_ulong, iovec, loff_t, msghdr, nfds_t, pollfd, size_t, sockaddr};
use libc::{sockaddr_in, socklen_t, ssize_t, timeval, useconds_t};
use mafo::Nanos;

use crate::calls::Received;
use crate::drill::{Drill, Step};
use crate::errno::{Errno, Outcome};
use crate::hook;
use crate::settings::Flags;

/// A pointer to a [`Drill`], as the tool hands it back.
pub type User = *mut c_void;

/// The table of functions, in the tool's order. `fcntl` and `ioctl` have a variable argument there; it is
/// passed as a third one would be.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is the system call of its name")]
pub struct Interface {
    pub userdata: User,
    pub free: extern "C" fn(User),
    pub socket: extern "C" fn(User, c_int, c_int, c_int) -> c_int,
    pub bind: extern "C" fn(User, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: extern "C" fn(User, c_int, c_int) -> c_int,
    pub accept: extern "C" fn(User, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: extern "C" fn(User, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: extern "C" fn(User, c_int, *mut c_void, size_t) -> ssize_t,
    pub readv: extern "C" fn(User, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: extern "C" fn(User, c_int, *mut c_void, size_t, c_int) -> ssize_t,
    pub recvfrom: extern "C" fn(
        User,
        c_int,
        *mut c_void,
        size_t,
        c_int,
        *mut sockaddr,
        *mut socklen_t,
    ) -> ssize_t,
    pub recvmsg: extern "C" fn(User, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: extern "C" fn(User, c_int, *const c_void, size_t) -> ssize_t,
    pub writev: extern "C" fn(User, c_int, *const iovec, c_int) -> ssize_t,
    pub send: extern "C" fn(User, c_int, *const c_void, size_t, c_int) -> ssize_t,
    pub sendto: extern "C" fn(
        User,
        c_int,
        *const c_void,
        size_t,
        c_int,
        *const sockaddr,
        socklen_t,
    ) -> ssize_t,
    pub sendmsg: extern "C" fn(User, c_int, *const msghdr, c_int) -> ssize_t,
    pub fcntl: extern "C" fn(User, c_int, c_int, c_long) -> c_int,
    pub ioctl: extern "C" fn(User, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: extern "C" fn(User, c_int) -> c_int,
    pub shutdown: extern "C" fn(User, c_int, c_int) -> c_int,
    pub getsockopt: extern "C" fn(User, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: extern "C" fn(User, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: extern "C" fn(User, *mut pollfd, nfds_t, c_int) -> c_int,
    pub netdev_send: extern "C" fn(User, *const c_void, size_t) -> c_int,
    pub netdev_receive: extern "C" fn(User, *mut c_void, *mut size_t, *mut i64) -> c_int,
    pub usleep: extern "C" fn(User, useconds_t) -> c_int,
    pub gettimeofday: extern "C" fn(User, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: extern "C" fn(User, c_int) -> c_int,
    pub epoll_ctl: extern "C" fn(User, c_int, c_int, c_int, *mut libc::epoll_event) -> c_int,
    pub epoll_wait: extern "C" fn(User, c_int, *mut libc::epoll_event, c_int, c_int) -> c_int,
    pub pipe: extern "C" fn(User, *mut c_int) -> c_int,
    pub splice: extern "C" fn(User, c_int, *mut loff_t, c_int, *mut loff_t, size_t, u32) -> ssize_t,
}

/// The entry point: the tool calls it once, with what `--so_flags` says (or null), and a table to be filled.
///
/// # Safety
///
/// `flags` is null or a C string; `table` points to room for an [`Interface`].
// SAFETY: no other function of this program has this name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, table: *mut Interface) {
    let text = if flags.is_null() {
        String::new()
    } else {
        // SAFETY: not null, so a C string, by this function's contract.
        unsafe { CStr::from_ptr(flags) }.to_string_lossy().into_owned()
    };
    let flags = Flags::parse(&text).unwrap_or_else(|error| {
        eprintln!("mafo: --so_flags: {error}");
        std::process::exit(2);
    });
    let drill = Box::new(Drill::new(flags));
    hook::install(&drill);
    let interface = Interface {
        userdata: Box::into_raw(drill).cast(),
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    };
    // SAFETY: `table` has room for it, by this function's contract.
    unsafe { table.write(interface) };
}

/// What a C function answers.
trait Answer {
    const FAILED: Self;
}

impl Answer for c_int {
    const FAILED: Self = -1;
}

impl Answer for ssize_t {
    const FAILED: Self = -1;
}

/// Makes a call, and gives its outcome the form that C wants. A panic is a bug of ours, which the hook has
/// reported; the tool is told that its call failed.
fn answer<T: Answer>(user: User, op: impl FnOnce(&Drill) -> Outcome<T>) -> T {
    // SAFETY: the tool hands back what `packetdrill_interface_init` gave it, until it calls `free`. The
    // functions of the table have no other way to say so.
    let drill = unsafe { &*user.cast::<Drill>() };
    let outcome = catch_unwind(AssertUnwindSafe(|| op(drill))).unwrap_or(Err(Errno(libc::EIO)));
    outcome.unwrap_or_else(|Errno(errno)| {
        // SAFETY: the address of this thread's errno.
        unsafe { *libc::__errno_location() = errno };
        T::FAILED
    })
}

/// The memory of a caller that is read: `None` for a null pointer.
fn source<'a>(pointer: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: who hands over a pointer and a length has that many bytes there, as for the system call.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts(pointer.cast(), len) })
}

/// The memory of a caller that is written: `None` for a null pointer.
fn target<'a>(pointer: *mut c_void, len: usize) -> Option<&'a mut [u8]> {
    // SAFETY: as for `source`; nobody else uses it while the call lasts.
    (!pointer.is_null()).then(|| unsafe { slice::from_raw_parts_mut(pointer.cast(), len) })
}

/// A value of a caller: `None` for a null pointer.
fn value<'a, T>(pointer: *mut T) -> Option<&'a mut T> {
    // SAFETY: who hands over a pointer that is not null has a value there, as for the system call.
    unsafe { pointer.as_mut() }
}

/// An IPv4 address of a caller.
fn address(pointer: *const sockaddr, len: socklen_t) -> Outcome<SocketAddrV4> {
    let family = family(pointer, len)?;
    if family != libc::AF_INET {
        return Err(Errno(libc::EAFNOSUPPORT));
    }
    if (len as usize) < size_of::<sockaddr_in>() {
        return Err(Errno::INVAL);
    }
    // SAFETY: the caller says that so many bytes are there.
    let v4 = unsafe { pointer.cast::<sockaddr_in>().read_unaligned() };
    let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
    Ok(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)))
}

fn family(pointer: *const sockaddr, len: socklen_t) -> Outcome<c_int> {
    if pointer.is_null() {
        return Err(Errno::FAULT);
    }
    if (len as usize) < size_of::<libc::sa_family_t>() {
        return Err(Errno::INVAL);
    }
    // SAFETY: the caller says that so many bytes are there; the family is the first two.
    Ok(unsafe { pointer.cast::<libc::sa_family_t>().read_unaligned() }.into())
}

/// Writes an address where a caller wants it, cut off where it does not fit.
fn tell_address(peer: SocketAddrV4, pointer: *mut sockaddr, len: *mut socklen_t) {
    let (false, Some(len)) = (pointer.is_null(), value(len)) else { return };
    let v4 = sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: peer.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*peer.ip()).to_be() },
        sin_zero: [0; 8],
    };
    let whole = size_of::<sockaddr_in>();
    let room = (*len as usize).min(whole);
    let from: *const u8 = (&raw const v4).cast();
    // SAFETY: `room` is no more than either side has.
    unsafe { std::ptr::copy_nonoverlapping(from, pointer.cast::<u8>(), room) };
    *len = whole as socklen_t;
}

extern "C" fn free(user: User) {
    if !user.is_null() {
        hook::remove(user.cast());
        // SAFETY: `packetdrill_interface_init` made it by `Box::into_raw`, and the tool frees it once.
        drop(unsafe { Box::from_raw(user.cast::<Drill>()) });
    }
}

extern "C" fn socket(user: User, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    answer(user, |drill| drill.call(|world| world.socket(domain, kind, protocol)))
}

extern "C" fn bind(user: User, fd: c_int, pointer: *const sockaddr, len: socklen_t) -> c_int {
    answer(user, |drill| {
        drill.call(|world| {
            world.fds.socket(fd)?;
            world.bind(fd, address(pointer, len)?).map(|()| 0)
        })
    })
}

extern "C" fn listen(user: User, fd: c_int, backlog: c_int) -> c_int {
    answer(user, |drill| drill.call(|world| world.listen(fd, backlog).map(|()| 0)))
}

extern "C" fn accept(user: User, fd: c_int, pointer: *mut sockaddr, len: *mut socklen_t) -> c_int {
    answer(user, |drill| {
        let (accepted, peer) = drill.wait(|world| {
            let may_wait = world.may_wait(fd, 0);
            Step::or_wait(world.accept(fd), may_wait)
        })?;
        tell_address(peer, pointer, len);
        Ok(accepted)
    })
}

extern "C" fn connect(user: User, fd: c_int, pointer: *const sockaddr, len: socklen_t) -> c_int {
    answer(user, |drill| {
        let mut asked = false;
        drill.wait(|world| {
            let may_wait = world.may_wait(fd, 0);
            let outcome = if asked {
                world.connect_again(fd)
            } else {
                asked = true;
                match world.fds.socket(fd).and_then(|_| family(pointer, len)) {
                    Ok(libc::AF_UNSPEC) => world.disconnect(fd),
                    Ok(_) => address(pointer, len).and_then(|to| world.connect(fd, to)),
                    Err(error) => Err(error),
                }
            };
            match outcome {
                Err(Errno(libc::EINPROGRESS | libc::EALREADY)) if may_wait => Step::Wait(None),
                outcome => Step::Done(outcome.map(|()| 0)),
            }
        })
    })
}

extern "C" fn read(user: User, fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    answer(user, |drill| {
        let mut memory = target(buf, len);
        drill.wait(|world| {
            let may_wait = world.may_wait(fd, 0);
            let outcome = world.read(fd, memory.as_deref_mut(), len);
            Step::or_wait(outcome.map(|n| n as ssize_t), may_wait)
        })
    })
}

/// Receives into one piece of memory, waiting if the socket may.
fn receive(
    drill: &Drill,
    fd: c_int,
    mut memory: Option<&mut [u8]>,
    len: usize,
    flags: c_int,
) -> Outcome<Received> {
    let all = flags & libc::MSG_WAITALL != 0 && flags & libc::MSG_PEEK == 0;
    let mut done = 0;
    drill.wait(|world| {
        let may_wait = world.may_wait(fd, flags) && flags & libc::MSG_ERRQUEUE == 0;
        loop {
            let rest = memory.as_deref_mut().and_then(|memory| memory.get_mut(done..));
            let outcome = world.recv(fd, rest, len - done, flags);
            let received = match outcome {
                Err(Errno::AGAIN) if may_wait => return Step::Wait(None),
                Err(_) if done > 0 => Received { len: 0, inq: None },
                Err(error) => return Step::Done(Err(error)),
                Ok(received) => received,
            };
            done += received.len;
            if !all || received.len == 0 || done == len {
                return Step::Done(Ok(Received { len: done, ..received }));
            }
        }
    })
}

extern "C" fn recv(user: User, fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    answer(user, |drill| {
        receive(drill, fd, target(buf, len), len, flags).map(|received| received.len as ssize_t)
    })
}

extern "C" fn recvfrom(
    user: User,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    _from: *mut sockaddr,
    from_len: *mut socklen_t,
) -> ssize_t {
    answer(user, |drill| {
        let received = receive(drill, fd, target(buf, len), len, flags)?;
        // TCP says who it is from by accept and connect.
        if let Some(len) = value(from_len) {
            *len = 0;
        }
        Ok(received.len as ssize_t)
    })
}

/// The pieces of memory of a caller.
fn pieces<'a>(iov: *const iovec, count: usize) -> Outcome<&'a [iovec]> {
    if count > libc::UIO_MAXIOV as usize {
        return Err(Errno(libc::EMSGSIZE));
    }
    if count == 0 {
        return Ok(&[]);
    }
    if iov.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller says that so many are there.
    Ok(unsafe { slice::from_raw_parts(iov, count) })
}

/// Bytes of all pieces together.
fn total(pieces: &[iovec]) -> usize {
    pieces.iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.iov_len))
}

/// Spreads `bytes` over the pieces.
fn scatter(pieces: &[iovec], mut bytes: &[u8]) -> Outcome<()> {
    for piece in pieces {
        let n = piece.iov_len.min(bytes.len());
        if n == 0 {
            continue;
        }
        let (head, tail) = bytes.split_at(n);
        target(piece.iov_base, n).ok_or(Errno::FAULT)?.copy_from_slice(head);
        bytes = tail;
    }
    Ok(())
}

/// All bytes of the pieces, one after the other.
fn gather(pieces: &[iovec]) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.iov_len > 0) {
        bytes.extend(source(piece.iov_base, piece.iov_len).ok_or(Errno::FAULT)?);
    }
    Ok(bytes)
}

/// Room for what pieces of memory can take, but no more than a socket can hold.
fn room(pieces: &[iovec]) -> Vec<u8> {
    vec![0; total(pieces).min(1 << 24)]
}

extern "C" fn readv(user: User, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    answer(user, |drill| {
        let pieces = pieces(iov, usize::try_from(count).map_err(|_| Errno::INVAL)?)?;
        let mut bytes = room(pieces);
        let len = bytes.len();
        let received = receive(drill, fd, Some(&mut bytes), len, 0)?;
        scatter(pieces, &bytes[..received.len])?;
        Ok(received.len as ssize_t)
    })
}

extern "C" fn recvmsg(user: User, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    answer(user, |drill| {
        let message = value(message).ok_or(Errno::FAULT)?;
        let pieces = pieces(message.msg_iov, message.msg_iovlen)?;
        let mut bytes = room(pieces);
        let len = bytes.len();
        let received = receive(drill, fd, Some(&mut bytes), len, flags)?;
        scatter(pieces, &bytes[..received.len])?;
        (message.msg_flags, message.msg_namelen) = (0, 0);
        put_control(message, received.inq);
        Ok(received.len as ssize_t)
    })
}

/// Puts the control message of TCP_INQ into `message`, if there is one and room for it.
fn put_control(message: &mut msghdr, inq: Option<c_int>) {
    /// TCP_CM_INQ.
    const TCP_CM_INQ: c_int = 36;
    let room = message.msg_controllen;
    message.msg_controllen = 0;
    let Some(inq) = inq else { return };
    // SAFETY: lengths alone.
    let (len, space) = unsafe { (libc::CMSG_LEN(4) as usize, libc::CMSG_SPACE(4) as usize) };
    if message.msg_control.is_null() || room < len {
        message.msg_flags |= libc::MSG_CTRUNC;
        return;
    }
    let header: *mut libc::cmsghdr = message.msg_control.cast();
    // SAFETY: there is room for `len` bytes, and what is written is no more: the header and four bytes.
    unsafe {
        header.write_unaligned(libc::cmsghdr {
            cmsg_len: len,
            cmsg_level: libc::IPPROTO_TCP,
            cmsg_type: TCP_CM_INQ,
        });
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(inq);
    }
    message.msg_controllen = room.min(space);
}

/// Sends all of `bytes`, waiting for room if the socket may; else what there is room for.
fn transmit(drill: &Drill, fd: c_int, bytes: Option<&[u8]>, flags: c_int) -> Outcome<ssize_t> {
    let mut done = 0;
    drill.wait(|world| {
        let may_wait = world.may_wait(fd, flags);
        loop {
            let rest = bytes.map(|bytes| &bytes[done..]);
            match world.send(fd, rest, flags) {
                Ok(n) => done += n,
                Err(Errno::AGAIN) if may_wait => return Step::Wait(None),
                Err(_) if done > 0 => return Step::Done(Ok(done as ssize_t)),
                Err(error) => return Step::Done(Err(error)),
            }
            if bytes.is_none_or(|bytes| done == bytes.len()) {
                return Step::Done(Ok(done as ssize_t));
            }
        }
    })
}

extern "C" fn write(user: User, fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    answer(user, |drill| transmit(drill, fd, source(buf, len), 0))
}

extern "C" fn writev(user: User, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    answer(user, |drill| {
        let pieces = pieces(iov, usize::try_from(count).map_err(|_| Errno::INVAL)?)?;
        transmit(drill, fd, Some(&gather(pieces)?), 0)
    })
}

extern "C" fn send(
    user: User,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
) -> ssize_t {
    answer(user, |drill| transmit(drill, fd, source(buf, len), flags))
}

extern "C" fn sendto(
    user: User,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    _to: *const sockaddr,
    _to_len: socklen_t,
) -> ssize_t {
    answer(user, |drill| {
        if flags & libc::MSG_FASTOPEN != 0 {
            return Err(Errno::OPNOTSUPP);
        }
        transmit(drill, fd, source(buf, len), flags)
    })
}

extern "C" fn sendmsg(user: User, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    answer(user, |drill| {
        let message = value(message.cast_mut()).ok_or(Errno::FAULT)?;
        let pieces = pieces(message.msg_iov, message.msg_iovlen)?;
        transmit(drill, fd, Some(&gather(pieces)?), flags)
    })
}

extern "C" fn fcntl(user: User, fd: c_int, command: c_int, argument: c_long) -> c_int {
    // Of an int in a variable argument only the lower half means anything.
    answer(user, |drill| drill.call(|world| world.fcntl(fd, command, argument as c_int)))
}

extern "C" fn ioctl(user: User, fd: c_int, request: c_ulong, argument: *mut c_int) -> c_int {
    answer(user, |drill| {
        drill.call(|world| {
            world.fds.get(fd)?;
            // The tool keeps requests in an int.
            let request = u64::from(request as u32);
            let given = if request == libc::FIONBIO { value(argument).map(|n| *n) } else { None };
            if let Some(told) = world.ioctl(fd, request, given)? {
                *value(argument).ok_or(Errno::FAULT)? = told;
            }
            Ok(0)
        })
    })
}

extern "C" fn close(user: User, fd: c_int) -> c_int {
    answer(user, |drill| drill.call(|world| world.close(fd).map(|()| 0)))
}

extern "C" fn shutdown(user: User, fd: c_int, how: c_int) -> c_int {
    answer(user, |drill| drill.call(|world| world.shutdown(fd, how).map(|()| 0)))
}

/// getsockopt(2), for the tool's interface and for whoever asks the C library.
pub(crate) fn get_option(
    drill: &Drill,
    fd: c_int,
    (level, name): (c_int, c_int),
    to: *mut c_void,
    len: *mut socklen_t,
) -> Outcome<c_int> {
    let len = value(len);
    let room = len.as_deref().map(|&len| len as c_int);
    let answer = drill.call(|world| world.getsockopt(fd, level, name, room))?;
    let len = len.ok_or(Errno::FAULT)?;
    let n = answer.len().min(*len as usize);
    if n > 0 {
        target(to, n).ok_or(Errno::FAULT)?.copy_from_slice(&answer[..n]);
    }
    *len = n as socklen_t;
    Ok(0)
}

extern "C" fn getsockopt(
    user: User,
    fd: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    answer(user, |drill| get_option(drill, fd, (level, name), to, len))
}

extern "C" fn setsockopt(
    user: User,
    fd: c_int,
    level: c_int,
    name: c_int,
    from: *const c_void,
    len: socklen_t,
) -> c_int {
    answer(user, |drill| {
        drill.call(|world| {
            world.fds.socket(fd)?;
            let len = usize::try_from(len as c_int).map_err(|_| Errno::INVAL)?;
            world.setsockopt(fd, level, name, source(from, len), len).map(|()| 0)
        })
    })
}

/// When a call that waits `timeout` milliseconds, or for ever if that is negative, has waited enough.
fn deadline(now: Nanos, timeout: c_int) -> Option<Nanos> {
    u64::try_from(timeout).ok().map(|timeout| now + Nanos::from_millis(timeout))
}

extern "C" fn poll(user: User, fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    answer(user, |drill| {
        if fds.is_null() && count > 0 {
            return Err(Errno::FAULT);
        }
        let items: &mut [pollfd] = if count == 0 {
            &mut []
        } else {
            // SAFETY: not null, so the caller has so many there.
            unsafe { slice::from_raw_parts_mut(fds, count as usize) }
        };
        let mut until = None;
        drill.wait(|world| {
            for item in &mut *items {
                item.revents = world.poll_one(item.fd, item.events);
            }
            let ready = items.iter().filter(|item| item.revents != 0).count();
            let until = *until.get_or_insert(deadline(world.now, timeout));
            if ready > 0 || until.is_some_and(|until| until <= world.now) {
                return Step::Done(Ok(ready as c_int));
            }
            Step::Wait(until)
        })
    })
}

extern "C" fn netdev_send(user: User, packet: *const c_void, len: size_t) -> c_int {
    answer(user, |drill| {
        let packet = source(packet, len).ok_or(Errno::FAULT)?;
        drill.call(|world| {
            world.inject(packet);
            Ok(0)
        })
    })
}

extern "C" fn netdev_receive(
    user: User,
    buf: *mut c_void,
    len: *mut size_t,
    time_usecs: *mut i64,
) -> c_int {
    // A failure would make the tool ask again for ever; nothing received ends the script.
    if let Some(len) = value(len) {
        let room = std::mem::take(len);
        answer(user, |drill| {
            let Some((at, packet)) = drill.next_packet() else { return Ok(0) };
            let n = packet.len().min(room);
            target(buf, n).ok_or(Errno::FAULT)?.copy_from_slice(&packet[..n]);
            if let Some(time) = value(time_usecs) {
                *time = at.as_micros() as i64;
            }
            *len = n;
            Ok(0)
        });
    }
    0
}

extern "C" fn usleep(user: User, micros: useconds_t) -> c_int {
    answer(user, |drill| {
        drill.sleep(Nanos::from_micros(micros.into()));
        Ok(0)
    })
}

extern "C" fn gettimeofday(user: User, time: *mut timeval, _zone: *mut c_void) -> c_int {
    answer(user, |drill| {
        let micros = drill.now().as_micros() as i64;
        let time = value(time).ok_or(Errno::FAULT)?;
        (time.tv_sec, time.tv_usec) = (micros / 1_000_000, micros % 1_000_000);
        Ok(0)
    })
}

extern "C" fn epoll_create(user: User, size: c_int) -> c_int {
    answer(user, |drill| drill.call(|world| world.epoll_create(size)))
}

extern "C" fn epoll_ctl(
    user: User,
    set: c_int,
    op: c_int,
    fd: c_int,
    event: *mut libc::epoll_event,
) -> c_int {
    answer(user, |drill| {
        // The structure is packed on x86-64: it is copied.
        let event = value(event).map(|event| (event.events, event.u64));
        drill.call(|world| world.epoll_ctl(set, op, fd, event).map(|()| 0))
    })
}

extern "C" fn epoll_wait(
    user: User,
    set: c_int,
    events: *mut libc::epoll_event,
    max: c_int,
    timeout: c_int,
) -> c_int {
    answer(user, |drill| {
        let mut until = None;
        let taken = drill.wait(|world| {
            let taken = match world.epoll_take(set, max) {
                Ok(taken) => taken,
                Err(error) => return Step::Done(Err(error)),
            };
            let until = *until.get_or_insert(deadline(world.now, timeout));
            if !taken.is_empty() || until.is_some_and(|until| until <= world.now) {
                return Step::Done(Ok(taken));
            }
            Step::Wait(until)
        })?;
        if events.is_null() {
            return Err(Errno::FAULT);
        }
        for (n, &(mask, token)) in taken.iter().enumerate() {
            // SAFETY: the caller has room for `max`, and no more were taken.
            unsafe { events.add(n).write(libc::epoll_event { events: mask, u64: token }) };
        }
        Ok(taken.len() as c_int)
    })
}

extern "C" fn pipe(user: User, fds: *mut c_int) -> c_int {
    answer(user, |drill| {
        if fds.is_null() {
            return Err(Errno::FAULT);
        }
        let (reader, writer) = drill.call(|world| Ok(world.pipe()))?;
        // SAFETY: pipe(2) takes an array of two.
        unsafe { fds.cast::<[c_int; 2]>().write([reader, writer]) };
        Ok(0)
    })
}

extern "C" fn splice(
    user: User,
    from: c_int,
    _from_offset: *mut loff_t,
    to: c_int,
    _to_offset: *mut loff_t,
    len: size_t,
    flags: u32,
) -> ssize_t {
    // The tool passes pointers for offsets that its scripts say are absent.
    answer(user, |drill| {
        drill.wait(|world| {
            let waits = flags & libc::SPLICE_F_NONBLOCK == 0;
            let may_wait = waits && world.may_wait(from, 0) && world.may_wait(to, 0);
            Step::or_wait(world.splice(from, to, len).map(|n| n as ssize_t), may_wait)
        })
    })
}
