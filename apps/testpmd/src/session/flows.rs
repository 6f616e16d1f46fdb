//! Rules that are in force.

use mafo::Ftid;

use super::Session;
use crate::device::Device;
use crate::flow::Rule;

/// A rule of a port.
#[derive(Debug)]
pub(super) struct Flow {
    port: usize,
    device: usize,
    /// Its number among those of its port.
    id: usize,
    ftid: Ftid,
    rule: Rule,
}

impl Session {
    /// Puts a rule in force; its number.
    pub(crate) fn add_flow(&mut self, number: usize, rule: Rule) -> Result<usize, String> {
        self.must_be_free(number)?;
        let port = self.port(number)?;
        let (device, index, wanted) = (port.device, port.index, rule.clone());
        let ftid = self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card.add_flow(index, &wanted, clock),
            Device::Bare(_) => Err("a bare wire has no filters".to_owned()),
            Device::Bond(_) => Err("the filters of a bond's adapters are its own".to_owned()),
        })??;
        let taken = |id: usize| self.flows.iter().any(|flow| flow.port == number && flow.id == id);
        let id = (0..).find(|&id| !taken(id)).unwrap_or(0);
        self.flows.push(Flow { port: number, device, id, ftid, rule });
        self.flows.sort_by_key(|flow| (flow.port, flow.id));
        Ok(id)
    }

    /// Takes a rule back.
    pub(crate) fn remove_flow(&mut self, number: usize, id: usize) -> Result<(), String> {
        self.port(number)?;
        let found = self.flows.iter().position(|flow| flow.port == number && flow.id == id);
        let at = found.ok_or_else(|| format!("port {number} has no rule #{id}"))?;
        let (device, ftid) = (self.flows[at].device, self.flows[at].ftid);
        self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card.remove_flow(ftid, clock),
            Device::Bare(_) | Device::Bond(_) => Ok(()),
        })??;
        self.flows.remove(at);
        Ok(())
    }

    /// The rules of a port.
    pub(crate) fn flows(&self, number: usize) -> Result<Vec<(usize, &Rule)>, String> {
        self.port(number)?;
        let of_port = self.flows.iter().filter(|flow| flow.port == number);
        Ok(of_port.map(|flow| (flow.id, &flow.rule)).collect())
    }

    /// A device is gone, or as new: so are its rules.
    pub(super) fn forget_flows(&mut self, device: usize) {
        self.flows.retain(|flow| flow.device != device);
    }
}
