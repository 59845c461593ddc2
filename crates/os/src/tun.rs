//! The overlay's network interface as seen from inside: whole IP packets in and out.
//!
//! Two kinds look the same from here: a real TUN (`/dev/net/tun`), and an Ethernet pair
//! whose outer end is read raw ([`crate::packet_pair`]), for systems on which the user may
//! not open that device. Both vanish with their last descriptor or their namespace:
//! nothing is persistent, so nothing is left after kill -9.
//!
//! With offloads, a TUN passes *frames* both ways: packets of up to 64 KiB with a note of what is
//! still to be done about them ([`wire::offload`]). What the kernel knows is found out when the
//! interface is made; without any of it, frames are plain packets.
//!
//! The queue from the kernel to the reader holds [`TX_QUEUE_LEN`] packets; behind that the
//! kernel drops. Neither kind tells a sender that its packets still wait there: a program's
//! TCP stream puts its whole window into the queue at once, so a queue shorter than a usual
//! window (about 1,000 packets) loses packets by hundreds.

mod virtio;

use crate::wait::writable;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::io::{self, IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use wire::offload::join::{Kinds, PACKETS_MAX};
use wire::offload::{CutKind, Joined, Offload};

/// Length of an Ethernet header, in bytes.
pub(crate) const ETHERNET_LEN: usize = 14;
/// Packets that wait for the reader at most: 2.7 MiB of full-size ones, 30 ms at 700 Mbit/s.
pub const TX_QUEUE_LEN: u32 = 2_048;
/// Queues of one interface at most.
pub const QUEUES_MAX: usize = 8;
/// How long a full queue to the kernel is waited for.
const WRITE_WAIT: Duration = Duration::from_millis(20);
const TUN_PATH: &str = "/dev/net/tun";

/// Why there is no interface.
#[derive(Debug, thiserror::Error)]
pub enum TunError {
    /// The kernel has no TUN driver, or the container no device node.
    #[error("{TUN_PATH} does not exist")]
    Missing,
    /// This user may not open the device or make an interface here.
    #[error("no permission to make a TUN interface: {0}")]
    NotPermitted(io::Error),
    /// The name is taken.
    #[error("interface {0} exists already and belongs to another program")]
    Busy(String),
    /// The name is empty, too long, or not ASCII.
    #[error("{0:?} is not an interface name")]
    BadName(String),
    /// Something else failed.
    #[error("making a TUN interface: {0}")]
    Io(io::Error),
}

/// How packets are framed on the descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Bare IP packets.
    Bare,
    /// Behind what is to be done about them.
    Large {
        /// Large UDP frames are taken, too.
        udp: bool,
    },
    /// Behind Ethernet headers; those towards the kernel start with these two addresses
    /// (destination, source).
    Ethernet([u8; 12]),
}

/// An open interface. Reading and writing go by `&self`, from any thread.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    framing: Framing,
    name: String,
    /// Kinds of large frames that the kernel has refused although it knows them.
    refused: [AtomicBool; 2],
}

impl Device {
    /// Makes a TUN interface in the current network namespace, with as many offloads as the kernel
    /// has if `offloads`. In `name`, `%d` stands for the first free number. It is down and has no
    /// address yet.
    ///
    /// # Errors
    /// Any of [`TunError`].
    pub fn create_tun(name: &str, offloads: bool) -> Result<Self, TunError> {
        Self::create(name, offloads, 0)
    }

    /// The same with up to `count` queues (1 to [`QUEUES_MAX`]), as many as the kernel gives: for
    /// one thread each. The kernel keeps a flow in one queue, the one into which its other direction
    /// is written.
    ///
    /// # Errors
    /// Any of [`TunError`], when there would be none.
    pub fn create_queues(name: &str, offloads: bool, count: usize) -> Result<Vec<Self>, TunError> {
        if count <= 1 {
            return Ok(vec![Self::create(name, offloads, 0)?]);
        }
        let first = match Self::create(name, offloads, libc::IFF_MULTI_QUEUE) {
            // A kernel, or one that counts as one, that knows no queues.
            Err(TunError::Io(_)) => return Ok(vec![Self::create(name, offloads, 0)?]),
            first => first?,
        };
        let mut queues = vec![first];
        while let (Some(first), true) = (queues.first(), queues.len() < count.min(QUEUES_MAX)) {
            match first.another() {
                Ok(queue) => queues.push(queue),
                Err(_) => break,
            }
        }
        Ok(queues)
    }

