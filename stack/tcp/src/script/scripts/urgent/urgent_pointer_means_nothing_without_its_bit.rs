//! The field is there in every header.

use super::established;
use crate::script::*;

pub fn urgent_pointer_means_nothing_without_its_bit(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100, urg 60);
    inject!(t, ACK, seq 201, ack 1, len 100, urg 60);
    assert_eq!(t.urgent_end(), None);
}
