//! A host that does by hand what a driver does: memory, mailbox, rings.

use std::sync::{Arc, Mutex};

use mafo_asic::{Asic, AsicConfig};
use mafo_mem::{Frame, FrameBurst, Nanos};
use mafo_t4::fw::{
    self, Access, Command, EqContext, EqCtrlCmd, EqEthAuto, EqEthCmd, EqFetch, EqOfldCmd,
    FlContext, HelloCmd, HelloFlags, InitializeCmd, IqCmd, IqContext, IqKind, MacEntry,
    MacEntryWord, PortL1CfgCmd, Retval, RssIndTblCmd, RssViConfigCmd, RssViFlags, RxMode, ViCmd,
    ViEnableCmd, ViMacCmd, ViRxModeCmd, Viid,
};
use mafo_t4::{Bar, DmaFault, HostMemory, Iova, IqId, PortId};

/// Where the host's memory begins for the card: no address of it is small.
pub(crate) const BASE: u64 = 0x7_0000_0000;
/// Bytes of a freelist buffer: index 5 of the size table.
pub(crate) const BUFFER: usize = 2048;

/// Memory that the card may reach: one range.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn new(len: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![0; len])))
    }

    fn with<T>(
        &self,
        iova: Iova,
        len: usize,
        act: impl FnOnce(&mut [u8]) -> T,
    ) -> Result<T, DmaFault> {
        let fault = DmaFault { iova, len };
        let at = iova.0.checked_sub(BASE).ok_or(fault)?;
        let at = usize::try_from(at).map_err(|_| fault)?;
        let mut bytes = self.0.lock().expect("not poisoned");
        let end = at.checked_add(len).ok_or(fault)?;
        Ok(act(bytes.get_mut(at..end).ok_or(fault)?))
    }

    pub(crate) fn get(&self, iova: Iova, len: usize) -> Vec<u8> {
        self.with(iova, len, |bytes| bytes.to_vec()).expect("the host's own memory")
    }

    pub(crate) fn put(&self, iova: Iova, bytes: &[u8]) {
        self.with(iova, bytes.len(), |dst| dst.copy_from_slice(bytes)).expect("the host's memory");
    }
}

impl HostMemory for Memory {
    fn read(&self, iova: Iova, dst: &mut [u8]) -> Result<(), DmaFault> {
        self.with(iova, dst.len(), |bytes| dst.copy_from_slice(bytes))
    }
    fn write(&self, iova: Iova, src: &[u8]) -> Result<(), DmaFault> {
        self.with(iova, src.len(), |bytes| bytes.copy_from_slice(src))
    }
    fn load_acquire_u64(&self, iova: Iova) -> Result<u64, DmaFault> {
        let mut word = [0; 8];
        self.read(iova, &mut word)?;
        Ok(u64::from_ne_bytes(word))
    }
    fn store_release_u64(&self, iova: Iova, value: u64) -> Result<(), DmaFault> {
        if !iova.0.is_multiple_of(8) {
            return Err(DmaFault { iova, len: 8 });
        }
        self.write(iova, &value.to_ne_bytes())
    }
}

/// An ingress queue as the host sees it.
#[derive(Clone, Debug)]
pub(crate) struct HostIq {
    pub(crate) relative: u16,
    pub(crate) id: IqId,
    base: Iova,
    entry: usize,
    slots: usize,
    cidx: usize,
    generation: u8,
    pub(crate) freelist: Option<HostFl>,
}

/// A freelist as the host sees it: buffers lie one behind the other, in the order of the pointers.
#[derive(Clone, Debug)]
pub(crate) struct HostFl {
    pub(crate) relative: u32,
    ring: Iova,
    units: usize,
    pidx: usize,
    buffers: Iova,
    /// Buffer that the card fills next.
    next: usize,
}

/// An egress queue as the host sees it.
#[derive(Clone, Debug)]
pub(crate) struct HostEq {
    pub(crate) relative: u32,
    pub(crate) id: u32,
    pub(crate) base: Iova,
    pub(crate) units: usize,
    pub(crate) pidx: usize,
}

