//! RFC 7323 4.1: an ACK that acknowledges nothing new has an echo too; it says nothing of the round trip.

use crate::Config;
use crate::script::*;

//= rfc7323#4.1 RFC7323-4.1-1
pub fn echo_without_progress_is_no_sample(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::modern() }, Peer::modern());
    t.send(100);
    for at in [0, 200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
        t.inject(Seg::new(ACK).seq(1).ack(1));
    }
    silence!(t, until 1390 ms);
    expect!(t, at 1400 ms, ACK, seq 1, ack 1, len 100);
}
