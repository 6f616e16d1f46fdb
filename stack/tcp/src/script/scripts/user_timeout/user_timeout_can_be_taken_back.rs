//! An application may change its mind.

use super::{BY_USER, patience, with_patience};
use crate::script::*;
use crate::{Patience, State};

pub fn user_timeout_can_be_taken_back(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(100);
    assert_eq!(t.drain(), 1);
    t.skip_until(2900);
    t.set_patience(Patience::default());
    t.skip_until(10_000);
    assert_eq!(t.state(), State::Established);
    t.set_patience(patience(2));
    t.skip_until(11_900);
    assert_eq!(t.state(), State::Established, "it counts from when it is set");
    t.skip_until(12_100);
    assert_eq!(t.ended(), BY_USER);
}
