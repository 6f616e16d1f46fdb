//! Devices that come and go.

use super::{Port, PortState, Record, Session};
use crate::device::{Bare, Card, Device, Plug, PortStats, Puller, Wired, wire_mac};
use crate::engine::Checksums;
use crate::options::{CardSpec, Described, Vdev, WireSpec};

impl Session {
    /// Makes a device; the numbers of its ports, which are stopped.
    pub(crate) fn attach(&mut self, described: &Described) -> Result<Vec<usize>, String> {
        let vdev = &described.vdev;
        let taken = self.devices.iter().any(|d| d.is_open && d.name == vdev.name());
        if taken {
            return Err(format!("there is a device {} already", vdev.name()));
        }
        let (device, driver, pullers) = match vdev {
            Vdev::Card(spec) => {
                let (card, pullers) = self.card(spec)?;
                (Device::Card(Box::new(card)), "mafo_t5", pullers)
            }
            Vdev::Wire { name, wire, mac } => {
                let wired = self.plug(name, wire)?;
                let puller = wired.plug.puller();
                let mac = mac.or(wired.mac).unwrap_or_else(|| wire_mac(self.devices.len()));
                let bare = Bare { plug: wired.plug, mac, mtu: self.settings.mtu };
                (Device::Bare(Box::new(bare)), "mafo_wire", vec![puller])
            }
        };
        let id = self.devices.len();
        self.devices.push(Record {
            name: vdev.name().to_owned(),
            driver,
            arguments: described.text.clone(),
            is_open: true,
            is_stale: false,
        });
        let is_card = driver == "mafo_t5";
        // Where nobody forwards it is polled all the same, for its link.
        let home = self.homes.len() - 1;
        self.on_core(home, move |worker| worker.devices.push(device))?;
        self.homes[home].push(id);
        let mut numbers = Vec::new();
        for (index, puller) in pullers.into_iter().enumerate() {
            let number = self.ports.iter().position(Option::is_none).unwrap_or(self.ports.len());
            let name =
                if is_card { format!("{}_{index}", vdev.name()) } else { vdev.name().to_owned() };
            let port = Port {
                device: id,
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
        Ok(numbers)
    }

    fn plug(&mut self, name: &str, wire: &WireSpec) -> Result<Wired, String> {
        self.wiring.plug(wire).map_err(|e| format!("{name}: {e}"))
    }

    fn card(&mut self, spec: &CardSpec) -> Result<(Card, Vec<Puller>), String> {
        let mut plugs: Vec<Plug> = Vec::new();
        for wire in &spec.wires {
            let wired = match wire {
                Some(wire) => self.plug(&spec.name, wire)?,
                None => self.wiring.pair(),
            };
            plugs.push(wired.plug);
        }
        let pullers = plugs.iter().map(Plug::puller).collect();
        let number = self.devices.len();
        let card = Card::new(spec, number, plugs, self.settings, self.clock)?;
        Ok((card, pullers))
    }

    /// Takes a device away, with all that belongs to it.
    pub(super) fn drop_device(&mut self, id: usize) -> Result<(), String> {
        let found = self.homes.iter().enumerate().find_map(|(lcore, devices)| {
            devices.iter().position(|&known| known == id).map(|slot| (lcore, slot))
        });
        self.devices[id].is_open = false;
        self.forget_flows(id);
        let Some((lcore, slot)) = found else { return Ok(()) };
        self.homes[lcore].remove(slot);
        self.on_core(lcore, move |worker| drop(worker.devices.remove(slot)))
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
