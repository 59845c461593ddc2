//! Making an identity, renewing its certificate, rotating its root key.

use super::{Keys, NEXT, NODE, Opener, ROOT, State, crypto_failure, rng, write};
use crate::failure::{Exit, Failure};
use crate::passphrase::Source;
use identity::crypto::AwsLc;
use identity::sealed::KeyFile;
use identity::{
    HotKeys, Inception, IssueError, KeyHistory, LocalIdentity, PublicIdentity, RootSecret, Scopes,
    Terms, VALIDITY_DEFAULT_S, issue_certificate, next_counter,
};
use std::path::PathBuf;
use wire::statement::ROTATIONS_MAX;

/// What came of looking at the certificate's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It is not near.
    NotDue,
    /// There is a new certificate, valid until then (Unix seconds).
    Renewed(u64),
    /// It ends then, and the root key is sealed or not here.
    Impossible(u64),
}

impl Keys<'_> {
    /// Makes an identity; the root keys are sealed when there is a passphrase.
    ///
    /// # Errors
    /// There is one already, or the files cannot be written.
    pub(crate) fn create(&self, passphrase: Option<&str>) -> Result<PublicIdentity, Failure> {
        let _lock = self.lock()?;
        self.refuse_existing()?;
        self.settle(None)?;
        let mut rng = rng()?;
        let new = Inception::create(&AwsLc, &mut rng, None);
        let new = new.map_err(|error| crypto_failure(&error))?;
        let hot = HotKeys::generate(&AwsLc, &mut rng);
        let public = certify(&new.root, new.history, &hot, 0, Scopes::ALL)?;
        let address = public.address();
        let keys = [
            (ROOT, write(&KeyFile::Root(new.root), address, passphrase)?),
            (NEXT, write(&KeyFile::Next(new.next), address, passphrase)?),
            (NODE, write(&KeyFile::Hot(hot), address, None)?),
        ];
        self.commit(&public, &keys)?;
        Ok(public)
    }

    fn refuse_existing(&self) -> Result<(), Failure> {
        if self.exist() {
            let file = self.path(super::IDENTITY);
            return Err(
                Failure::new(Exit::Failed, "error-identity-exists").with("file", file.display())
            );
        }
        for name in [ROOT, NEXT, NODE] {
            let file = self.path(name);
            if std::fs::symlink_metadata(&file).is_ok() {
                return Err(
                    Failure::new(Exit::Failed, "error-file-exists").with("file", file.display())
                );
            }
        }
        Ok(())
    }

    /// Renews the certificate when it ends soon and the root key is at hand. A sealed root
    /// key counts as at hand only when somebody may be asked for its passphrase.
    ///
    /// # Errors
    /// A file is damaged or cannot be written, or the passphrase is wrong.
    pub(crate) fn renew(&self, opener: &mut Opener<'_>, may_ask: bool) -> Result<Renewal, Failure> {
        let public = self.public()?;
        if !public.certificate.expires_soon(os::clock::unix_s()) {
            return Ok(Renewal::NotDue);
        }
        let _lock = self.lock()?;
        // Somebody else may have renewed or rotated meanwhile.
        let public = self.public()?;
        let until = public.certificate.not_after_unix_s;
        match self.state(ROOT, public.address())? {
            State::Absent => return Ok(Renewal::Impossible(until)),
            State::Sealed if !may_ask => return Ok(Renewal::Impossible(until)),
            State::Sealed | State::Open => {}
        }
        let hot = self.hot(opener, &public)?;
        let renewed = self.reissue(opener, public, &hot)?;
        Ok(Renewal::Renewed(renewed.certificate.not_after_unix_s))
    }

    /// The same for a running node, which has its hot keys and asks nobody.
    ///
    /// # Errors
    /// A file is damaged or cannot be written, or another `kumi` is changing the files.
    pub(crate) fn renew_running(&self, hot: &HotKeys) -> Result<runtime::Renewal, Failure> {
        let _lock = self.lock()?;
        let mut public = self.public()?;
        if public.certificate.expires_soon(os::clock::unix_s()) {
            match self.state(ROOT, public.address())? {
                State::Absent => return Ok(runtime::Renewal::Missing),
                State::Sealed => return Ok(runtime::Renewal::Sealed),
                State::Open => {}
            }
            let source = Source::default();
            public = self.reissue(&mut Opener::new(self.context, &source), public, hot)?;
        }
        let local = LocalIdentity::new(public.clone(), hot.clone());
        let local = local.map_err(|error| self.mismatch(NODE, &public, &error))?;
        Ok(runtime::Renewal::Renewed(Box::new(local)))
    }

    /// A new certificate for the same keys, on disk.
    fn reissue(
        &self,
        opener: &mut Opener<'_>,
        public: PublicIdentity,
        hot: &HotKeys,
    ) -> Result<PublicIdentity, Failure> {
        let root = self.root(opener, &public)?;
        let (counter, scopes) = (public.certificate.counter, public.certificate.scopes);
        let renewed = certify(&root, public.history, hot, counter, scopes)?;
        self.commit(&renewed, &[])?;
        Ok(renewed)
    }

    /// Makes the next root key the root key, and a new next one. Returns the new public
    /// half and where the new next root key is.
    ///
    /// # Errors
    /// The next root key is not there; a file is damaged; the log is full.
    pub(crate) fn rotate(
        &self,
        opener: &mut Opener<'_>,
    ) -> Result<(PublicIdentity, PathBuf), Failure> {
        let _lock = self.lock()?;
        let public = self.public()?;
        let address = public.address();
        let file = self.path(NEXT);
        let sealed = match self.state(NEXT, address)? {
            State::Absent => {
                return Err(
                    Failure::new(Exit::Failed, "error-next-missing").with("file", file.display())
                );
            }
            state => state == State::Sealed,
        };
        let next = self.next(opener, &public)?;
        let hot = self.hot(opener, &public)?;
        let rotated = identity::rotate(&AwsLc, &mut rng()?, &public.history, next);
        let rotated = rotated.map_err(|error| match error {
            IssueError::LogFull => {
                Failure::new(Exit::Failed, "error-log-full").with("max", ROTATIONS_MAX)
            }
            other => self.mismatch(NEXT, &public, &other),
        })?;
        let (counter, scopes) = (public.certificate.counter, public.certificate.scopes);
        let new = certify(&rotated.root, rotated.history, &hot, counter, scopes)?;
        // What was sealed stays sealed, by the passphrase that opened it.
        let passphrase = opener.known.as_ref().filter(|_| sealed);
        let passphrase = passphrase.map(|passphrase| passphrase.as_str());
        let keys = [
            (
                ROOT,
                write(&KeyFile::Root(rotated.root), address, passphrase)?,
            ),
            (
                NEXT,
                write(&KeyFile::Next(rotated.next), address, passphrase)?,
            ),
        ];
        self.commit(&new, &keys)?;
        Ok((new, file))
    }
}

/// A certificate for these hot keys, valid from now on, above `last`.
pub(super) fn certify(
    root: &RootSecret,
    history: KeyHistory,
    hot: &HotKeys,
    last: u64,
    scopes: Scopes,
) -> Result<PublicIdentity, Failure> {
    let now_unix_s = os::clock::unix_s();
    let terms = Terms {
        counter: next_counter(last, now_unix_s),
        not_before_unix_s: now_unix_s,
        not_after_unix_s: now_unix_s.saturating_add(VALIDITY_DEFAULT_S),
        scopes,
    };
    let certificate = issue_certificate(&AwsLc, root, &history, hot, &terms);
    let certificate = certificate.map_err(|error| crypto_failure(&error))?;
    Ok(PublicIdentity {
        history,
        certificate,
    })
}
