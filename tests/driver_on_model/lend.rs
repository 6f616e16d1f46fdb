//! Payload that is lent to a socket instead of copied, with the socket's TCP in an adapter or on the host path.

use mafo::{
    ConnectionError, LENT_PIECES_MAX, LendError, NotSent, Options, PathChoice, SocketError,
    SocketId,
};

use crate::hosts::{Net, OFFLOAD, pattern};

const MEMORY: usize = 256 << 10;

fn net() -> Net {
    Net::up_configured(2, |_, wire| Box::new(wire), |stack| stack.lend_memory = MEMORY)
}

/// The first host sends `len` bytes in pieces of many lengths, by turns lent and copied, in the middle of which `event` comes;
/// the other one compares them.
fn send_mixed(net: &mut Net, [near, far]: [SocketId; 2], len: usize, event: impl FnOnce(&mut Net)) {
    let lengths =
        [9_000, 1, 40_000, 128, 3_000, 60_000, 200, 200, 1, 7, 130, 90, 200, 1, 300, 200, 200];
    let (mut sent, mut received, mut turn, mut event) = (0, 0, 0, Some(event));
    let mut buf = vec![0; 30_000];
    while received < len {
        net.step();
        if received > len / 2
            && let Some(event) = event.take()
        {
            event(net);
        }
        let sockets = net.hosts[0].sockets_mut();
        while sent < len {
            let n = lengths[turn % lengths.len()].min(len - sent);
            let bytes: Vec<u8> = (sent..sent + n).map(pattern).collect();
            let taken = if turn % 4 == 2 {
                sockets.send(near, &bytes)
            } else {
                match sockets.lend_buffer(n) {
                    Ok(mut buffer) => {
                        buffer.copy_from_slice(&bytes);
                        let lent = sockets.send_lent(near, buffer.freeze());
                        lent.map(|()| n).map_err(|NotSent { why, .. }| why)
                    }
                    Err(LendError::NoMemory { .. }) => break,
                    Err(why) => panic!("{why}"),
                }
            };
            match taken {
                Ok(n) => (sent, turn) = (sent + n, turn + 1),
                Err(why) => {
                    assert_eq!(why, SocketError::WouldBlock);
                    break;
                }
            }
        }
        match net.hosts[1].sockets_mut().recv(far, &mut buf) {
            Ok(n) => {
                for (i, &byte) in buf[..n].iter().enumerate() {
                    assert_eq!(byte, pattern(received + i), "byte {}", received + i);
                }
                received += n;
            }
            Err(why) => assert_eq!(why, SocketError::WouldBlock),
        }
    }
    assert_eq!(received, len);
}

/// All of the memory can be lent again.
fn is_given_back(net: &Net) -> bool {
    net.hosts[0].sockets().lend_buffer(MEMORY).is_ok()
}

#[test]
fn lent_bytes_are_sent_where_they_were_lent_and_come_back() {
    for path in [PathChoice::Offload, PathChoice::Host] {
        let mut net = net();
        let ends = net.open_on(1, [Options::on(path), OFFLOAD])[0];
        send_mixed(&mut net, ends, 2_000_000, |net| assert!(!is_given_back(net)));
        net.wait(is_given_back);
        net.transfer(ends, 10_000);
    }
}

/// The next owner is given what the peer has not acknowledged, from wherever it lies.
#[test]
fn lent_bytes_move_with_their_connection() {
    for kill in [false, true] {
        let mut net = net();
        let ends = net.open(1)[0];
        send_mixed(&mut net, ends, 3_000_000, |net| {
            if kill {
                net.hosts[0].adapter(0).expect("a card").faults().die();
            } else {
                net.cables[0].set_carrier(false);
            }
        });
        net.wait(is_given_back);
        net.transfer(ends, 10_000);
    }
}

/// Whoever reads slowly holds so many pieces, and the others have what is left.
#[test]
fn a_socket_holds_so_many_pieces_and_its_end_gives_them_back() {
    let mut net = net();
    let ends = net.open(2);
    let sockets = net.hosts[0].sockets_mut();
    let one = sockets.lend_buffer(64).expect("room").freeze();
    let mut taken = 0;
    // The same bytes again and again; nothing is acknowledged while nobody polls.
    let refused = loop {
        match sockets.send_lent(ends[0][0], one.clone()) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((taken, refused.why), (LENT_PIECES_MAX, SocketError::WouldBlock));
    assert!(refused.lent.reclaim().is_err(), "the socket has it");
    assert!(sockets.send_lent(ends[1][0], one.clone()).is_ok());
    // The one is let go of; the other's peer resets it, and the application has it still.
    let now = net.now;
    net.hosts[0].sockets_mut().abort(now, ends[0][0]);
    net.hosts[1].sockets_mut().abort(now, ends[1][1]);
    net.settle();
    net.wait(|net| net.hosts[0].sockets().is_over(ends[1][0]));
    assert!(one.reclaim().is_ok());
    let sockets = net.hosts[0].sockets_mut();
    let late = sockets.lend_buffer(1).expect("room").freeze();
    let gone = sockets.send_lent(ends[0][0], late).expect_err("nobody is there");
    assert_eq!(gone.why, SocketError::NoSuchSocket);
    let lost = sockets.send_lent(ends[1][0], gone.lent).expect_err("it is over");
    assert_eq!(lost.why, SocketError::Connection(ConnectionError::Reset));
}

#[test]
fn memory_of_another_stack_is_refused() {
    let mut net = net();
    let ends = net.open(1)[0];
    let foreign = net.hosts[1].sockets_mut().lend_buffer(100).expect("room").freeze();
    let refused = net.hosts[0].sockets_mut().send_lent(ends[0], foreign).expect_err("foreign");
    assert_eq!(refused.why, SocketError::ForeignMemory);
    assert_eq!(refused.lent.len(), 100);
}
