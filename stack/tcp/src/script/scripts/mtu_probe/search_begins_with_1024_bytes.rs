//! RFC 4821 7.2: by default with what most paths carry.

use crate::script::*;
use crate::{Config, MtuProbing};

//= rfc4821#7.2 RFC4821-7.2-1
pub fn search_begins_with_1024_bytes(bench: &mut dyn Bench) {
    let config = Config { mtu_probing: MtuProbing::Always, ..Config::default() };
    let setup = Setup { config, mss: 1400, ..Setup::nodelay() };
    let mut t = Trace::established(bench, setup, Peer { mss: Some(1400), ..Peer::default() });
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1025, ack 1, len 1024);
    expect!(t, ACK, seq 2049, ack 1, len 952);
}
