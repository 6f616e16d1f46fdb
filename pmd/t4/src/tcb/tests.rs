//! Vectors written by hand from the datasheet.