/// A message as it lay in an ingress queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// All bytes of the entry.
    pub(crate) entry: Vec<u8>,
    /// What lay in the freelist.
    pub(crate) payload: Vec<u8>,
}

impl Message {
    /// The opcode of the RSS header.
    pub(crate) fn opcode(&self) -> u8 {
        self.entry[0]
    }
    /// The CPL in the entry, with what lies behind it.
    pub(crate) fn cpl(&self) -> &[u8] {
        &self.entry[8..self.entry.len() - 16]
    }
    /// The hash value of the RSS header.
    pub(crate) fn hash(&self) -> u32 {
        u32::from_be_bytes(self.entry[4..8].try_into().expect("four bytes"))
    }
}

/// How an ingress queue is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IqPlan {
    pub(crate) size: u16,
    pub(crate) entry: u16,
    pub(crate) fl_units: u16,
    pub(crate) events: bool,
    pub(crate) status_page: bool,
    /// Whether the freelist counts for how full the queue is.
    pub(crate) list_counts: bool,
}

impl Default for IqPlan {
    fn default() -> Self {
        Self {
            size: 64,
            entry: 64,
            fl_units: 9,
            events: false,
            status_page: false,
            list_counts: false,
        }
    }
}

/// A card and the host that pokes it.
pub(crate) struct Host {
    pub(crate) asic: Asic<Memory>,
    pub(crate) bar: Arc<dyn Bar + Send + Sync>,
    pub(crate) memory: Memory,
    pub(crate) now: Nanos,
    free: u64,
    out: FrameBurst,
}

const DATA: u32 = 0x1b240;
const CTRL: u32 = 0x1b280;

impl Host {
    pub(crate) fn new(config: AsicConfig) -> Self {
        let memory = Memory::new(8 << 20);
        let asic = Asic::new(config, memory.clone());
        Self {
            bar: asic.bar(),
            asic,
            memory,
            now: Nanos::from_millis(1),
            free: BASE,
            out: FrameBurst::new(64, 2048),
        }
    }

    /// A small card whose numbers are unlike zero and unlike each other.
    pub(crate) fn config() -> AsicConfig {
        AsicConfig {
            clock_epoch: 0x1234_5678_9abc,
            seed: 1,
            ntids: 256,
            server_start: 300,
            nservers: 16,
            filter_start: 400,
            nfilters: 16,
            l2t_start: mafo_t4::L2tIdx(100),
            nl2t: 50,
            iq_start: 3,
            niq: 40,
            iq_absolute_offset: 17,
            eq_start: 5,
            neq: 200,
            eq_absolute_offset: 1000,
            vin_start: 6,
            mac_base: [0x00, 0x07, 0x43, 0xaa, 0xbb, 0x10],
            max_frame_len: 1600,
            tx_queue_frames: 8,
            loopback_frames: 8,
            ..AsicConfig::t540_cr()
        }
    }

    pub(crate) fn alloc(&mut self, len: usize) -> Iova {
        let at = self.free.next_multiple_of(4096);
        self.free = at + len as u64;
        assert!(self.free <= BASE + (8 << 20), "the test's memory is used up");
        Iova(at)
    }

    pub(crate) fn poll(&mut self) {
        self.now += Nanos::from_micros(1);
        self.asic.poll(self.now);
    }

    /// Posts a command by register writes and polls until the reply is there.
    pub(crate) fn command_raw(&mut self, command: &[u8]) -> [u8; 64] {
        assert_eq!(self.bar.read32(CTRL) & 3, 2, "the mailbox is the driver's");
        for (i, word) in command.chunks(8).enumerate() {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.bar.write64(DATA + 8 * i as u32, u64::from_be_bytes(padded));
        }
        // MSGVALID, owner firmware.
        self.bar.write32(CTRL, 0b1001);
        for _ in 0..1000 {
            self.poll();
            let ctrl = self.bar.read32(CTRL);
            if ctrl & 3 == 2 {
                assert_eq!(ctrl & 8, 8, "a reply is valid");
                let mut reply = [0; 64];
                for (i, word) in reply.chunks_mut(4).enumerate() {
                    // The register at the lower offset is the low half of a 64-bit word.
                    let at = DATA + 4 * (i as u32 ^ 1);
                    word.copy_from_slice(&self.bar.read32(at).to_be_bytes());
                }
                self.bar.write32(CTRL, 0);
                return reply;
            }
        }
        panic!("no reply to {command:02x?}");
    }

