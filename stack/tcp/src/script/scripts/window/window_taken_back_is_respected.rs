//! A peer must not shrink its window; if it does, nothing new is sent beyond it (RFC 9293 SHLD-15), and
//! the oldest segment serves as probe (SHLD-17).

use crate::script::*;
use crate::{Config, State};

//= rfc9293#3.8.6 MUST-34 MUST-35 SHLD-15 SHLD-17 MAY-7
//= rfc7323#2.4 RFC7323-2.4-2
pub fn window_taken_back_is_respected(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let peer = Peer { window: 4000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(6000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    silence!(t);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(1001).ack(1).len(1000));
        silence!(t);
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    assert_eq!(t.state(), State::Established);
    inject!(t, ACK, seq 1, ack 2001, win 4000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
}
