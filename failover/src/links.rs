//! Which links are up: by the firmware's word, by probes, and only when they stay so; and who takes over.
//!
//! | a link counts as | when |
//! |---|---|
//! | up | its carrier is there, and frames are heard on it, or on no other link either; for `updelay`, unless no other link is up |
//! | down | not so, for `downdelay` |
//!
//! What was not heard is counted in probes, and they are sent by a clock that stands still while nobody listens: an lcore
//! that had no processor for a while has heard nothing by any link, and what waits for it then comes by one before the
//! other.

use mafo_mem::Nanos;
use mafo_pmd::eth::TxTo;
use mafo_stack::packet::{self, Arp, Packet};
use mafo_stack::{Core, Mac};

use crate::bond::{Bond, BondEvent, LinkId};
use crate::config::{ArpValidate, PrimaryReselect};
use crate::decide::Decided;
use crate::handover::Cause;
use crate::mac::own_mac;
use crate::tunnel::send;

/// A link of the bond.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    /// Whether it counts as up.
    pub(crate) up: bool,
    /// What the firmware says.
    pub(crate) carrier: bool,
    /// When it is to count as what it is now.
    due: Option<Nanos>,
    /// Since the last probes were sent a frame was heard on it that proves that it carries frames, or its carrier came.
    is_heard: bool,
    /// Frames that its port had taken when that was last looked at.
    frames: Option<u64>,
    /// Probes in a row after which there was no such frame.
    missed: u8,
    /// Others hear something, and this one has not for too long.
    is_silent: bool,
    /// When it was given the last frame that another adapter had made for a connection.
    carried: Option<Nanos>,
}

/// The probes.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    /// The monitor's own clock: how long links have been listened to.
    listened: Nanos,
    /// When that was last looked at, and by which step it may have gone on since.
    polled: Nanos,
    step: Nanos,
    /// When it judges and probes next, by its own clock.
    next: Nanos,
    /// In this interval another link asks by our own name in place of the active one.
    active_rests: bool,
    /// Whose turn it is to probe by our own name when nothing is heard by the active link's.
    turn: usize,
}

/// Polls in an interval, at least: a probe leaves in the first after it was posted, and the answer is heard in the next.
const POLLS_PER_INTERVAL: u64 = 4;

impl Monitor {
    /// It is `now`. Of the time since the last poll only as much counts as lies between two polls of one who listens.
    fn listen(&mut self, now: Nanos, interval: Nanos) {
        self.step = Nanos(interval.0 / POLLS_PER_INTERVAL);
        self.listened += (now - self.polled).min(self.step);
        self.polled = now;
    }

    /// When it has something to do.
    fn timeout(&self) -> Nanos {
        self.polled + (self.next - self.listened).min(self.step)
    }
}

impl Link {
    pub(crate) fn new(id: LinkId) -> Self {
        Self {
            id,
            up: false,
            carrier: false,
            due: None,
            is_heard: false,
            frames: None,
            missed: 0,
            is_silent: false,
            carried: None,
        }
    }

    /// It was given a frame that another adapter had made.
    pub(crate) fn note_carried(&mut self, now: Nanos) {
        self.carried = Some(now);
    }

    /// Its adapter is dead.
    pub(crate) fn lose(&mut self) {
        *self = Self::new(self.id);
    }
}

impl Bond {
    /// Whether the Ethernet queue of a link may still hold frames that another adapter had made.
    pub(crate) fn may_carry(&self, now: Nanos, id: LinkId) -> bool {
        let link = self.links.iter().find(|link| link.id == id);
        link.and_then(|link| link.carried).is_some_and(|at| now - at < self.config.reply_deadline)
    }

