//! The card alone: registers and rings poked by hand, no driver anywhere.

mod attacks;
mod host;

mod bring_up;
mod delays;
mod flows;
mod frames;
mod hostile;
mod links;
mod queues;
