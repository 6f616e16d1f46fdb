//! A software adapter with its driver, on one core.

use std::fmt;
use std::sync::Arc;

use mafo::eal::clock::Clock;
use mafo::eal::dma::{Arena, Domain};
use mafo::wire::Wire;
use mafo::{
    Adapter, AdapterConfig, AdapterEvent, AsicConfig, EthPort, EthPorts, Frame, Ftid, Nanos,
    PortId, Request, RxMode, SoftAdapter, T5Port, TxChecksum, TxTo, capacity_for_mtu,
};

use super::{Loan, PortInfo, PortStats, card_number};
use crate::flow::Rule;
use crate::options::{CardSpec, Chip};

/// What an adapter does not take longer than: to come up, to answer.
pub(super) const PATIENCE: Nanos = Nanos::from_secs(20);

/// How an adapter's driver is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CardSettings {
    pub(crate) mtu: u16,
    pub(crate) rxd: u16,
    pub(crate) txd: u16,
    /// Only ordinary pages.
    pub(crate) no_huge: bool,
}

/// An adapter, its driver and its ports.
pub(crate) struct Card {
    soft: SoftAdapter,
    driver: Adapter,
    /// `None` when the driver has failed for good: why.
    ports: Result<EthPorts, String>,
    arena: Arc<Arena>,
    settings: CardSettings,
    /// The number of the domain through which the adapter reaches host memory.
    number: u8,
    ports_max: usize,
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.soft.fmt(f)
    }
}

impl Card {
    /// Makes an adapter, number `number` of all, and brings it up. What fails is a sentence.
    pub(crate) fn new(
        spec: &CardSpec,
        number: usize,
        wires: Vec<Loan>,
        settings: CardSettings,
        clock: Clock,
    ) -> Result<Self, String> {
        let failed = |e: &dyn fmt::Display| format!("{}: {e}", spec.name);
        let config = driver_config(settings);
        let ports_max = wires.len();
        let arena = arena(&config, ports_max, settings.no_huge).map_err(|e| failed(&e))?;
        let number = card_number(number);
        let domain = Domain::new(number);
        let wires = (0..).map(PortId).zip(wires.into_iter().map(|w| Box::new(w) as Box<dyn Wire>));
        let mut soft = SoftAdapter::new(
            asic(spec, number, settings.mtu),
            Arc::clone(&domain),
            wires.collect(),
        );
        let mut driver = Adapter::new(soft.bar(), domain, Arc::clone(&arena), config);
        let ports =
            bring_up(&mut soft, &mut driver, settings.mtu, clock).map_err(|e| failed(&e))?;
        let mut card = Self { soft, driver, ports: Ok(ports), arena, settings, number, ports_max };
        card.settle(clock);
        Ok(card)
    }

    /// Takes the adapter's power away, gives it back and brings it up again, set up as `settings` say. Its cables stay where
    /// they are.
    pub(crate) fn reset(&mut self, settings: CardSettings, clock: Clock) -> Result<(), String> {
        self.ports = Err("it is being reset".to_owned());
        self.driver.domain().revoke();
        self.settings = settings;
        let config = driver_config(settings);
        self.arena = arena(&config, self.ports_max, settings.no_huge)?;
        let domain = Domain::new(self.number);
        self.soft.power_cycle(&domain);
        self.driver = Adapter::new(self.soft.bar(), domain, Arc::clone(&self.arena), config);
        self.ports = bring_up(&mut self.soft, &mut self.driver, settings.mtu, clock);
        self.settle(clock);
        self.ports.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Memory that the adapter can reach: bytes, those of them that are free, and whether its pages are huge.
    pub(crate) fn memory(&self) -> (usize, usize, bool) {
        let huge = self.arena.pages() == mafo::eal::hugepage::Pages::Huge;
        (self.arena.len(), self.arena.free(), huge)
    }

    /// Waits until the driver knows of the links that are there.
    fn settle(&mut self, clock: Clock) {
        let end = clock.now() + Nanos::from_millis(100);
        while clock.now() < end
            && !(0..self.len()).all(|n| self.port(n).is_some_and(|p| p.link_up()))
        {
            self.turn(clock.now());
        }
    }

    fn len(&self) -> usize {
        self.ports.as_ref().map_or(0, EthPorts::len)
    }

    /// A port; `None` when the driver has failed.
    pub(crate) fn port(&mut self, n: usize) -> Option<T5Port<'_>> {
        self.ports.as_mut().ok()?.port(n)
    }

    /// Cables, card, control plane, links.
    pub(crate) fn turn(&mut self, now: Nanos) {
        self.soft.poll(now);
        if let Ok(ports) = &mut self.ports {
            match self.driver.poll(now) {
                Ok(_) => while ports.lcore_mut().poll_control().is_some() {},
                Err(error) => self.ports = Err(error.to_string()),
            }
        }
    }

    /// Tells the card of all that was posted.
    pub(crate) fn flush(&mut self) {
        if let Ok(ports) = &mut self.ports {
            ports.lcore_mut().flush();
        }
    }