    /// The same for a typed command.
    pub(crate) fn command<C: Command>(&mut self, command: &C, bytes: &[u8]) -> (Retval, C) {
        assert_eq!(bytes.len(), C::SIZE);
        let len = command.header().len();
        let reply = self.command_raw(&bytes[..len.min(bytes.len())]);
        let reply = *C::matching(&reply).expect("the reply is to the same command");
        (reply.retval(), reply)
    }

    pub(crate) fn ok<C: Command>(&mut self, command: &C, bytes: &[u8]) -> C {
        let (retval, reply) = self.command(command, bytes);
        assert_eq!(retval, Retval::SUCCESS, "{:?}", C::OPCODE);
        reply
    }

    /// HELLO and INITIALIZE.
    pub(crate) fn hello(&mut self) {
        let hello = HelloCmd::request(Access::Write)
            .with_flags(HelloFlags(0).with_mbmaster(HelloFlags::ANY_MASTER).with_mbasyncnot(4));
        self.ok(&hello, hello.as_bytes());
        let initialize = InitializeCmd::request(Access::Write);
        self.ok(&initialize, initialize.as_bytes());
    }

    pub(crate) fn iq(&mut self, plan: IqPlan) -> HostIq {
        let ring = self.alloc(usize::from(plan.size) * usize::from(plan.entry));
        let fl_ring = self.alloc(usize::from(plan.fl_units).max(1) * 64);
        let update =
            if plan.status_page { IqKind::UPDATE_STATUS_PAGE } else { IqKind::UPDATE_INTERRUPT };
        let cmd = IqCmd::alloc_start()
            .of_function(4, 0)
            .with_kind(IqKind(0).with_iqasynch(plan.events).with_iqanud(update))
            .with_context(IqContext(0).with_entry_size(plan.entry))
            .with_iqsize(plan.size)
            .with_iqaddr(ring)
            // FL0CONGCIF b11, FL0CONGEN b0.
            .with_fl0(FlContext(if plan.list_counts { 0x801 } else { 0 }))
            .with_fl0size(plan.fl_units)
            .with_fl0addr(if plan.fl_units > 0 { fl_ring } else { Iova(0) });
        let reply = self.ok(&cmd, cmd.as_bytes());
        let freelist = (plan.fl_units > 0).then(|| {
            let units = usize::from(plan.fl_units) - 1;
            let buffers = self.alloc(units * 8 * BUFFER);
            HostFl {
                relative: u32::from(reply.fl0id()),
                ring: fl_ring,
                units,
                pidx: 0,
                buffers,
                next: 0,
            }
        });
        HostIq {
            relative: reply.iqid(),
            id: IqId(reply.physiqid()),
            base: ring,
            entry: usize::from(plan.entry),
            slots: usize::from(plan.size) - 1,
            cidx: 0,
            generation: 1,
            freelist,
        }
    }

    /// Gives the card `units` units of eight empty buffers.
    pub(crate) fn refill(&mut self, iq: &mut HostIq, units: usize) {
        let fl = iq.freelist.as_mut().expect("a freelist");
        for _ in 0..units {
            for i in 0..8 {
                let slot = fl.pidx * 8 + i;
                // Low bits: the size's index, 5 is 2048 bytes.
                let pointer = fl.buffers.0 + (slot * BUFFER) as u64 + 5;
                self.memory.put(fl.ring.add(slot * 8), &pointer.to_be_bytes());
            }
            fl.pidx = (fl.pidx + 1) % fl.units;
        }
        let relative = fl.relative;
        // DBPRIO and DBTYPE: a freelist.
        self.doorbell(relative, 0x6000 | units as u32);
    }

