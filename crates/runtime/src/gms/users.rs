//! Passwords, on a thread of their own: hashing one takes some 20 ms and 19 MiB, and agents do not wait for that.
//!
//! ```text
//!   server's thread ── Job (bounded) ──▶ kumi-password, one at a time
//!                   ◀── Ask::Checked, Ask::Hashed ──
//! ```
//!
//! | limit | value |
//! |---|---|
//! | passwords that wait | [`JOBS_MAX`]: some 12 s of work; who comes then is told to come later |
//! | at once | 1 |

use super::{Server, answer};
use crate::orders::{Ask, By, command_of};
use crate::refusals::{order_error, refused};
use api::{ApiError, Code, ManageRequest, Reply, Response, UserPassword};
use control::Role;
use control::service::Check;
use identity::crypto::random;
use identity::password::Verifier;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::Builder;

/// Most passwords that wait to be hashed.
const JOBS_MAX: usize = 512;
/// Stack of the thread; the memory of Argon2id is not on it.
const STACK_LEN: usize = 256 * 1024;

/// Something to hash.
enum Job {
    /// Somebody signs in.
    Check(Check),
    /// An administrator sets a password.
    Hash {
        by: By,
        request: ManageRequest,
        password: UserPassword,
        salt: [u8; 16],
        reply: SyncSender<Reply>,
    },
}

/// The way to the thread, which ends with it.
pub(super) struct Hasher {
    jobs: SyncSender<Job>,
}

impl Hasher {
    /// Starts the thread; what it finds out goes to `asks`.
    ///
    /// # Errors
    /// There is no thread.
    pub(super) fn start(asks: SyncSender<Ask>) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(JOBS_MAX);
        let thread = Builder::new().name("kumi-password".into());
        thread
            .stack_size(STACK_LEN)
            .spawn(move || run(&waiting, &asks))?;
        Ok(Self { jobs })
    }
}

fn run(waiting: &Receiver<Job>, asks: &SyncSender<Ask>) {
    while let Ok(job) = waiting.recv() {
        let done = match job {
            Job::Check(check) => Ask::Checked {
                f: check.f,
                is_right: check.verifier.is_right(check.password.secret_text()),
            },
            Job::Hash {
                by,
                request,
                password,
                salt,
                reply,
            } => Ask::Hashed {
                by,
                request,
                verifier: Verifier::new(&password.0, salt).map(Box::new),
                reply,
            },
        };
        // The server's thread waits for nothing here, so there will be room.
        if asks.send(done).is_err() {
            return;
        }
    }
}

impl Server {
    /// Lets a password be checked.
    pub(super) fn check(&mut self, check: Check) {
        let f = check.f;
        if self.hasher.jobs.try_send(Job::Check(check)).is_err() {
            self.checked(f, None);
        }
    }

    /// A password was checked, or cannot be now.
    pub(super) fn checked(&mut self, f: wire::NodeAddr, is_right: Option<bool>) {
        let now_unix_s = os::clock::unix_s();
        // What another instance wrote meanwhile counts.
        if let Err(error) = self.catch_up() {
            tracing::debug!(%error, "what others wrote is not known");
        }
        if let Ok((service, store, rng)) = self.opened() {
            service.checked(store, now_unix_s, rng, f, is_right);
        }
    }

    /// An order with a password: it is hashed first, for those who may give it. `None`: it goes on elsewhere, and
    /// `reply` with it.
    pub(super) fn hash_first(
        &mut self,
        now_unix_s: u64,
        by: By,
        mut request: ManageRequest,
        reply: SyncSender<Reply>,
    ) {
        let password = match &mut request {
            ManageRequest::AddUser { password, .. }
            | ManageRequest::SetPassword { password, .. } => std::mem::take(&mut password.0),
            _ => String::new(),
        };
        let password = UserPassword(password);
        let actor = self.known(now_unix_s, &by);
        let may = actor.and_then(|actor| {
            let (service, ..) = self.opened()?;
            let may = service.tenant().authorize(now_unix_s, actor, Role::Admin);
            may.map_err(|refusal| refused(&refusal))
        });
        if let Err(error) = may {
            return answer(&reply, Err(error));
        }
        let job = Job::Hash {
            by,
            request,
            password,
            salt: random(&mut self.rng),
            reply,
        };
        let full = match self.hasher.jobs.try_send(job) {
            Ok(()) => return,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => job,
        };
        if let Job::Hash { reply, .. } = full {
            answer(&reply, Err(ApiError::new(Code::Busy)));
        }
    }

    /// The same when it is hashed.
    pub(super) fn hashed(
        &mut self,
        now_unix_s: u64,
        by: &By,
        request: ManageRequest,
        verifier: Option<Verifier>,
    ) -> Reply {
        let no_memory = || ApiError::new(Code::Busy);
        let verifier = verifier.ok_or_else(no_memory)?;
        let actor = self.known(now_unix_s, by)?;
        let (service, store, rng) = self.opened()?;
        let command = command_of(request, Some(verifier))?;
        let done = service.order(store, now_unix_s, rng, actor, &command);
        done.map_err(|error| order_error(&error))?;
        Ok(Response::Manage(Box::new(api::ManageResponse::Done)))
    }
}