    /// Sends frames whose checksums the card computes; how many were taken. One that is no frame is taken and dropped.
    pub(crate) fn send_with_checksums(&mut self, port: usize, frames: &[Frame]) -> usize {
        let Ok(ports) = &mut self.ports else { return 0 };
        let Some(queue) = ports.lcore_mut().eth.get_mut(port) else { return 0 };
        frames
            .iter()
            .map(|frame| queue.send(frame.as_slice(), TxTo::Wire, TxChecksum::Recalculate))
            .take_while(|sent| *sent != Err(mafo::EthNotSent::Full))
            .count()
    }

    /// Asks the firmware for something and waits for the answer.
    pub(crate) fn ask(&mut self, request: Request, clock: Clock) -> Result<(), String> {
        if let Err(why) = &self.ports {
            return Err(why.clone());
        }
        let id = self
            .driver
            .request(request)
            .map_err(|_| "too much is asked of the firmware".to_owned())?;
        let end = clock.now() + PATIENCE;
        while clock.now() < end {
            self.turn(clock.now());
            while let Some(event) = self.driver.poll_event() {
                match event {
                    AdapterEvent::Done { id: done, result } if done == id => {
                        return result.map(|_| ()).map_err(|e| e.to_string());
                    }
                    _ => {}
                }
            }
            if let Err(why) = &self.ports {
                return Err(why.clone());
            }
        }
        Err("the firmware does not answer".to_owned())
    }

    /// Whether a port takes all frames, or those for its address and broadcasts.
    pub(crate) fn set_promiscuous(
        &mut self,
        port: usize,
        on: bool,
        clock: Clock,
    ) -> Result<(), String> {
        let mode = RxMode::UNCHANGED.with_promiscen(on.into());
        self.ask(Request::RxMode { port: PortId(port as u8), mode }, clock)
    }

    /// The adapter dies, as `fault adapter kill` has it.
    pub(crate) fn kill(&self) {
        self.soft.faults().die();
    }

    /// Opens or closes a port in both directions.
    pub(crate) fn enable(&mut self, port: usize, on: bool, clock: Clock) -> Result<(), String> {
        self.ask(Request::Enable { port: PortId(port as u8), receive: on, transmit: on }, clock)
    }

    /// Puts a rule for frames that come in by a port in force.
    pub(crate) fn add_flow(
        &mut self,
        port: usize,
        rule: &Rule,
        clock: Clock,
    ) -> Result<Ftid, String> {
        let lcore = self.ports.as_mut().map_err(|why| why.clone())?.lcore_mut();
        let queue = lcore.ingress.as_ref().map(|ingress| ingress.id()).ok_or("no ingress queue")?;
        let build = |wr| rule.fill(wr, PortId(port as u8), queue);
        let ftid = lcore.filters.add(&mut lcore.ctrl, queue, build).map_err(|e| e.to_string())?;
        if self.filter_answer(ftid, clock)? {
            Ok(ftid)
        } else {
            Err("the card refuses the rule".to_owned())
        }
    }

    /// Takes a rule back.
    pub(crate) fn remove_flow(&mut self, ftid: Ftid, clock: Clock) -> Result<(), String> {
        let lcore = self.ports.as_mut().map_err(|why| why.clone())?.lcore_mut();
        let queue = lcore.ingress.as_ref().map(|ingress| ingress.id()).ok_or("no ingress queue")?;
        lcore.filters.delete(&mut lcore.ctrl, queue, ftid).map_err(|e| e.to_string())?;
        if self.filter_answer(ftid, clock)? {
            Err("the card keeps the rule".to_owned())
        } else {
            Ok(())
        }
    }

    /// Waits for the card's answer about a filter; whether it is in force then.
    fn filter_answer(&mut self, ftid: Ftid, clock: Clock) -> Result<bool, String> {
        let end = clock.now() + PATIENCE;
        while clock.now() < end {
            self.flush();
            self.turn(clock.now());
            let ports = self.ports.as_mut().map_err(|why| why.clone())?;
            ports.poll_messages(clock.now());
            let filters = &ports.lcore().filters;
            if !filters.is_asked(ftid) {
                return Ok(filters.is_active(ftid));
            }
        }
        Err("the card does not answer".to_owned())
    }

    pub(super) fn stats(&self, port: usize) -> PortStats {
        let rx_missed = self.ports.as_ref().map_or(0, |ports| ports.rx_overflow(port));
        PortStats { rx_missed, ..adapter_stats(&self.driver, PortId(port as u8)) }
    }

    pub(super) fn xstats(&self, port: usize) -> Vec<(String, u64)> {
        let mut list = self.driver.port_xstats(PortId(port as u8));
        if let Ok(ports) = &self.ports {
            let own = format!("eth{port}_");
            let queue = ports.lcore().xstats().into_iter().filter(|stat| {
                stat.name.starts_with(&own)
                    || ["ingress_", "freelist_", "filter_"].iter().any(|p| stat.name.starts_with(p))
            });
            list.extend(queue);
        }
        list.extend(self.driver.xstats());
        list.extend(self.soft.xstats().into_iter().filter(|stat| stat.name.starts_with("hw_")));
        list.into_iter().map(|stat| (stat.name, stat.value)).collect()
    }

