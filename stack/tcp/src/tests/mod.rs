//! Whole connections under chance: two engines over a bad link, copies of a connection that must go on
//! alike, and peers that mean harm. Everything comes from a seed, which a failure names.

mod hostile;
mod link;
mod rng;
mod sim;
mod takeover;
mod twin;