    /// Writes the BAR2 doorbell of egress queue `relative`: 32 queues a 4 KiB page, 128 bytes each.
    pub(crate) fn doorbell(&self, relative: u32, word: u32) {
        self.bar.write_doorbell(relative / 32 * 4096 + relative % 32 * 128 + 8, word);
    }

    /// Returns `entries` of an ingress queue.
    pub(crate) fn give_back(&self, iq: &HostIq, entries: u32) {
        let q = u32::from(iq.relative);
        // Timer index 7: credits only.
        self.bar.write_doorbell(q / 32 * 4096 + q % 32 * 128 + 20, 7 << 13 | entries);
    }

    /// The next message, if its generation bit is there; its credit stays with the host.
    pub(crate) fn take(&mut self, iq: &mut HostIq) -> Option<Message> {
        let at = iq.base.add(iq.cidx * iq.entry);
        let entry = self.memory.get(at, iq.entry);
        let control = entry[iq.entry - 8];
        if control >> 7 != iq.generation {
            return None;
        }
        iq.cidx += 1;
        if iq.cidx == iq.slots {
            iq.cidx = 0;
            iq.generation ^= 1;
        }
        let mut payload = Vec::new();
        // Type FLBUF: what it says lies in the freelist, from a new buffer on.
        if control >> 4 & 3 == 0 {
            let word = &entry[iq.entry - 12..iq.entry - 8];
            let word = u32::from_be_bytes(word.try_into().expect("four bytes"));
            assert_eq!(word >> 31, 1, "a new buffer");
            let mut left = (word & 0x7fff_ffff) as usize;
            let fl = iq.freelist.as_mut().expect("payload needs a freelist");
            while left > 0 {
                let now = left.min(BUFFER);
                payload.extend(self.memory.get(fl.buffers.add(fl.next * BUFFER), now));
                fl.next = (fl.next + 1) % (fl.units * 8);
                left -= now;
            }
        }
        Some(Message { entry, payload })
    }

    /// Takes all messages and returns their credits.
    pub(crate) fn drain(&mut self, iq: &mut HostIq) -> Vec<Message> {
        let mut all = Vec::new();
        while let Some(message) = self.take(iq) {
            all.push(message);
        }
        if !all.is_empty() {
            self.give_back(iq, all.len() as u32);
        }
        all
    }

    /// The last entry of an ingress queue with status page: queue, consumer and producer index.
    pub(crate) fn iq_status(&self, iq: &HostIq) -> Vec<u8> {
        self.memory.get(iq.base.add(iq.slots * iq.entry), 8)
    }

    /// Replaces a pointer in a freelist that the card has not fetched.
    pub(crate) fn spoil_buffer(&mut self, iq: &HostIq, slot: usize, pointer: u64) {
        let fl = iq.freelist.as_ref().expect("a freelist");
        self.memory.put(fl.ring.add(slot * 8), &pointer.to_be_bytes());
    }

    fn eq(&mut self, units: usize) -> (Iova, EqFetch) {
        let base = self.alloc((units + 1) * 64);
        (base, EqFetch(0).with_eqsize(units as u32 + 1).with_cidxfthresh(5))
    }

    pub(crate) fn eth_eq(&mut self, iq: &HostIq, viid: Viid, channel: u8, units: usize) -> HostEq {
        let (base, fetch) = self.eq(units);
        let cmd = EqEthCmd::alloc_start()
            .with_context(
                EqContext(0)
                    .with_pciechn(u32::from(channel))
                    .with_iqid(u32::from(iq.relative))
                    .with_hostfcmode(fw::eq::HOSTFCMODE_STATUS_PAGE),
            )
            .with_fetch(fetch)
            .with_eqaddr(base)
            .with_auto(EqEthAuto(0).with_viid(u32::from(viid.0)));
        let reply = self.ok(&cmd, cmd.as_bytes());
        HostEq {
            relative: reply.eqid().eqid(),
            id: reply.physeqid().physeqid(),
            base,
            units,
            pidx: 0,
        }
    }

