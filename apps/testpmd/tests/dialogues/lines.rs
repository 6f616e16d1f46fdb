//! Command lines: what is wrong with them, and runs without a prompt.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::cases::Outcome;
use crate::program::{PATIENCE, Program};
use crate::scratch;

/// Exit code, standard output and standard error of a line: not more than a pipe holds.
fn run(line: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_testpmd"))
        .args(line.split_whitespace())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let code = code(&mut child);
    let output = child.wait_with_output().expect("ours");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (code, text(&output.stdout), text(&output.stderr))
}

/// The exit code of a program that is to end.
fn code(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("ours") {
            return status.code();
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("ours");
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Each says in a sentence which flag is wrong and what would be right, and ends with code 2.
pub(crate) fn wrong() -> Outcome {
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
        ("-l 0,4000 -- -i", "there is no number 4000: the last that there can be is 1023"),
        ("-- --stats-period -1", "'--stats-period <S>': '-1' is not a number from 1 to"),
        ("-- -i --burst=x", "'--burst <N>': 'x' is not a number from 1 to 512"),
        ("-- -i --cmdline-file=/dev/zero", "--cmdline-file /dev/zero: it is no regular file"),
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
    Outcome::Done
}

/// A bond may get its members later.
pub(crate) fn bond_without_members() -> Outcome {
    let (code, out, error) = run("--vdev bond0 --vdev asic0,ports=1 -- -i");
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("testpmd: bond0 has no member: `add bonding member PORT 0`"), "{out}");
    Outcome::Done
}

pub(crate) fn help() -> Outcome {
    let (code, out, _) = run("--help");
    assert_eq!(code, Some(0));
    assert!(out.contains("--vdev") && out.contains("--forward-mode"), "{out}");
    Outcome::Done
}

/// A line, the end of the input and Ctrl-C end it alike, with statistics every so often as without.
pub(crate) fn without_a_prompt() -> Outcome {
    let (code, out, error) = run("--vdev asic0,ports=2 -- --tx-first");
    assert_eq!(code, Some(0), "{error}");
    assert!(out.contains("Press enter to exit") && out.contains("Bye..."), "{out}");
    let folder = scratch("period");
    let start = || {
        let line = "-l 0,1 --vdev wire0,wire=null -- --stats-period=1 --display-xstats=rx_frames,tx_frames --portmask=1";
        let mut program = Program::start(&line.split(' ').collect::<Vec<_>>(), &folder);
        let told = program.until("  tx_frames: ");
        assert!(
            told.contains("NIC statistics for port 0") && told.contains("  rx_frames: "),
            "{told}"
        );
        program
    };
    let is_end = |told: &str| {
        assert!(
            told.contains("Forward statistics for port 0") && told.ends_with("Bye...\n"),
            "{told}"
        );
    };
    let mut program = start();
    is_end(&program.interrupt());
    assert_eq!(program.finish().1, 0);
    let mut program = start();
    // The line may have anything in it.
    is_end(&program.command("show"));
    assert_eq!(program.finish().1, 0);
    let (told, code) = start().finish();
    is_end(&told);
    assert_eq!(code, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}

pub(crate) fn commands_of_a_file() -> Outcome {
    let folder = scratch("file");
    std::fs::write(folder.join("again"), "set burst 7\nload again\n").expect("written");
    let mut program = Program::start(&["--", "-i", "--cmdline-file", "again"], &folder);
    let told = program.until("files that load each other are not carried out\ntestpmd> ");
    assert_eq!(told.matches("set to 7").count(), 9, "{told}");
    assert_eq!(told.matches("files that load").count(), 1, "{told}");
    assert!(program.command("show config rxtx").contains("packets/burst=7"));
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}

/// What a pipe or a device says without end, or never, is no file of commands.
pub(crate) fn files_without_end() -> Outcome {
    let folder = scratch("endless");
    mkfifo(&folder.join("fifo"), Mode::S_IRWXU).expect("made");
    let file = std::fs::File::create(folder.join("long")).expect("made");
    file.set_len((1 << 20) + 1).expect("a sparse one");

    let mut program = Program::start(&["--", "-i"], &folder);
    program.until_prompt();
    for name in ["fifo", "/dev/zero", "."] {
        let told = program.command(&format!("load {name}"));
        let wanted = format!("{name}: it is no regular file, and no other is read\n");
        assert!(told.contains(&wanted), "{told}");
    }
    let told = program.command("load long");
    assert!(
        told.contains("long: it is longer than 1048576 bytes, the most that is read\n"),
        "{told}"
    );
    file.set_len(1 << 20).expect("shorter");
    // It is one line, which is no command.
    assert!(program.command("load long").contains("Command not found"));
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}

/// Whoever reads may go away first, as `head` does: the program ends by itself, though more could be typed. Cores that tell of
/// frames take no harm.
pub(crate) fn without_a_reader() -> Outcome {
    let mut child = Command::new(env!("CARGO_BIN_EXE_testpmd"))
        .args("-l 0,1 --no-huge --vdev wire0,wire=null -- -i".split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started");
    let mut input = child.stdin.take().expect("piped");
    let mut output = BufReader::new(child.stdout.take().expect("piped")).lines();
    input.write_all(b"set verbose 2\nstart\n").expect("it reads");
    // The core says more than a pipe holds.
    assert!(output.any(|line| line.expect("text").starts_with("port 0/queue 0: received")));
    drop(output);
    // Unless it has noticed already.
    let _ = input.write_all(b"show port stats all\n");
    let code = code(&mut child);
    let mut error = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut error).expect("text");
    assert_eq!((code, error.as_str()), (Some(0), ""));
    drop(input);
    Outcome::Done
}