    /// One more queue of this interface.
    fn another(&self) -> Result<Self, TunError> {
        let fd = open_tun()?;
        let flags = libc::IFF_MULTI_QUEUE | flags_of(self.framing);
        let name = attach(&fd, &self.name, flags)?;
        Ok(Self::new(fd, self.framing, name))
    }

    fn create(name: &str, offloads: bool, flags: libc::c_int) -> Result<Self, TunError> {
        if name.is_empty() || name.len() > crate::netlink::NAME_LEN_MAX || !name.is_ascii() {
            return Err(TunError::BadName(name.to_owned()));
        }
        let fd = open_tun()?;
        let mut framing = Framing::Bare;
        if offloads && virtio::are_known(&fd) {
            framing = Framing::Large { udp: false };
        }
        let name = attach(&fd, name, flags | flags_of(framing))?;
        if let Framing::Large { udp } = &mut framing {
            *udp = virtio::switch_on(&fd);
        }
        Ok(Self::new(fd, framing, name))
    }

    fn new(fd: OwnedFd, framing: Framing, name: String) -> Self {
        let refused = [false, false].map(AtomicBool::new);
        Self {
            fd,
            framing,
            name,
            refused,
        }
    }

    /// Takes over a descriptor that another process opened. Its reads will not wait.
    ///
    /// # Errors
    /// The descriptor does not take that.
    pub fn adopt(fd: OwnedFd, framing: Framing, name: String) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&fd)?;
        rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok(Self::new(fd, framing, name))
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How packets are framed on the descriptor; for handing it to another process.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Which frames [`Device::send_frame`] takes, as far as is known.
    pub fn joins(&self) -> Kinds {
        let takes = |kind: CutKind| !self.refused_of(kind).load(Ordering::Relaxed);
        match self.framing {
            Framing::Large { udp } => Kinds {
                tcp: takes(CutKind::Tcp),
                udp: udp && takes(CutKind::Udp),
            },
            Framing::Bare | Framing::Ethernet(_) => Kinds::default(),
        }
    }

    fn refused_of(&self, kind: CutKind) -> &AtomicBool {
        let [tcp, udp] = &self.refused;
        match kind {
            CutKind::Tcp => tcp,
            CutKind::Udp => udp,
        }
    }

    /// Reads one frame that the kernel sends out through the interface, and what is to be done
    /// about it; a longer one than `frame` is cut off. It does not wait for one.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, `InvalidData` if what is to be done is unknown; otherwise the
    /// interface is gone or down.
    pub fn recv(&self, frame: &mut [u8]) -> io::Result<(usize, Offload)> {
        let mut front = [0u8; ETHERNET_LEN];
        let front_len = match self.framing {
            Framing::Bare => 0,
            Framing::Large { .. } => virtio::HEADER_LEN,
            Framing::Ethernet(_) => ETHERNET_LEN,
        };
        let (front, _) = front.split_at_mut(front_len);
        loop {
            let parts = &mut [IoSliceMut::new(front), IoSliceMut::new(frame)];
            let read = rustix::io::readv(&self.fd, parts)?;
            if read > front_len {
                let offload = match self.framing {
                    Framing::Large { .. } => virtio::decode(front)?,
                    Framing::Bare | Framing::Ethernet(_) => Offload::default(),
                };
                return Ok((read - front_len, offload));
            }
            // Nothing that has an IP packet in it: a frame for the pair's own sake.
        }
    }

    /// Hands one IP packet to the kernel as if it had come in through the interface.
    ///
    /// # Errors
    /// `InvalidInput` when it is not an IP packet; otherwise the interface is gone or down.
    pub fn send(&self, packet: &[u8]) -> io::Result<()> {
        let ethertype: u16 = match packet.first().map(|byte| byte >> 4) {
            Some(4) => 0x0800,
            Some(6) => 0x86dd,
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let packet = IoSlice::new(packet);
        match self.framing {
            Framing::Bare => self.write(&[packet]),
            Framing::Large { .. } => self.write(&[IoSlice::new(&virtio::NOTHING_TO_DO), packet]),
            Framing::Ethernet(addresses) => {
                let kind = ethertype.to_be_bytes();
                self.write(&[IoSlice::new(&addresses), IoSlice::new(&kind), packet])
            }
        }
    }

    /// Hands a frame to the kernel whose payload is in `buffer`: of a kind that
    /// [`Device::joins`] says.
    ///
    /// # Errors
    /// As [`Device::send`]; `InvalidInput` also when the kernel does not take such frames. Then
    /// [`Device::joins`] does not name them any more.
    pub fn send_frame(&self, joined: &Joined<'_>, buffer: &[u8]) -> io::Result<()> {
        let front = virtio::encode(joined.headers, joined.offload);
        let mut parts = [IoSlice::new(&[]); PACKETS_MAX + 2];
        let [first, second, payloads @ ..] = &mut parts;
        (*first, *second) = (IoSlice::new(&front), IoSlice::new(joined.headers));
        let mut count = 2;
        let bytes = |range: &Range<usize>| buffer.get(range.clone()).unwrap_or_default();
        for (part, range) in payloads.iter_mut().zip(joined.payloads) {
            *part = IoSlice::new(bytes(range));
            count += 1;
        }
        let written = self.write(parts.get(..count).unwrap_or_default());
        if let (Err(error), Some(cut)) = (&written, joined.offload.cut)
            && error.kind() == io::ErrorKind::InvalidInput
        {
            self.refused_of(cut.kind).store(true, Ordering::Relaxed);
        }
        written
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let mut waited = false;
        loop {
            match rustix::io::writev(&self.fd, parts) {
                Err(Errno::INTR) => {}
                // A TUN takes all; the pair has a queue.
                Err(Errno::AGAIN) if !waited => waited = writable(&self.fd, WRITE_WAIT)?,
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Device> for OwnedFd {
    fn from(device: Device) -> Self {
        device.fd
    }
}

fn open_tun() -> Result<OwnedFd, TunError> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(TUN_PATH, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT | Errno::NODEV | Errno::NXIO => TunError::Missing,
        Errno::ACCESS | Errno::PERM => TunError::NotPermitted(error.into()),
        _ => TunError::Io(error.into()),
    })
}

fn flags_of(framing: Framing) -> libc::c_int {
    match framing {
        Framing::Large { .. } => libc::IFF_VNET_HDR,
        Framing::Bare | Framing::Ethernet(_) => 0,
    }
}

/// `ioctl(TUNSETIFF)`; returns the name that the kernel chose.
fn attach(fd: &OwnedFd, name: &str, flags: libc::c_int) -> Result<String, TunError> {
    // SAFETY: ifreq is plain data for which all zeroes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_TUN | libc::IFF_NO_PI | flags).unwrap_or_default();
    // SAFETY: the descriptor is open, and the request is a valid ifreq that outlives the call.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if result < 0 {
        let error = io::Error::last_os_error();
        return Err(match error.raw_os_error() {
            Some(libc::EBUSY) => TunError::Busy(name.to_owned()),
            Some(libc::EPERM | libc::EACCES) => TunError::NotPermitted(error),
            _ => TunError::Io(error),
        });
    }
    let chosen = request.ifr_name.iter().take_while(|byte| **byte != 0);
    Ok(chosen
        .map(|byte| char::from(byte.cast_unsigned()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::{Plan, configure};
    use crate::netns::tests::in_new_network;
    use std::net::{Ipv6Addr, UdpSocket};

    const HERE: Ipv6Addr = Ipv6Addr::new(0xfc01, 0, 0, 0, 0, 0, 0, 1);
    const THERE: Ipv6Addr = Ipv6Addr::new(0xfc02, 0, 0, 0, 0, 0, 0, 2);

    /// Does what the kernel left to do.
    fn finish(packet: &mut [u8], len: usize, offload: Offload) {
        let frame = packet[..len].to_vec();
        let cutter = wire::offload::Cutter::new(&frame, offload).unwrap();
        assert_eq!(cutter.write(0, packet), Some(len));
    }

    /// Sends a UDP packet out through `device` and answers it as the other end would.
    pub(crate) fn answers_through(device: &Device) {
        let socket = UdpSocket::bind((HERE, 5000)).unwrap();
        socket.send_to(b"question", (THERE, 5001)).unwrap();
        let mut packet = [0u8; 2000];
        let len = loop {
            let wait = Some(Duration::from_secs(5));
            assert!(
                crate::wait::readable(&[device.as_fd()], wait).unwrap()[0],
                "no packet"
            );
            let (len, offload) = device.recv(&mut packet).unwrap();
            assert_eq!(offload.cut, None);
            finish(&mut packet, len, offload);
            if packet[6] == 17 {
                break len;
            }
        };
        let packet = &mut packet[..len];
        assert_eq!(&packet[8..24], &HERE.octets());
        assert_eq!(&packet[24..40], &THERE.octets());
        assert_eq!(&packet[48..], b"question");
        // Swapping both ends leaves the checksum as it is; it is right only if the kernel
        // has filled it in.
        let (ip, udp) = packet.split_at_mut(40);
        let (source, destination) = ip[8..40].split_at_mut(16);
        source.swap_with_slice(destination);
        udp[..4].rotate_left(2);
        // The kernel starts to use a new address a moment after it was added.
        let wait = Some(Duration::from_millis(50));
        socket.set_read_timeout(wait).unwrap();
        let mut heard = [0u8; 64];
        for _ in 0..100 {
            device.send(packet).unwrap();
            if let Ok((len, from)) = socket.recv_from(&mut heard) {
                assert_eq!((&heard[..len], from.ip()), (&b"question"[..], THERE.into()));
                return;
            }
        }
        panic!("the kernel took no packet");
    }

    fn plan(name: &str) -> Plan {
        Plan {
            name: name.to_owned(),
            mtu: 1400,
            offloads: true,
            queues: 1,
            addresses: vec![(HERE.into(), 128)],
            routes: vec![(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 8)],
        }
    }

    #[test]
    fn packets_pass_through_a_tun_with_and_without_offloads() {
        for offloads in [false, true] {
            in_new_network(move || {
                let device = Device::create_tun("kumi0", offloads).unwrap();
                configure("kumi0", &plan("kumi0")).unwrap();
                assert_eq!(device.joins().tcp, offloads);
                answers_through(&device);
            });
        }
    }

    #[test]
    fn several_queues_are_one_interface_and_each_flow_is_in_one_of_them() {
        in_new_network(|| {
            let queues = Device::create_queues("kumi%d", true, 2).unwrap();
            assert_eq!(queues.len(), 2);
            configure("kumi0", &plan("kumi0")).unwrap();
            let mut flows = [[0u32; 16]; 2];
            let sockets: [_; 16] = std::array::from_fn(|_| UdpSocket::bind((HERE, 0)).unwrap());
            for _ in 0..20 {
                for (number, socket) in sockets.iter().enumerate() {
                    socket.send_to(&[number as u8], (THERE, 9)).unwrap();
                }
            }
            let mut packet = [0u8; 2000];
            for (queue, counts) in queues.iter().zip(&mut flows) {
                while let Ok((len, _)) = queue.recv(&mut packet) {
                    if packet[6] == 17 {
                        counts[usize::from(packet[len - 1])] += 1;
                    }
                }
            }
            for (first, second) in flows[0].iter().zip(&flows[1]) {
                assert!((*first, *second) == (20, 0) || (*first, *second) == (0, 20));
            }
            let of = |counts: &[u32]| counts.iter().sum::<u32>();
            assert!(of(&flows[0]) > 0 && of(&flows[1]) > 0, "{flows:?}");
        });
    }

    #[test]
    fn a_name_is_had_once_and_goes_with_its_descriptor() {
        in_new_network(|| {
            let device = Device::create_tun("kumi%d", true).unwrap();
            assert_eq!(device.name(), "kumi0");
            assert!(matches!(
                Device::create_tun("kumi0", true),
                Err(TunError::Busy(_))
            ));
            assert_eq!(Device::create_tun("kumi%d", true).unwrap().name(), "kumi1");
            assert_eq!(
                device.send(&[]).unwrap_err().kind(),
                io::ErrorKind::InvalidInput
            );
            drop(device);
            assert!(
                crate::netlink::Netlink::open()
                    .unwrap()
                    .link("kumi0")
                    .is_err()
            );
        });
    }

    #[test]
    fn frames_that_the_kernel_refuses_are_not_named_any_more() {
        in_new_network(|| {
            let device = Device::create_tun("kumi0", true).unwrap();
            configure("kumi0", &plan("kumi0")).unwrap();
            let (tcp, udp) = (device.joins().tcp, device.joins().udp);
            assert!(tcp && udp);
            let mut headers = [0; 48];
            (headers[0], headers[6]) = (0x60, 17);
            let joined = Joined {
                headers: &headers,
                payloads: &[0..10, 10..20],
                offload: Offload {
                    checksum: None,
                    // What the kernel keeps for itself (GSO_BY_FRAGS).
                    cut: Some(wire::offload::Cut {
                        kind: CutKind::Udp,
                        payload_len: u16::MAX,
                    }),
                },
            };
            let error = device.send_frame(&joined, &[0; 20]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert_eq!((device.joins().tcp, device.joins().udp), (true, false));
        });
    }

    #[test]
    fn packets_pass_through_a_pair() {
        in_new_network(|| {
            let device = crate::packet_pair::create("kumi0").unwrap();
            configure(device.name(), &plan("kumi0")).unwrap();
            answers_through(&device);
        });
    }

    #[test]
    fn a_tcp_window_fits_the_queue_and_the_queue_is_bounded() {
        const WINDOW_LEN: usize = 1_500;
        in_new_network(|| {
            for name in ["tun", "pair"] {
                let device = match name {
                    "tun" => Device::create_tun(name, true).unwrap(),
                    _ => crate::packet_pair::create(name).unwrap(),
                };
                configure(name, &plan(name)).unwrap();
                let socket = UdpSocket::bind((HERE, 0)).unwrap();
                let mut waiting = 0;
                // The kernel starts to use a new address and route a moment later.
                while !matches!(device.recv(&mut [0; 2000]), Ok((len, _)) if len > 1300) {
                    let _ = socket.send_to(&[0; 1300], (THERE, 9));
                    std::thread::sleep(Duration::from_millis(5));
                }
                for _ in 0..TX_QUEUE_LEN as usize * 2 {
                    let _ = socket.send_to(&[0; 1352], (THERE, 9));
                }
                while device.recv(&mut [0; 2000]).is_ok() {
                    waiting += 1;
                }
                let limit = std::fs::read_to_string("/proc/sys/net/core/rmem_max");
                let limit: usize = limit.map_or(0, |text| text.trim().parse().unwrap_or(0));
                // A system that allows less gives the pair less.
                let less = name == "pair" && limit < 2 * 1024 * 1024;
                let least = if less { 50 } else { WINDOW_LEN };
                let bounds = least..=TX_QUEUE_LEN as usize + 8;
                assert!(bounds.contains(&waiting), "{name}: {waiting} packets");
                drop(device);
            }
        });
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        for name in ["", "a-name-that-is-too-long", "組紐"] {
            assert!(matches!(
                Device::create_tun(name, true),
                Err(TunError::BadName(_))
            ));
        }
    }
}
