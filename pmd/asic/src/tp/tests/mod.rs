//! TP alone.

mod ahead;
mod data;
mod ends;
mod filters;
mod hostile;
mod image;
mod opens;
mod pair;
mod rig;
mod scripts;
mod upload;