    pub(crate) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.id == id)
    }

    /// Who takes over: the primary link if it is up; else another port of the same adapter, since nothing has to move
    /// then; else the most preferred link that is up.
    pub(crate) fn successor(&self) -> Option<LinkId> {
        let up = || self.links.iter().filter(|link| link.up).map(|link| link.id);
        let primary = self.config.primary.filter(|&primary| self.is_up(primary));
        let same = || self.active.and_then(|old| up().find(|id| id.member == old.member));
        primary.or_else(same).or_else(|| up().next())
    }

    /// The firmware says that the carrier of a link came or went.
    pub(crate) fn on_carrier(&mut self, now: Nanos, core: &mut Core, id: LinkId, up: bool) {
        let Some(link) = self.link_mut(id) else { return };
        link.carrier = up;
        // What was heard on it before says nothing any more.
        (link.is_heard, link.missed, link.is_silent) = (true, 0, false);
        self.tell_carriers(core);
        self.reconsider(now, core, id);
    }

    /// Whether a link is what it counts as, and if not, since when.
    fn reconsider(&mut self, now: Nanos, core: &mut Core, id: LinkId) {
        if self.is_told() {
            return;
        }
        let nobody = !self.has_link();
        let (updelay, downdelay) = (self.config.updelay, self.config.downdelay);
        let Some(link) = self.link_mut(id) else { return };
        let up = link.carrier && !link.is_silent;
        if up == link.up {
            link.due = None;
            return;
        }
        let delay = match up {
            true if nobody => Nanos::ZERO,
            true => updelay,
            false => downdelay,
        };
        if delay == Nanos::ZERO {
            link.due = None;
            self.on_link_change(now, core, id, up);
        } else {
            link.due.get_or_insert(now + delay);
        }
    }

    /// A link counts as up, or as down, from now on; who is active is another matter.
    pub(crate) fn take_link(&mut self, now: Nanos, core: &mut Core, id: LinkId, up: bool) {
        let Some(link) = self.link_mut(id) else { return };
        link.up = up;
        self.log(now, BondEvent::Link(id, up));
        if self.is_xor() {
            self.on_carrier_of_many(now, core, id, up);
        } else if up && self.active == Some(id) {
            // The switch, or the peer behind it, may have lost what it knew.
            self.notify(now);
            self.wake_unowned(now);
        }
    }

    fn on_link_change(&mut self, now: Nanos, core: &mut Core, id: LinkId, up: bool) {
        self.decide(Decided::Link(id, up));
        self.take_link(now, core, id, up);
        if self.is_xor() {
            return;
        }
        match self.active {
            Some(active) if active == id && !up => {
                self.counters.failures += 1;
                // With nobody to take over it stays as it is: frames are dropped by the dead port, and
                // whichever link returns first carries on.
                if let Some(successor) = self.successor() {
                    self.activate(now, core, successor, Cause::Failure);
                }
            }
            Some(active) if up && !self.is_up(active) => {
                self.activate(now, core, id, Cause::Failure);
            }
            Some(active) if up && active != id && self.is_preferred(core, id, active) => {
                self.activate(now, core, id, Cause::Wish);
            }
            Some(_) => {}
            None if up => self.activate(now, core, id, Cause::Wish),
            None => {}
        }
    }

    /// Whether a link that has come back takes over from one that is up.
    fn is_preferred(&self, core: &Core, id: LinkId, active: LinkId) -> bool {
        let speed = |link: LinkId| {
            let state = core.member(link.member).and_then(|m| m.lcore.link(link.port).copied());
            state.map_or(0, |state| state.link.speed_mbps())
        };
        self.config.primary == Some(id)
            && match self.config.primary_reselect {
                PrimaryReselect::Always => true,
                PrimaryReselect::Better => speed(id) > speed(active),
                PrimaryReselect::Failure => false,
            }
    }

    /// Links whose time has come count as what they are; probes are sent.
    pub(crate) fn poll_links(&mut self, now: Nanos, core: &mut Core) {
        if self.is_told() {
            return;
        }
        let due = |link: &Link| link.due.filter(|&due| due <= now).map(|_| link.id);
        let ids: Vec<LinkId> = self.links.iter().filter_map(due).collect();
        for id in ids {
            let Some(link) = self.link_mut(id) else { continue };
            link.due = None;
            let up = link.carrier && !link.is_silent;
            if up != link.up {
                self.on_link_change(now, core, id, up);
            }
        }
        let interval = self.config.arp_interval;
        if interval == Nanos::ZERO {
            return;
        }
        self.monitor.listen(now, interval);
        if self.monitor.listened >= self.monitor.next {
            self.monitor.next = self.monitor.listened + interval;
            self.hear_cards(core);
            self.judge(now, core);
            self.probe(core);
        }
    }

    /// When [`Bond::poll_links`] has something to do.
    pub(crate) fn links_timeout(&self) -> Option<Nanos> {
        let probes = (self.config.arp_interval > Nanos::ZERO && !self.is_told())
            .then(|| self.monitor.timeout());
        self.links.iter().filter_map(|link| link.due).chain(probes).min()
    }

    /// A frame came in by a link's wire.
    pub(crate) fn note_heard(&mut self, id: LinkId, frame: &[u8]) {
        if self.config.arp_interval == Nanos::ZERO {
            return;
        }
        let counts = self.takes_any_frame(id) || self.is_of_target(frame);
        if let Some(link) = self.link_mut(id).filter(|_| counts) {
            link.is_heard = true;
        }
    }

    /// Whether any frame that comes in by a link proves that it carries frames, or only an answer to a probe.
    fn takes_any_frame(&self, id: LinkId) -> bool {
        let is_active = self.is_xor() || self.active == Some(id);
        match self.config.arp_validate {
            ArpValidate::None => true,
            ArpValidate::Active => !is_active,
            ArpValidate::Backup => is_active,
            ArpValidate::All => false,
        }
    }

    /// Frames of offloaded connections do not come to the host: their cards have counted them.
    fn hear_cards(&mut self, core: &Core) {
        for n in 0..self.links.len() {
            let id = self.links[n].id;
            let frames = core.member(id.member).and_then(|member| member.lcore.rx_frames(id.port));
            let counts = self.takes_any_frame(id);
            let link = &mut self.links[n];
            let before = core::mem::replace(&mut link.frames, frames);
            link.is_heard |= counts && before.zip(frames).is_some_and(|(then, now)| then != now);
        }
    }

    fn is_of_target(&self, frame: &[u8]) -> bool {
        let Ok(Packet::Arp(arp)) = packet::parse(frame) else { return false };
        self.config.arp_ip_target.contains(&arp.sender)
    }

    /// A link on which nothing is heard is dead, if something is on another: else it is the targets that are.
    fn judge(&mut self, now: Nanos, core: &mut Core) {
        let resting = self.active.filter(|_| self.monitor.active_rests);
        for link in &mut self.links {
            if link.is_heard {
                link.missed = 0;
            } else if Some(link.id) != resting {
                link.missed = link.missed.saturating_add(1);
            }
        }
        let missed_max = self.config.arp_missed_max.max(1);
        let anybody = self.links.iter().any(|link| link.carrier && link.missed < missed_max);
        for link in self.links.iter_mut().filter(|link| link.carrier) {
            link.is_silent = anybody && link.missed >= missed_max;
        }
        let ids: Vec<LinkId> = self.links.iter().map(|link| link.id).collect();
        for id in ids {
            self.reconsider(now, core, id);
        }
    }

    /// Asks the targets who they are, by every link: by our own name on the active one, by nobody's on others (RFC 5227),
    /// or the switch would learn us there.
    ///
    /// Not everybody answers nobody. Where the active link has missed an answer and no other has heard one either, one of
    /// them, in turn, asks by our name; since that takes the answers away from the active one it does not ask meanwhile,
    /// and misses nothing.
    fn probe(&mut self, core: &mut Core) {
        let (active, rested) = (self.active, self.monitor.active_rests);
        let heard = |link: &Link| Some(link.id) != active && link.carrier && link.is_heard;
        let missed = |link: &Link| Some(link.id) == active && link.missed > 0;
        self.monitor.active_rests = !self.is_xor()
            && !rested
            && self.links.iter().any(missed)
            && !self.links.iter().any(heard);
        self.links.iter_mut().for_each(|link| link.is_heard = false);
        let carrying = self.links.iter().filter(|link| link.carrier).map(|link| link.id);
        let mut asking: Vec<LinkId> = carrying.collect();
        let mut named = active;
        if self.monitor.active_rests {
            asking.retain(|&id| Some(id) != active);
            self.monitor.turn = self.monitor.turn.wrapping_add(1);
            named = asking.get(self.monitor.turn % asking.len().max(1)).copied();
        }
        for id in asking {
            // Where all links are one to the switch there is nothing that it could learn wrong.
            self.probe_by(core, id, self.is_xor() || Some(id) == named);
        }
    }

    fn probe_by(&mut self, core: &mut Core, id: LinkId, named: bool) {
        let Some(own) = own_mac(core, id) else { return };
        let (mac, sender) = if named {
            (core.mac(), core.address())
        } else {
            (own, core::net::Ipv4Addr::UNSPECIFIED)
        };
        for &target in &self.config.arp_ip_target {
            let arp = Arp { request: true, sender_mac: mac, sender, target_mac: [0; 6], target };
            let mut frame = [0; 64];
            let len = packet::emit_arp(&mut frame, mac, EVERYBODY, &arp);
            if send(core, id.member, id.port, &frame[..len], TxTo::Wire) {
                self.counters.probes += 1;
            } else {
                self.counters.tx_full += 1;
            }
        }
    }
}

/// The Ethernet broadcast address.
const EVERYBODY: Mac = [0xff; 6];
