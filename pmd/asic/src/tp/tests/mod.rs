//! TP alone.

mod image;
