//! Command lines: what is wrong with them, and runs without a prompt.

use std::process::{Command, Stdio};

use crate::program::Program;
use crate::{Verdict, scratch};

/// Exit code, standard output and standard error of a line.
fn run(line: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_testpmd"))
        .args(line.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .expect("started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Each says in a sentence which flag is wrong and what would be right, and ends with code 2.
pub(crate) fn wrong() -> Verdict {
    for (line, told) in [
        ("-a 0000:01:00.4 -- -i", "-a 0000:01:00.4: "),
        ("--vdev asic0,speed=1 -- -i", "there are chip, ports, ntids"),
        ("--vdev wire0,wire=tap: -- -i", "wire0: wire=tap: is no wire; there are mem:NAME"),
        ("--vdev wire0,wire=pcap:/nowhere.pcap -- -i", "wire0: /nowhere.pcap: No such file"),
        ("--vdev wire0,wire=packet:nowhere0 -- -i", "wire0: packet:nowhere0: "),
        ("--vdev wire0,wire=null --vdev wire0,wire=null --", "there is a device wire0 already"),
        (
            "--vdev wire0,wire=mem:a --vdev wire1,wire=mem:a --vdev wire2,wire=mem:a --",
            "mem:a has two ends already",
        ),
        ("-l 0,999 -- -i", "core 999 is not among the cores of this process"),
        ("-- -i --rxq=4", "--rxq 4: the driver gives a port one queue"),
        ("-- -i --txq=2", "--txq 2: the driver gives a port one queue"),
        ("-- -i --rxd=100", "--rxd 100: the number of receive buffers is a multiple of 16"),
        ("-- -i --portmask=0x4", "--portmask: there is no port 2"),
        ("-- -i --stats-period=1", "--stats-period is for runs without a prompt"),
        ("-- --display-xstats=rx_frames", "--display-xstats goes with --stats-period"),
        ("-- -i --cmdline-file=/nowhere", "--cmdline-file /nowhere: No such file"),
        ("--nb-cores=2 -- -i", "it belongs behind the --"),
        ("-- -i --forward-mode=maxswap", "macswap"),
        ("-- -i --birst=3", "'--burst'"),
    ] {
        let (code, out, error) = run(line);
        assert_eq!(code, Some(2), "{line}: {out}{error}");
        assert!(error.contains(told), "{line}: {error}");
    }
    Verdict::Passed
}

pub(crate) fn help() -> Verdict {
    let (code, out, _) = run("--help");
    assert_eq!(code, Some(0));
    assert!(out.contains("--vdev") && out.contains("--forward-mode"), "{out}");
    Verdict::Passed
}

/// Statistics every second until Ctrl-C; without a period until the end of the input.
pub(crate) fn without_a_prompt() -> Verdict {
    let (code, out, error) = run("--vdev asic0,ports=2 -- --tx-first");
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("Press enter to exit") && out.contains("Bye..."), "{out}");
    let folder = scratch("period");
    let line = "-l 0,1 --vdev wire0,wire=null -- --stats-period=1 --display-xstats=rx_frames,tx_frames --portmask=1";
    let mut program = Program::start(&line.split(' ').collect::<Vec<_>>(), &folder);
    let told = program.until("  tx_frames: ");
    assert!(told.contains("NIC statistics for port 0") && told.contains("  rx_frames: "), "{told}");
    let told = program.interrupt();
    assert!(told.contains("Forward statistics for port 0") && told.ends_with("Bye...\n"), "{told}");
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Verdict::Passed
}

pub(crate) fn commands_of_a_file() -> Verdict {
    let folder = scratch("file");
    std::fs::write(folder.join("again"), "set burst 7\nload again\n").expect("written");
    let mut program = Program::start(&["--", "-i", "--cmdline-file", "again"], &folder);
    let told = program.until("files that load each other are not carried out\ntestpmd> ");
    assert_eq!(told.matches("set to 7").count(), 9, "{told}");
    assert!(program.command("show config rxtx").contains("packets/burst=7"));
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Verdict::Passed
}
