//! Eve, who listens on the wire of the Bridge: she counts, keeps a packet, measures its randomness and
//! searches every packet for the canary.

use super::file;
use os::capture::Capture;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest frame that is looked at.
const FRAME_LEN_MAX: usize = 65_536;
/// Shown of a packet, in bytes.
const SAMPLE_LEN: usize = 48;
/// Only the contents of packets of at least this many bytes say something about randomness.
const FULL_LEN: usize = 1000;
/// How often she looks whether it is over.
const POLL: Duration = Duration::from_millis(50);

/// What she has.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    /// Frames.
    pub(crate) packets: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Canaries in them.
    pub(crate) canaries: u64,
    /// The beginning of one of them (the UDP payload).
    pub(crate) sample: Vec<u8>,
    histogram: Box<[u64; 256]>,
}

impl Notes {
    fn new() -> Notes {
        Notes {
            packets: 0,
            bytes: 0,
            canaries: 0,
            sample: Vec::new(),
            histogram: Box::new([0; 256]),
        }
    }

    /// Shannon entropy of the sealed contents, in bits a byte: 8 is noise.
    pub(crate) fn entropy(&self) -> f64 {
        let total: u64 = self.histogram.iter().sum();
        let share = |count: &u64| *count as f64 / total.max(1) as f64;
        let counted = self.histogram.iter().filter(|count| **count > 0);
        counted.map(share).map(|p| -p * p.log2()).sum()
    }

    fn see(&mut self, frame: &[u8]) {
        self.packets += 1;
        self.bytes += frame.len() as u64;
        self.canaries += file::canaries(frame);
        let payload = udp_payload(frame).unwrap_or_default();
        // Type 4, a transport packet: 16 bytes of header, then ciphertext. Type 5, a relayed one:
        // 16 bytes more before it.
        let header_len = match (payload.first(), payload.get(16)) {
            (Some(4), _) => 16,
            (Some(5), Some(4)) => 32,
            _ => payload.len(),
        };
        let sealed = payload.get(header_len..).unwrap_or_default();
        if sealed.len() >= FULL_LEN {
            for byte in sealed {
                if let Some(count) = self.histogram.get_mut(usize::from(*byte)) {
                    *count += 1;
                }
            }
            // One that the Bridge relays says more than one that is for it.
            if self
                .sample
                .first()
                .is_none_or(|kind| payload.first() > Some(kind))
            {
                self.sample = payload.get(..SAMPLE_LEN).unwrap_or_default().to_vec();
            }
        }
    }
}

/// Eve at work.
pub(crate) struct Eve {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Notes>,
}

impl Eve {
    /// She begins to listen.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn listen(capture: Capture) -> io::Result<Eve> {
        let stop = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&stop);
        let work = move || {
            let mut notes = Notes::new();
            let mut frame = vec![0u8; FRAME_LEN_MAX];
            loop {
                let over = watched.load(Ordering::Acquire);
                let _ = os::wait::readable(&[capture.as_fd()], Some(POLL));
                while let Ok(len) = capture.recv(&mut frame) {
                    notes.see(frame.get(..len).unwrap_or(&frame));
                }
                if over {
                    return notes;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("eve".to_owned())
            .spawn(work)?;
        Ok(Eve { stop, thread })
    }

    /// What she has, once everything on the wire has reached her.
    pub(crate) fn notes(self) -> Notes {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_else(|_| Notes::new())
    }
}

/// The payload of the UDP datagram in an Ethernet frame.
fn udp_payload(frame: &[u8]) -> Option<&[u8]> {
    let packet = frame.get(14..)?;
    let (protocol, header_len) = match frame.get(12..14)? {
        [0x08, 0x00] => (packet.get(9)?, usize::from(packet.first()? & 0x0f) * 4),
        [0x86, 0xdd] => (packet.get(6)?, 40),
        _ => return None,
    };
    (*protocol == 17).then(|| packet.get(header_len + 8..))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0u8; 12];
        frame.extend_from_slice(&[0x08, 0x00, 0x45]);
        frame.extend_from_slice(&[0; 8]);
        frame.push(17);
        frame.extend_from_slice(&[0; 10 + 8]);
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn noise_has_eight_bits_a_byte_and_text_has_not() {
        let mut noise = vec![0u8; 1 << 16];
        os::random::fill(&mut noise).unwrap();
        noise[0] = 4;
        let mut notes = Notes::new();
        notes.see(&frame(&noise));
        assert!(notes.entropy() > 7.99, "{}", notes.entropy());
        assert_eq!(notes.sample, noise[..SAMPLE_LEN]);
        let mut relayed = noise.clone();
        (relayed[0], relayed[16]) = (5, 4);
        let mut notes = Notes::new();
        notes.see(&frame(&relayed));
        assert_eq!(notes.sample, relayed[..SAMPLE_LEN]);
        relayed[16] = 1;
        let mut notes = Notes::new();
        notes.see(&frame(&relayed));
        assert!(notes.sample.is_empty(), "only of sealed packets");
        let mut notes = Notes::new();
        notes.see(&frame(
            &[&[4u8; 16][..], &b"plain text ".repeat(200)].concat(),
        ));
        assert!(notes.entropy() < 4.0, "{}", notes.entropy());
    }

    #[test]
    fn a_canary_in_clear_text_is_seen_wherever_it_is() {
        let mut notes = Notes::new();
        notes.see(&frame(&[&[4u8; 100][..], file::CANARY].concat()));
        notes.see(&[&[0u8; 70][..], file::CANARY].concat());
        assert_eq!((notes.packets, notes.canaries), (2, 2));
    }
}