    pub(crate) fn ctrl_eq(&mut self, iq: &HostIq, units: usize) -> HostEq {
        let (base, fetch) = self.eq(units);
        let cmd = EqCtrlCmd::alloc_start()
            .with_context(EqContext(0).with_iqid(u32::from(iq.relative)))
            .with_fetch(fetch)
            .with_eqaddr(base);
        let reply = self.ok(&cmd, cmd.as_bytes());
        HostEq {
            relative: reply.eqid().eqid(),
            id: reply.physeqid().physeqid(),
            base,
            units,
            pidx: 0,
        }
    }

    pub(crate) fn ofld_eq(&mut self, iq: &HostIq, channel: u8, units: usize) -> HostEq {
        let (base, fetch) = self.eq(units);
        let cmd = EqOfldCmd::alloc_start()
            .with_context(
                EqContext(0).with_pciechn(u32::from(channel)).with_iqid(u32::from(iq.relative)),
            )
            .with_fetch(fetch)
            .with_eqaddr(base);
        let reply = self.ok(&cmd, cmd.as_bytes());
        HostEq {
            relative: reply.eqid().eqid(),
            id: reply.physeqid().physeqid(),
            base,
            units,
            pidx: 0,
        }
    }

    /// Puts a work request into a ring, without ringing; the units it takes.
    pub(crate) fn put_wr(&mut self, eq: &mut HostEq, wr: &[u8]) -> usize {
        let units = wr.len().div_ceil(64);
        for unit in wr.chunks(64) {
            self.memory.put(eq.base.add(eq.pidx * 64), unit);
            eq.pidx = (eq.pidx + 1) % eq.units;
        }
        units
    }

    /// Puts a work request into a ring and rings.
    pub(crate) fn post(&mut self, eq: &mut HostEq, wr: &[u8]) {
        let units = self.put_wr(eq, wr);
        self.doorbell(eq.relative, units as u32);
    }

    /// Consumer and producer index of an egress queue's status page, and the queue it names.
    pub(crate) fn status(&self, eq: &HostEq) -> (u32, u16, u16) {
        let page = self.memory.get(eq.base.add(eq.units * 64), 8);
        let be16 = |at: usize| u16::from_be_bytes([page[at], page[at + 1]]);
        (u32::from_be_bytes([page[0], page[1], page[2], page[3]]), be16(4), be16(6))
    }

    /// An interface of `port` that receives its own address and broadcast, and hands all to `iq`.
    pub(crate) fn interface(&mut self, port: u8, iq: &HostIq) -> (Viid, [u8; 6]) {
        let cmd = ViCmd::alloc(4, PortId(port), 1);
        let reply = self.ok(&cmd, cmd.as_bytes());
        let (viid, mac) = (reply.viid(), reply.mac());
        let cmd = RssViConfigCmd::request(Access::Write).of_vi(viid).with_flags(
            RssViFlags(0)
                .with_defaultq(u32::from(iq.id.0))
                .with_ip4fourtupen(true)
                .with_ip4twotupen(true),
        );
        self.ok(&cmd, cmd.as_bytes());
        let cmd = RssIndTblCmd::write(viid, 0, &[iq.id; 32]);
        self.ok(&cmd, cmd.as_bytes());
        let cmd = RssIndTblCmd::write(viid, 32, &[iq.id; 32]);
        self.ok(&cmd, cmd.as_bytes());
        let cmd = ViRxModeCmd::request(Access::Write)
            .of_vi(viid)
            .with_mode(RxMode::UNCHANGED.with_broadcasten(1));
        self.ok(&cmd, cmd.as_bytes());
        let entry = MacEntry::new(MacEntryWord::ADD, MacEntryWord::SMT_AND_MPSTCAM, mac);
        let cmd = ViMacCmd::write(viid, &[entry]);
        let reply = self.command_raw(&cmd.as_bytes()[..16]);
        assert_eq!(reply[6], 0, "VI_MAC");
        let cmd = PortL1CfgCmd::to(Access::Exec, PortId(port));
        self.ok(&cmd, cmd.as_bytes());
        let cmd = ViEnableCmd::directions(viid, true, true);
        self.ok(&cmd, cmd.as_bytes());
        (viid, mac)
    }

