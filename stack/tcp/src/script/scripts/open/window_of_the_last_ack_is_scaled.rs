//! The window of a SYN is not scaled, that of the ACK that ends the handshake is.

use crate::script::*;

//= rfc7323#2.2 RFC7323-2.2-2
pub fn window_of_the_last_ack_is_scaled(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), ..Setup::default() };
    let peer = Peer { window_scale: Some(4), window: 500, ..Peer::default() };
    let mut t = Trace::accepted(bench, setup, peer);
    t.send(9000);
    assert_eq!(t.drain(), 8, "500 units of 16 bytes");
}
