//! Runs packet scripts with a packetdrill that is already there, and counts what passes.
//!
//! ```sh
//! unshare -rn mafo-drill --tool ./packetdrill --library libmafo_packetdrill.so SCRIPTS…
//! ```
//!
//! Scripts set sysctls: run in a network namespace of its own nothing else on the machine sees that. With
//! `--kernel` the same scripts drive the kernel's own TCP, to compare.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;

/// Runs packet scripts and counts what passes.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The packetdrill program.
    #[arg(long)]
    tool: PathBuf,
    /// The library, libmafo_packetdrill.so.
    #[arg(long, required_unless_present = "kernel")]
    library: Option<PathBuf>,
    /// Flags for it, as path=host,cc=cubic.
    #[arg(long, default_value = "path=host")]
    flags: String,
    /// Drive the kernel's TCP instead.
    #[arg(long)]
    kernel: bool,
    /// IP version that the scripts run with.
    #[arg(long, default_value = "ipv4")]
    ip_version: String,
    /// Seconds that a script may take.
    #[arg(long, default_value_t = 60)]
    timeout: u64,
    /// Leave out scripts whose path contains this.
    #[arg(long)]
    skip: Vec<String>,
    /// Scripts, or folders of them.
    #[arg(required = true)]
    scripts: Vec<PathBuf>,
}

/// Passed and failed.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    passed: usize,
    failed: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(count) if count.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mafo-drill: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<Count> {
    let mut scripts = Vec::new();
    for path in &arguments.scripts {
        collect(path, &mut scripts)?;
    }
    scripts.retain(|script| {
        let name = script.to_string_lossy();
        !arguments.skip.iter().any(|skip| name.contains(skip))
    });
    scripts.sort();
    let mut folders: BTreeMap<PathBuf, Count> = BTreeMap::new();
    let mut total = Count::default();
    for script in &scripts {
        let folder = script.parent().unwrap_or(Path::new(".")).to_owned();
        let count = folders.entry(folder).or_default();
        match run_one(arguments, script)? {
            None => {
                println!("ok    {}", script.display());
                (count.passed, total.passed) = (count.passed + 1, total.passed + 1);
            }
            Some(why) => {
                println!("FAIL  {}: {why}", script.display());
                (count.failed, total.failed) = (count.failed + 1, total.failed + 1);
            }
        }
    }
    println!();
    for (folder, count) in folders {
        println!("{:4} passed {:4} failed  {}", count.passed, count.failed, folder.display());
    }
    println!("{:4} passed {:4} failed", total.passed, total.failed);
    Ok(total)
}

/// The scripts below `path`, or `path` itself.
fn collect(path: &Path, scripts: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        scripts.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "pkt") {
            collect(&path, scripts)?;
        }
    }
    Ok(())
}

/// Runs a script in its folder, where its commands expect to be; why it failed, if it did.
fn run_one(arguments: &Arguments, script: &Path) -> io::Result<Option<String>> {
    let mut command = Command::new(fs::canonicalize(&arguments.tool)?);
    command.arg(format!("--ip_version={}", arguments.ip_version));
    if let Some(library) = arguments.library.as_ref().filter(|_| !arguments.kernel) {
        let library = fs::canonicalize(library)?;
        command.arg(format!("--so_filename={}", library.display()));
        command.arg(format!("--so_flags={}", arguments.flags));
    }
    command.arg(script.file_name().unwrap_or_default());
    command.current_dir(
        script.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")),
    );
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // What is no text tells nobody anything.
        let _ = stderr.as_mut().map(|stderr| stderr.read_to_string(&mut text));
        text
    });
    let ended = wait(&mut child, Duration::from_secs(arguments.timeout))?;
    let text = reader.join().unwrap_or_default();
    Ok(match ended {
        Some(true) => None,
        Some(false) => Some(first_words(script, &text)),
        None => Some(format!("no end after {} s", arguments.timeout)),
    })
}

/// Whether the child ended well; `None` when it had to be killed.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<bool>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The line that names the script, which is the tool's own verdict; else the last that was said.
fn first_words(script: &Path, text: &str) -> String {
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    let verdict = text.lines().find(|line| line.starts_with(&*name));
    verdict.or_else(|| text.lines().last()).unwrap_or("no word").to_owned()
}
