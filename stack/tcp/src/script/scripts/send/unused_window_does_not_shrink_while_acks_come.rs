//! As in Linux: who sends a segment now and then, and never pauses for a timeout, keeps the window that it had. It
//! is not moved to the initial one, nor halfway to what is used (RFC 7661 1.2).

use crate::script::*;

pub fn unused_window_does_not_shrink_while_acks_come(bench: &mut dyn Bench) {
    let mut t = Trace::established_after(bench, Setup::default(), Peer::default(), 100);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 20);
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 30_001);
    // A timeout is 300 ms and more; here a segment leaves every 150.
    let mut at = 300;
    for seq in (30_001..70_001).step_by(1000) {
        t.silence(Some(at + 50));
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(seq).ack(1).len(1000));
        at += 150;
        t.silence(Some(at));
        t.inject(Seg::new(ACK).seq(1).ack(seq + 1000));
    }
    t.send(60_000);
    assert_eq!(t.drain(), 40);
}
