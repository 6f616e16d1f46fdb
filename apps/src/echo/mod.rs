//! `mafo echo`: a service on a bond whose cables the user may pull.
//!
//! ```text
//!  nc, curl, ping ── bridge ─┬─ TAP 0 ── adapter A ─┐
//!                            └─ TAP 1 ── adapter B ─┴─ bond ── sockets ── Service
//! ```

mod cables;
mod options;
mod service;
mod timeline;
mod wait;

pub use options::{Cidr, EchoOptions, TapNames};

use std::process::ExitCode;
use std::sync::Arc;

use mafo::eal::clock::Clock;
use mafo::{Host, Nanos, Policy};

use crate::config;
use crate::tell;

use cables::{CONNECTIONS, Cabled};
use service::Service;
use timeline::{Timeline, say};
use wait::{Course, Waiter};

/// How long the adapters may take to come up.
const START_PATIENCE: Nanos = Nanos::from_secs(10);
/// How long the resets of the last connections may take to leave.
const FAREWELL: Nanos = Nanos::from_millis(200);

/// Why the service ended without being asked to.
enum EchoError {
    /// It could not begin.
    CannotRun(String),
    /// It broke.
    Failed(String),
}

/// Serves until Ctrl-C or SIGTERM. Exit code 0: it was asked to end. 1: it broke. 2: it could not begin.
#[must_use]
pub fn main(options: &EchoOptions) -> ExitCode {
    let (why, code) = match run(options) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(EchoError::CannotRun(why)) => (why, 2),
        Err(EchoError::Failed(why)) => (why, 1),
    };
    eprintln!("mafo echo: {why}");
    ExitCode::from(code)
}

fn run(options: &EchoOptions) -> Result<(), EchoError> {
    let clock = Clock::start();
    let policy = read_policy(options).map_err(EchoError::CannotRun)?;
    let Cabled { mut host, changes, wakers } =
        cables::plug(options).map_err(EchoError::CannotRun)?;
    bring_up(&mut host, clock)?;
    host.sockets_mut().set_policy(policy);
    let at = (options.addr.address, options.port).into();
    let at_most = (1, CONNECTIONS as usize);
    let (_telling, mut tellers) =
        tell::start(&options.tell, at_most, |text| say(format_args!("{text}")))
            .map_err(EchoError::CannotRun)?;
    let mut teller = tellers.pop();
    if let Some(teller) = &mut teller {
        teller.learn_names(&host);
    }
    let mut service = Service::new(host.sockets_mut(), at, CONNECTIONS as usize)
        .map_err(|e| EchoError::CannotRun(e.to_string()))?;
    let reloads = options.config.is_some() || options.policy.is_some();
    let mut waiter =
        Waiter::new(wakers, reloads).map_err(|e| EchoError::CannotRun(format!("waiting: {e}")))?;
    let mut timeline = Timeline::new(options.taps.0.clone(), changes);
    greet(options);
    loop {
        let now = clock.now();
        turn(&mut host, &mut service, now)?;
        timeline.follow(&mut host);
        let moving = host.bond().is_some_and(mafo::Bond::is_moving);
        let mut busy = service.is_busy() || moving;
        if let Some(teller) = &mut teller {
            teller.turn(now, &mut host, busy);
            busy |= teller.is_telling();
        }
        let rested = waiter.rest(now, host.poll_timeout(), busy);
        match rested.map_err(|e| EchoError::Failed(format!("waiting: {e}")))? {
            Course::On => {}
            Course::Reload => reload(options, &mut host),
            Course::End => break,
        }
    }
    let open = service.callers();
    leave(&mut host, &mut service, clock)?;
    let served = service.served();
    say(format_args!(
        "{} connections served ({open} of them open, {} failed), {} bytes echoed, {} failovers",
        served.connections,
        served.failed,
        served.bytes,
        timeline.failovers()
    ));
    Ok(())
}

/// The policy, if the command line names a file that has one.
fn read_policy(options: &EchoOptions) -> Result<Option<Arc<Policy>>, String> {
    config::policy(options.config.as_deref(), options.policy.as_deref())
}

/// Takes the policy from its file again, if that is good.
fn reload(options: &EchoOptions, host: &mut Host) {
    match read_policy(options) {
        Ok(policy) => {
            let count = policy.as_ref().map_or(0, |policy| policy.rules().len());
            host.sockets_mut().set_policy(policy);
            say(format_args!("policy: {count} rules, for connections from now on"));
        }
        Err(problems) => say(format_args!("policy: nothing has changed\n{problems}")),
    }
}

fn turn(host: &mut Host, service: &mut Service, now: Nanos) -> Result<(), EchoError> {
    host.poll(now).map_err(|e| EchoError::Failed(e.to_string()))?;
    let sockets = host.sockets_mut();
    service.poll(now, sockets);
    sockets.kick(now);
    Ok(())
}

/// Polls until the adapters are up, which needs no cable.
fn bring_up(host: &mut Host, clock: Clock) -> Result<(), EchoError> {
    while !host.is_up() {
        let now = clock.now();
        host.poll(now).map_err(|e| EchoError::CannotRun(e.to_string()))?;
        if now > START_PATIENCE {
            return Err(EchoError::CannotRun("the adapters do not come up".to_owned()));
        }
    }
    Ok(())
}

/// Says how to get here.
fn greet(options: &EchoOptions) {
    let [first, second] = &options.taps.0;
    let ours = options.addr.address;
    say(format_args!(
        "{first} and {second} are there, down and without address. To reach {ours}:\n\n\
         {}\n\n\
         To pull a cable: ip link set {first} down\n\
         Echo on {ours} port {}; Ctrl-C ends it.\n\
         no cable is up: waiting for {first} or {second}",
        commands(options),
        options.port
    ));
}

/// The commands that join the cables to a bridge with an address in our network.
fn commands(options: &EchoOptions) -> String {
    const BRIDGE: &str = "br-mafo";
    let [first, second] = &options.taps.0;
    let peer = options.addr.neighbour();
    [
        format!("ip link add {BRIDGE} type bridge"),
        format!("ip address add {peer} dev {BRIDGE}"),
        format!("ip link set {first} master {BRIDGE}"),
        format!("ip link set {second} master {BRIDGE}"),
        format!("ip link set {BRIDGE} up"),
        format!("ip link set {first} up"),
        format!("ip link set {second} up"),
    ]
    .map(|command| format!("  {command}"))
    .join("\n")
}

/// Resets what is open, so that nobody waits for us, and gives that a moment to get out.
fn leave(host: &mut Host, service: &mut Service, clock: Clock) -> Result<(), EchoError> {
    let start = clock.now();
    service.abandon(start, host.sockets_mut());
    let mut now = start;
    while host.sockets().sockets() > 0 && now - start < FAREWELL {
        now = clock.now();
        host.poll(now).map_err(|e| EchoError::Failed(e.to_string()))?;
    }
    Ok(())
}
