//! RFC 3168 6.1.1.1, the other side.

use super::{CWR, ECE, setup};
use crate::EcnMode;
use crate::script::*;

pub fn a_syn_that_comes_again_without_takes_it_back(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, setup(EcnMode::OnRequest), Peer::default());
    t.listen();
    t.inject(t.peer_syn(SYN | ECE | CWR));
    let answer = t.syn_ack();
    t.expect(None, Seg { flags: SYN | ACK | ECE, ..answer.clone() });
    t.inject(t.peer_syn(SYN));
    t.expect(None, answer);
    inject!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
}
