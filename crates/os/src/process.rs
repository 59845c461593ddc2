//! This process: background start with a readiness message, signals, memory and dumps.
//!
//! A background start re-executes the program ([`spawn_daemon`]); there is no `fork`
//! without `exec`, so it is safe from any thread. The child's standard output is the
//! readiness channel: one line, written by [`report_ready`], which then lets go of it.
//! Standard error goes to the log file.

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::os::unix::thread::JoinHandleExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest readiness line that [`Daemon::wait_ready`] reads, in bytes.
pub const READY_LINE_LEN_MAX: u64 = 64 * 1024;

/// No core dumps, and no other process of this user may attach or read this one's memory.
/// Call it before secrets are read.
///
/// # Errors
/// The kernel refuses (it does not on Linux).
pub fn forbid_dumps() -> io::Result<()> {
    rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Keeps the resident size small: one malloc arena for all threads, freed memory goes back
/// to the kernel early, and no transparent huge pages. Call it before the first thread.
pub fn keep_memory_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets numbers inside the allocator; it is called before threads.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 128 * 1024);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 * 1024);
    }
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Gives free pages of the heap back to the kernel.
pub fn forget_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the C library's own function; it locks its heap.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets go of the program's own code and constants: what runs on is mapped again from the page cache when it is
/// needed. Half of a small node's resident size is what only its start needed.
pub fn forget_code() {
    let (Ok(exe), Ok(maps)) = (
        std::fs::read_link("/proc/self/exe"),
        std::fs::read_to_string("/proc/self/maps"),
    ) else {
        return;
    };
    for (start, len) in unwritten(&maps, &exe.to_string_lossy()) {
        let start = std::ptr::without_provenance_mut::<libc::c_void>(start);
        // SAFETY: the range is mapped from the file and was never writable (see `unwritten`), so what
        // is let go of is read again as it was.
        unsafe { libc::madvise(start, len, libc::MADV_DONTNEED) };
    }
}

/// The mappings of a program's file that nobody can have written to, as start and length: its code,
/// and the constants before it. In those behind it the dynamic linker wrote addresses before it
/// protected them.
fn unwritten(maps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.ends_with(program)) {
        let mut words = line.split_ascii_whitespace();
        let (range, rights) = (words.next().unwrap_or_default(), words.next());
        let number = |text| usize::from_str_radix(text, 16).ok();
        let ends = range.split_once('-');
        if let Some((Some(start), Some(end))) = ends.map(|(a, b)| (number(a), number(b))) {
            found.push((start, end.saturating_sub(start)));
        }
        match rights {
            Some("r--p") => {}
            Some("r-xp") => return found,
            _ => break,
        }
    }
    // Without code it is not what was meant.
    Vec::new()
}

/// Raises the soft limit of open files to the hard limit.
pub fn raise_open_files_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
}

/// How many descriptors this process may have (the soft limit).
pub fn open_files_limit() -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    })
}

/// Whether this process has `CAP_NET_ADMIN` in its network namespace's owner, that is, may
/// make interfaces here.
pub fn may_configure_network() -> bool {
    rustix::thread::capabilities(None).is_ok_and(|sets| {
        sets.effective
            .contains(rustix::thread::CapabilitySet::NET_ADMIN)
    })
}

/// Waits until a thread has ended that may be waiting in a read: interrupts it until it looks
/// whether it shall end. Call [`allow_interrupts`] first.
///
/// # Errors
/// The thread panicked.
pub fn join_interrupted<T>(thread: JoinHandle<T>) -> std::thread::Result<T> {
    while !thread.is_finished() {
        // SAFETY: the handle has not been joined, so the thread's number is still its own; the
        // signal has a handler that does nothing.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), INTERRUPT) };
        // It may have been about to wait when the signal came.
        std::thread::sleep(INTERRUPT_AGAIN);
    }
    thread.join()
}

/// Lets [`join_interrupted`] interrupt reads of this process without any other effect.
///
/// # Errors
/// The kernel refuses the handler.
pub fn allow_interrupts() -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: sigaction is plain data for which all zeroes are valid: no flags, so that reads are
    // not begun again, and nothing blocked. The handler does nothing, which is safe at any time.
    let set = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int) = nothing;
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        libc::sigaction(INTERRUPT, &raw const action, std::ptr::null_mut())
    };
    if set == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Interrupts a read.
const INTERRUPT: libc::c_int = libc::SIGUSR2;
const INTERRUPT_AGAIN: Duration = Duration::from_millis(2);

/// Lets every other thread of this process go first from now on: this one works in the time that
/// they leave.
pub fn step_back() {
    let _ = rustix::process::nice(BACK);
}

/// How far [`step_back`] goes, in steps of nice(2).
const BACK: i32 = 5;

