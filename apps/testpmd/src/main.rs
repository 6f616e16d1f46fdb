//! `testpmd`: frames through ports by hand. DPDK's users know a card by the program of that name; this is it for the ports of
//! mafo, with the same commands, labels and columns for what both have.
//!
//! ```text
//!   main thread                       a thread a core that forwards
//!   console ─ commands ─ session ───► orders: lcore ─ streams ─ engine
//!                                               └──── devices: software adapter and driver, bare wire, or a bond of such
//!                                                     ports with a stack on it
//! ```

mod commands;
mod console;
mod device;
mod engine;
mod flow;
mod lcore;
mod options;
mod packet;
mod render;
mod run;
mod session;
mod stream;
mod verbose;

use std::process::ExitCode;

use options::{Instead, Options};

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    match Options::parse(&words) {
        Ok(options) => match run::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                console::complain(&format!("testpmd: {error}\n"));
                ExitCode::from(2)
            }
        },
        Err(Instead::Help(text)) => {
            console::say(&text);
            ExitCode::SUCCESS
        }
        Err(Instead::Wrong(text)) => {
            console::complain(&format!("testpmd: {text}\nTry: testpmd --help\n"));
            ExitCode::from(2)
        }
    }
}
