//! Frames in work requests, inline and by scatter list.