/// The signals that a daemon reacts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: stop in order.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
}

/// SIGTERM, SIGINT and SIGHUP as a descriptor instead of interruptions.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks the three signals in this thread and those it starts afterwards, so call it
    /// before the first thread, and opens a descriptor that they arrive on.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn catch() -> io::Result<Self> {
        // SAFETY: the set is initialised by sigemptyset before use; the calls only read it.
        let fd = unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
                libc::sigaddset(&raw mut set, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
            libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just opened and belongs to nobody else.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal that has arrived, without waiting.
    pub fn next(&self) -> Option<Signal> {
        const INFO_LEN: usize = size_of::<libc::signalfd_siginfo>();
        let mut info = [0u8; INFO_LEN];
        let read = rustix::io::read(&self.0, &mut info).ok()?;
        let number = u32::from_ne_bytes(*info.first_chunk::<4>()?);
        match i32::try_from(number).ok()? {
            _ if read != INFO_LEN => None,
            libc::SIGHUP => Some(Signal::Reload),
            _ => Some(Signal::Stop),
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A daemon that was just started in the background.
#[derive(Debug)]
pub struct Daemon {
    /// Its process id.
    pub pid: u32,
    stdout: ChildStdout,
}

/// Starts this program again with `args` in a session of its own, its standard error in
/// `log`, its working directory `/`. It outlives the caller.
///
/// # Errors
/// The program could not be started.
pub fn spawn_daemon(args: &[OsString], log: File) -> io::Result<Daemon> {
    let mut command = Command::new("/proc/self/exe");
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .current_dir("/");
    // SAFETY: setsid and the signal mask calls are async-signal-safe; no memory is allocated.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            Ok(())
        });
    }
    let mut child = command.spawn()?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Daemon {
        pid: child.id(),
        stdout,
    })
}

impl Daemon {
    /// Waits for the line of [`report_ready`]; `None` when the daemon ended without one
    /// (its log says why).
    ///
    /// # Errors
    /// The line is not UTF-8.
    pub fn wait_ready(self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let limited = io::Read::take(self.stdout, READY_LINE_LEN_MAX);
        BufReader::new(limited).read_line(&mut line)?;
        Ok(line.strip_suffix('\n').map(str::to_owned))
    }
}

/// In the daemon: sends `line` (newlines become spaces) to the starter and points standard
/// output at standard error.
///
/// # Errors
/// The starter is gone, or the descriptors cannot be changed.
pub fn report_ready(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", line.replace('\n', " "))?;
    stdout.flush()?;
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok(())
}

/// Starts this program again as a part of itself: `verb` is its first argument, `socket` its
/// standard input and the end by which it knows that this process has ended. It gets no
/// variables, no standard output, this process's standard error, and no signals of a terminal.
///
/// # Errors
/// The program could not be started.
pub fn spawn_part(verb: &str, socket: OwnedFd) -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .arg0("kumi")
        .arg(verb)
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .process_group(0)
        .current_dir("/")
        .env_clear()
        .spawn()
}

/// Whether a process with this id exists (it may belong to somebody else).
pub fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return false;
    };
    !matches!(
        rustix::process::test_kill_process(pid),
        Err(rustix::io::Errno::SRCH)
    )
}

/// The real user id of this process.
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// This process's resident memory in KiB.
///
/// # Errors
/// `/proc` is not mounted.
pub fn resident_kib() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_what_lies_before_it_is_unwritten_and_nothing_else() {
        let maps = "\
            1000-3000 r--p 00000000 fe:00 7 /usr/bin/kumi\n\
            3000-9000 r-xp 00002000 fe:00 7 /usr/bin/kumi\n\
            9000-a000 r--p 00008000 fe:00 7 /usr/bin/kumi\n\
            a000-b000 rw-p 00009000 fe:00 7 /usr/bin/kumi\n\
            b000-c000 r-xp 00000000 fe:00 8 /lib/libc.so.6\n";
        let found = unwritten(maps, "/usr/bin/kumi");
        assert_eq!(found, [(0x1000, 0x2000), (0x3000, 0x6000)]);
        assert_eq!(unwritten(maps, "/usr/bin/other"), []);
        let strange = maps.replacen("3000-9000 r-xp", "3000-9000 rwxp", 1);
        assert_eq!(unwritten(&strange, "/usr/bin/kumi"), []);
        assert_eq!(unwritten("nonsense /usr/bin/kumi\n", "/usr/bin/kumi"), []);
    }

    #[test]
    fn a_process_goes_on_without_what_its_start_needed() {
        let names = || -> Vec<String> { (0..100).map(|n| format!("{n} {}", file!())).collect() };
        let before = names();
        forget_code();
        forget_heap();
        assert_eq!(names(), before);
    }
}