    pub(super) fn info(&self, port: usize) -> PortInfo {
        let info = adapter_info(&self.driver, PortId(port as u8), self.settings);
        PortInfo {
            up: self.ports.is_ok() && info.up,
            fault: self.ports.as_ref().err().cloned(),
            ..info
        }
    }
}

/// What the driver of an adapter knows of a port's counters.
pub(super) fn adapter_stats(driver: &Adapter, port: PortId) -> PortStats {
    let list = driver.port_xstats(port);
    // The registers of a dead card read as all ones, which is no count.
    let counted = |name: &str| list.iter().find(|s| s.name == name && s.value != u64::MAX);
    let value = |name: &str| counted(name).map_or(0, |stat| stat.value);
    let rx_errors =
        ["mtu_error", "mtu_crc_error", "crc_error", "len_error", "sym_error", "less_64b"];
    PortStats {
        rx_packets: value("rx_port_frames"),
        rx_bytes: value("rx_port_bytes"),
        rx_missed: 0,
        rx_errors: rx_errors.iter().map(|name| value(&format!("rx_port_{name}"))).sum(),
        rx_nombuf: 0,
        tx_packets: value("tx_port_frames"),
        tx_bytes: value("tx_port_bytes"),
        tx_errors: value("tx_port_error") + value("tx_port_drop"),
    }
}

/// What the driver of an adapter, set up as `settings` say, has to tell of a port.
pub(super) fn adapter_info(driver: &Adapter, port: PortId, settings: CardSettings) -> PortInfo {
    let link = driver.link(port);
    let resources = driver.resources();
    let firmware = resources.map(|resources| {
        let version = resources.firmware;
        format!("{}.{}.{}.{}", version.major(), version.minor(), version.micro(), version.build())
    });
    let ours = resources.and_then(|resources| resources.port(port));
    PortInfo {
        mac: driver.mac(port).unwrap_or_default(),
        mtu: settings.mtu,
        up: link.is_some_and(|link| link.up),
        speed: link.map_or(0, |link| link.link.speed_mbps()),
        autoneg: link.is_some_and(|link| link.advertised.aneg()),
        firmware,
        reta: ours.map_or(0, |port| port.rss_entries),
        mac_entries: driver.chip().mac_entries(),
        rxd: (settings.rxd, 4096),
        txd: (settings.txd, 8191),
        tx_checksums: true,
        fault: None,
    }
}

pub(super) fn driver_config(settings: CardSettings) -> AdapterConfig {
    let mut config = AdapterConfig { mtu: settings.mtu, ..AdapterConfig::default() };
    // An entry of the ingress queue for each buffer, and as many for other messages.
    config.queues.freelist = settings.rxd;
    config.queues.ingress = settings.rxd.saturating_mul(2).min(4096);
    config.queues.eth = settings.txd;
    config.queues.eth_buffers = (settings.txd / 4).max(1);
    config
}

fn arena(config: &AdapterConfig, ports: usize, no_huge: bool) -> Result<Arc<Arena>, String> {
    let len = config.memory_len(ports);
    let arena = if no_huge { Arena::ordinary(len) } else { Arena::new(len) };
    arena.map_err(|e| e.to_string())
}

/// The card, with numbers that differ from those of the others.
pub(super) fn asic(spec: &CardSpec, number: u8, mtu: u16) -> AsicConfig {
    let config = match spec.chip {
        Chip::T540Cr => AsicConfig::t540_cr(),
        Chip::T520Cr => AsicConfig::t520_cr(),
    };
    let [a, b, c, d, _, f] = config.mac_base;
    let mac_base = spec.mac.unwrap_or([a, b, c, d, number, f]);
    AsicConfig {
        ports: spec.ports,
        ntids: spec.ntids.unwrap_or(config.ntids),
        // Tables follow one another.
        server_start: spec.ntids.unwrap_or(config.server_start),
        filter_start: spec.ntids.unwrap_or(config.ntids) + config.nservers,
        nfilters: spec.nfilters.unwrap_or(config.nfilters),
        mac_base,
        max_frame_len: capacity_for_mtu(mtu.into()),
        ..config
    }
}

fn bring_up(
    soft: &mut SoftAdapter,
    driver: &mut Adapter,
    mtu: u16,
    clock: Clock,
) -> Result<EthPorts, String> {
    let end = clock.now() + PATIENCE;
    while clock.now() < end {
        let now = clock.now();
        soft.poll(now);
        driver.poll(now).map_err(|e| e.to_string())?;
        if driver.is_up()
            && let Some(lcore) = driver.take_lcore(0)
        {
            return Ok(EthPorts::new(lcore, mtu));
        }
    }
    Err("the adapter did not come up".to_owned())
}
