//! TP alone.

mod data;
mod ends;
mod filters;
mod image;
mod opens;
mod rig;
mod upload;
