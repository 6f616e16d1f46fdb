//! RFC 9293 3.10.4: nothing was opened, nothing need be said.

use crate::Ended;
use crate::script::*;

pub fn close_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    t.close();
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::NotOpened));
}
