//! Devices that come and go.

use super::{BondRecord, Kind, Port, PortState, Record, Session};
use crate::device::{Bare, Card, Device, Lender, Plug, PortStats, Puller, Wired, wire_mac};
use crate::engine::Checksums;
use crate::options::{CardSpec, Described, Vdev, WireSpec};

impl Session {
    /// Devices that are there, by number.
    pub(crate) fn open_devices(&self) -> impl Iterator<Item = (usize, &Record)> {
        self.devices.iter().enumerate().filter(|(_, record)| record.is_open)
    }

    /// Makes a device; the numbers of its ports, which are stopped.
    pub(crate) fn attach(&mut self, described: &Described) -> Result<Vec<usize>, String> {
        let vdev = &described.vdev;
        let taken = self.devices.iter().any(|d| d.is_open && d.name == vdev.name());
        if taken {
            return Err(format!("there is a device {} already", vdev.name()));
        }
        let (lender, id) = (Lender::new(), self.devices.len());
        let (device, driver, kind, pullers) = match vdev {
            Vdev::Card(spec) => {
                let plugs = self.plugs(spec)?;
                let pullers = plugs.iter().map(|plug| Some(plug.puller())).collect();
                let card = Card::new(spec, id, lender.lend(plugs), self.settings, self.clock)?;
                (Some(Device::Card(Box::new(card))), "mafo_t5", Kind::Card(spec.clone()), pullers)
            }
            Vdev::Wire { name, wire, mac } => {
                let wired = self.plug(name, wire)?;
                let puller = wired.plug.puller();
                let mac = mac.or(wired.mac).unwrap_or_else(|| wire_mac(id));
                let bare = self.bare(mac, lender.lend(vec![wired.plug]));
                (bare, "mafo_wire", Kind::Wire(mac), vec![Some(puller)])
            }
            Vdev::Bond(spec) => {
                let bond = BondRecord::new(spec, id);
                self.check_members(&bond.spec)?;
                (None, "mafo_bond", Kind::Bond(Box::new(bond)), vec![None])
            }
        };
        let is_card = matches!(kind, Kind::Card(_));
        self.devices.push(Record {
            name: vdev.name().to_owned(),
            driver,
            arguments: described.text.clone(),
            is_open: true,
            is_stale: false,
            kind,
            lender,
            lent_to: None,
        });
        if let Some(device) = device {
            self.house(id, device)?;
        }
        Ok(self.number_ports(id, vdev.name(), is_card, pullers))
    }

    /// Gives a device to a core: where nobody forwards it is polled all the same, for its link.
    pub(super) fn house(&mut self, id: usize, device: Device) -> Result<(), String> {
        let home = self.homes.len() - 1;
        self.on_core(home, move |worker| worker.devices.push(device))?;
        self.homes[home].push(id);
        Ok(())
    }

    /// A port for each of `pullers`, with the first numbers that are free.
    fn number_ports(
        &mut self,
        device: usize,
        name: &str,
        is_card: bool,
        pullers: Vec<Option<Puller>>,
    ) -> Vec<usize> {
        let mut numbers = Vec::new();
        for (index, puller) in pullers.into_iter().enumerate() {
            let number = self.ports.iter().position(Option::is_none).unwrap_or(self.ports.len());
            let name = if is_card { format!("{name}_{index}") } else { name.to_owned() };
            let port = Port {
                device,
                index,
                name,
                state: PortState::Stopped,
                promiscuous: true,
                checksums: Checksums::default(),
                peer: [2, 0, 0, 0, 0, number as u8],
                puller,
                base: PortStats::default(),
                xbase: Vec::new(),
                shown: None,
            };
            if number == self.ports.len() {
                self.ports.push(Some(port));
            } else {
                self.ports[number] = Some(port);
            }
            numbers.push(number);
        }
        numbers
    }

    /// A bare wire, of one loan.
    fn bare(&self, mac: [u8; 6], loans: Vec<crate::device::Loan>) -> Option<Device> {
        let plug = loans.into_iter().next()?;
        Some(Device::Bare(Box::new(Bare { plug, mac, mtu: self.settings.mtu })))
    }

    /// Makes a device anew from what it was made of, after its plugs have come back.
    pub(super) fn remake(&mut self, id: usize) -> Result<(), String> {
        let record = &self.devices[id];
        let loans = record.lender.lend(record.lender.returned());
        let device = match &record.kind {
            Kind::Card(spec) => {
                let card = Card::new(spec, id, loans, self.settings, self.clock)?;
                Some(Device::Card(Box::new(card)))
            }
            Kind::Wire(mac) => self.bare(*mac, loans),
            Kind::Bond(_) => None,
        };
        self.devices[id].is_stale = false;
        device.map_or(Ok(()), |device| self.house(id, device))
    }

    fn plug(&mut self, name: &str, wire: &WireSpec) -> Result<Wired, String> {
        self.wiring.plug(wire).map_err(|e| format!("{name}: {e}"))
    }

    /// The plugs of an adapter's ports.
    fn plugs(&mut self, spec: &CardSpec) -> Result<Vec<Plug>, String> {
        let mut plugs: Vec<Plug> = Vec::new();
        for wire in &spec.wires {
            let wired = match wire {
                Some(wire) => self.plug(&spec.name, wire)?,
                None => self.wiring.pair(),
            };
            plugs.push(wired.plug);
        }
        Ok(plugs)
    }

    /// Takes a device from its core. `None` when no core has it.
    pub(super) fn take_device(&mut self, id: usize) -> Result<Option<Device>, String> {
        let found = self.homes.iter().enumerate().find_map(|(lcore, devices)| {
            devices.iter().position(|&known| known == id).map(|slot| (lcore, slot))
        });
        let Some((lcore, slot)) = found else { return Ok(None) };
        self.homes[lcore].remove(slot);
        self.on_core(lcore, move |worker| worker.devices.remove(slot)).map(Some)
    }

    /// Takes a device away, with all that belongs to it.
    pub(super) fn drop_device(&mut self, id: usize) -> Result<(), String> {
        self.devices[id].is_open = false;
        self.forget_flows(id);
        self.take_device(id).map(drop)
    }

    /// Numbers of the ports of a device, closed ones among them.
    pub(super) fn ports_of(&self, device: usize) -> Vec<usize> {
        let of = |port: &Option<Port>| port.as_ref().is_some_and(|port| port.device == device);
        (0..self.ports.len()).filter(|&number| of(&self.ports[number])).collect()
    }

    /// Gives every device to the core that `homes` says.
    pub(super) fn move_devices(&mut self, homes: Vec<Vec<usize>>) -> Result<(), String> {
        if homes == self.homes {
            return Ok(());
        }
        let mut all: Vec<(usize, Device)> = Vec::new();
        for lcore in 0..self.homes.len() {
            let devices = self.on_core(lcore, |worker| std::mem::take(&mut worker.devices))?;
            all.extend(self.homes[lcore].drain(..).zip(devices));
        }
        for (lcore, ids) in homes.into_iter().enumerate() {
            let mut devices = Vec::new();
            for &id in &ids {
                if let Some(at) = all.iter().position(|(known, _)| *known == id) {
                    devices.push(all.swap_remove(at).1);
                }
            }
            self.on_core(lcore, move |worker| worker.devices = devices)?;
            self.homes[lcore] = ids;
        }
        Ok(())
    }
}
