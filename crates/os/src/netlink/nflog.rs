//! Copies of packets that a filter picks out (`log group` of `nft(8)`, NFLOG): the packets themselves go on at once.
//!
//! A copy that finds no room in the socket is lost, and nothing else is. Nothing is copied for a group that nobody
//! listens to, and the kernel frees a group with the socket, so that a killed process leaves nothing behind.
//!
//! | limit | value |
//! |---|---|
//! | bytes of a packet that are copied | [`COPY_LEN_MAX`] |
//! | copies that wait | what a socket holds; others are lost |

use super::message::{Message, answers, attributes};
use super::{NetlinkError, READ_LEN, nf};
use rustix::net::RecvFlags;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Most bytes of a packet that are copied; what is longer is cut.
pub const COPY_LEN_MAX: u32 = 1_280;

const PACKET: u16 = ULOG | libc::NFULNL_MSG_PACKET as u16;
const CONFIG: u16 = ULOG | libc::NFULNL_MSG_CONFIG as u16;
const ULOG: u16 = (libc::NFNL_SUBSYS_ULOG as u16) << 8;
/// `struct nfgenmsg`.
const FAMILY_HEADER_LEN: usize = 4;

/// The listener of one group in this network namespace.
#[derive(Debug)]
pub struct Nflog {
    socket: OwnedFd,
}

impl Nflog {
    /// Listens to a group.
    ///
    /// # Errors
    /// No right to, the kernel has no `nfnetlink_log`, or another process listens to it.
    pub fn open(group: u16) -> Result<Self, NetlinkError> {
        let socket = listening(group).map_err(|source| NetlinkError {
            // Of a group that another process has, the kernel says only that it is not permitted.
            what: format!(
                "listening to the log group {group} (/proc/net/netfilter/nfnetlink_log shows who has it)"
            ),
            source,
        })?;
        Ok(Self { socket })
    }

    /// The copies that one read brings, as IP packets.
    ///
    /// # Errors
    /// `WouldBlock`: there are none. Others end it.
    pub fn recv(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut buffer = vec![0; READ_LEN];
        let read = match rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((read, _)) => read,
            // Copies were lost.
            Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let answers = answers(buffer.get(..read).unwrap_or(&[]));
        let copies = answers.filter(|answer| answer.kind == PACKET);
        let payload = copies.filter_map(|answer| {
            let mut attributes = attributes(answer.body, FAMILY_HEADER_LEN);
            let of_packet = |(kind, _): &(u16, &[u8])| i32::from(*kind) == libc::NFULA_PAYLOAD;
            Some(attributes.find(of_packet)?.1.to_vec())
        });
        Ok(payload.collect())
    }
}

impl AsFd for Nflog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn listening(group: u16) -> io::Result<OwnedFd> {
    let socket = nf::open()?;
    let command = [libc::NFULNL_CFG_CMD_BIND as u8];
    nf::ask(&socket, config(group, libc::NFULA_CFG_CMD, &command))?;
    // struct nfulnl_msg_config_mode: how much, what, and a byte of padding.
    let mut mode = COPY_LEN_MAX.to_be_bytes().to_vec();
    mode.extend([libc::NFULNL_COPY_PACKET as u8, 0]);
    nf::ask(&socket, config(group, libc::NFULA_CFG_MODE, &mode))?;
    Ok(socket)
}

fn config(group: u16, attribute: i32, value: &[u8]) -> Message {
    let attribute = u16::try_from(attribute).unwrap_or_default();
    let message = Message::new(CONFIG, libc::NLM_F_ACK, 1);
    let message = message.raw(&nf::header(0, group));
    message.attribute(attribute, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netns::tests::in_new_network;
    use crate::wait::readable;
    use std::io::Write;
    use std::net::UdpSocket;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    const GROUP: u16 = 4_649;

    fn nft(script: &str) {
        let mut child = Command::new("nft");
        let mut child = child
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }

    fn copies(log: &Nflog) -> Vec<Vec<u8>> {
        let limit = Some(Duration::from_millis(500));
        let mut copies = Vec::new();
        while readable(&[log.as_fd()], limit).unwrap()[0] {
            copies.extend(log.recv().unwrap());
        }
        copies
    }

    /// Needs root, and `nft`.
    #[test]
    fn packets_that_a_rule_picks_out_are_copied_and_arrive_all_the_same() {
        in_new_network(|| {
            let script = format!(
                "table inet t {{\n chain c {{ type filter hook output priority 0;\n \
                 udp dport 4649 udp length 1208 log group {GROUP} queue-threshold 1\n }}\n}}"
            );
            nft(&script);
            for local in ["127.0.0.1", "::1"] {
                let to = UdpSocket::bind((local, 4_649)).unwrap();
                let from = UdpSocket::bind((local, 0)).unwrap();
                let mut buffer = [0; 2_000];
                to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut send = |bytes: &[u8]| {
                    from.send_to(bytes, (local, 4_649)).unwrap();
                    assert_eq!(to.recv(&mut buffer).unwrap(), bytes.len());
                };
                send(&[6; 1_200]);
                let log = Nflog::open(GROUP).unwrap();
                let taken = Nflog::open(GROUP).unwrap_err().to_string();
                assert!(taken.contains("nfnetlink_log"), "{taken}");
                assert_eq!(log.recv().unwrap_err().kind(), io::ErrorKind::WouldBlock);
                send(&[6; 1_200]);
                send(&[6; 1_199]);
                let [copy] = copies(&log).try_into().unwrap();
                let header = copy.len() - 1_208;
                assert_eq!(header, if local == "::1" { 40 } else { 20 });
                assert_eq!(copy[header + 8..], [6; 1_200]);
                drop(log);
                send(&[6; 1_200]);
            }
        });
    }
}
