//! RFC 5961 4: also where the window does not reach.

use super::established;
use crate::State;
use crate::script::*;

//= rfc5961#4.2 RFC5961-4.2-1 RFC5961-4.2-2
pub fn syn_in_the_window_is_challenged(bench: &mut dyn Bench) {
    let accepted = Trace::accepted(bench, Setup::default(), Peer::default());
    for mut t in [established(bench), accepted] {
        inject!(t, SYN, seq 1);
        expect!(t, ACK, seq 1, ack 1);
        inject!(t, SYN, seq 500, mss 1000);
        expect!(t, ACK, seq 1, ack 1);
        inject!(t, SYN | ACK, seq 500, ack 1, mss 1000);
        expect!(t, ACK, seq 1, ack 1);
        assert_eq!(t.state(), State::Established);
        counted!(t, rx_segments: 3, rx_drop_syn: 3, challenge_acks: 3, tx_segments: 3, tx_acks: 3);
        for beyond in [0x8000_0000, 1_000_000] {
            inject!(t, SYN, seq beyond, mss 1000);
            expect!(t, ACK, seq 1, ack 1);
        }
        assert_eq!(t.state(), State::Established);
    }
}
