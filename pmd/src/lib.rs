//! The poll-mode driver.