    /// The carrier of the cable of `port` comes or goes.
    pub(crate) fn link(&mut self, port: PortId, up: bool) {
        self.asic.set_link(port, up);
    }

    /// Frames that have left by the cable of `port`.
    pub(crate) fn sent(&mut self, port: u8) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            self.out.clear();
            if self.asic.tx_burst(PortId(port), &mut self.out) == 0 {
                return all;
            }
            all.extend(self.out.frames().iter().map(|frame| frame.as_slice().to_vec()));
        }
    }

    /// Frames come in by the cable of `port`.
    pub(crate) fn receive(&mut self, port: u8, frames: &[Vec<u8>]) {
        let frames: Vec<Frame> = frames
            .iter()
            .map(|bytes| {
                let mut frame = Frame::with_capacity(bytes.len().max(1));
                frame.copy_from(bytes).expect("fits");
                frame
            })
            .collect();
        self.now += Nanos::from_micros(1);
        self.asic.rx_burst(self.now, PortId(port), &frames);
    }
}

/// FW_ETH_TX_PKT_WR with the frame inside, by hand: header, TX_PKT_XT, bytes.
pub(crate) fn eth_wr(intf: u8, frame: &[u8]) -> Vec<u8> {
    // Checksums off: IPCSUM_DIS and L4CSUM_DIS.
    eth_wr_with(intf, 0xc000_0000_0000_0000, frame)
}

/// The same with another ctrl1.
pub(crate) fn eth_wr_with(intf: u8, ctrl1: u64, frame: &[u8]) -> Vec<u8> {
    let len16 = (32 + frame.len()).div_ceil(16);
    let mut wr = Vec::new();
    wr.extend((0x0800_0000_u32 | (16 + frame.len() as u32)).to_be_bytes());
    wr.extend((len16 as u32).to_be_bytes());
    wr.extend([0; 8]);
    wr.extend((0xee00_0000_u32 | u32::from(intf) << 16).to_be_bytes());
    wr.extend([0, 0]);
    wr.extend((frame.len() as u16).to_be_bytes());
    wr.extend(ctrl1.to_be_bytes());
    wr.extend(frame);
    wr.resize(len16 * 16, 0);
    wr
}

/// An Ethernet frame of an unknown type.
pub(crate) fn plain(dst: [u8; 6], body: &[u8]) -> Vec<u8> {
    let mut frame = dst.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
    frame.extend(body);
    frame.resize(frame.len().max(60), 0);
    frame
}

/// Ones' complement sum of big-endian 16-bit words.
pub(crate) fn sum16(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// A TCP segment over IPv4 in an Ethernet frame, with right checksums; sequence 1000, ACK 2000.
pub(crate) fn tcp(
    dst_mac: [u8; 6],
    src: [u8; 4],
    dst: [u8; 4],
    sport: u16,
    dport: u16,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    segment(dst_mac, (src, sport), (dst, dport), (1000, 2000), flags, payload)
}

/// The same with sequence and ACK number.
pub(crate) fn segment(
    dst_mac: [u8; 6],
    (src, sport): ([u8; 4], u16),
    (dst, dport): ([u8; 4], u16),
    (seq, ack): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend((40 + payload.len() as u16).to_be_bytes());
    ip.extend([0, 1, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(src);
    ip.extend(dst);
    let sum = !sum16(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let mut tcp = Vec::new();
    tcp.extend(sport.to_be_bytes());
    tcp.extend(dport.to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend(payload);
    let mut pseudo = src.to_vec();
    pseudo.extend(dst);
    pseudo.extend([0, 6]);
    pseudo.extend((tcp.len() as u16).to_be_bytes());
    pseudo.extend(&tcp);
    let sum = !sum16(&pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut frame = dst_mac.to_vec();
    frame.extend([2, 0, 0, 0, 0, 9, 0x08, 0x00]);
    frame.extend(ip);
    frame.extend(tcp);
    frame
}
