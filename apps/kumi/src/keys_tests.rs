//! The life of an identity's files: made, read, rotated, sealed, lost, brought back; and
//! what is said of each way in which a file can be wrong.

use super::*;
use crate::keys::issue::Renewal;
use std::os::unix::fs::PermissionsExt;

/// A state directory that is removed at the end.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn new(name: &str) -> Place {
        let name = format!("kumi-keys-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        os::files::private_directory(&directory).unwrap();
        Place { directory }
    }

    fn context(&self) -> Context {
        Context::for_test(&self.directory)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn passphrase(&self, name: &str, words: &str) -> Source {
        let file = self.file(name);
        os::files::write_private(&file, format!("{words}\n").as_bytes()).unwrap();
        Source::new(&self.context(), Some(&file))
    }

    fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let mut found: Vec<_> = std::fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("identity.lock"))
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        found.sort();
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn no_passphrase() -> Source {
    Source::default()
}

#[test]
fn a_new_identity_has_four_private_files_and_is_never_overwritten() {
    let place = Place::new("new");
    let context = place.context();
    let keys = Keys::new(&context);
    assert_eq!(keys.public().unwrap_err().id, "error-no-identity");
    let public = keys.create(None).unwrap();
    assert_eq!(public.address().as_bytes()[0], 0xfc);
    for name in [IDENTITY, ROOT, NEXT, NODE] {
        let mode = std::fs::metadata(place.file(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    let before = place.contents();
    assert_eq!(keys.create(None).unwrap_err().id, "error-identity-exists");
    std::fs::remove_file(place.file(IDENTITY)).unwrap();
    assert_eq!(keys.create(None).unwrap_err().id, "error-file-exists");
    assert_eq!(place.contents()[..], before[1..]);
}

#[test]
fn what_was_made_can_be_used() {
    let place = Place::new("use");
    let context = place.context();
    let keys = Keys::new(&context);
    let made = keys.create(None).unwrap();
    let source = no_passphrase();
    let local = keys.local(&mut Opener::new(&context, &source)).unwrap();
    assert_eq!(local.public, made);
    let now = os::clock::unix_s();
    assert!(made.verify(&AwsLc, now, None).is_ok());
    let renewal = keys.renew(&mut Opener::new(&context, &source), false);
    assert_eq!(renewal, Ok(Renewal::NotDue));
}

#[test]
fn each_way_in_which_a_file_is_wrong_has_its_own_words_and_changes_nothing() {
    let place = Place::new("wrong");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let good = std::fs::read(place.file(NODE)).unwrap();
    let root = std::fs::read(place.file(ROOT)).unwrap();
    let mut newer = good.clone();
    newer[12] = 9;
    for (bytes, message) in [
        (&good[..good.len() - 1], "error-key-truncated"),
        (&good[..20], "error-key-truncated"),
        (&[][..], "error-key-truncated"),
        (&newer[..], "error-key-foreign-version"),
        (
            &b"-----BEGIN OPENSSH PRIVATE KEY-----"[..],
            "error-key-not-a-key",
        ),
        (&root[..], "error-key-kind"),
    ] {
        os::files::write_private(&place.file(NODE), bytes).unwrap();
        let before = place.contents();
        let source = no_passphrase();
        let failure = keys.local(&mut Opener::new(&context, &source)).unwrap_err();
        assert_eq!(failure.id, message);
        let [what, _, fix] = failure.sentences(&context.text);
        assert!(
            what.contains("node.key") && fix.starts_with("It was not changed."),
            "{what} {fix}"
        );
        assert_eq!(place.contents(), before, "{message}");
    }
}

#[test]
fn a_damaged_public_half_is_named() {
    let place = Place::new("public");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let good = std::fs::read(place.file(IDENTITY)).unwrap();
    os::files::write_private(&place.file(IDENTITY), &good[..good.len() / 2]).unwrap();
    let failure = keys.public().unwrap_err();
    assert_eq!(failure.id, "error-key-truncated");
    assert!(failure.args["file"].ends_with("/identity"));
    assert_eq!(keys.create(None).unwrap_err().id, "error-identity-exists");
}

#[test]
fn files_of_two_identities_are_not_mixed() {
    let (one, two) = (Place::new("mix1"), Place::new("mix2"));
    let (context, other) = (one.context(), two.context());
    Keys::new(&other).create(None).unwrap();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    std::fs::copy(two.file(NODE), one.file(NODE)).unwrap();
    let source = no_passphrase();
    let failure = keys.local(&mut Opener::new(&context, &source)).unwrap_err();
    assert_eq!(failure.id, "error-identity-mixed");
}

#[test]
fn files_that_others_may_read_are_refused() {
    let place = Place::new("modes");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(place.file(NODE), open).unwrap();
    let source = no_passphrase();
    let failure = keys.local(&mut Opener::new(&context, &source)).unwrap_err();
    assert_eq!(
        (failure.id.as_str(), failure.exit),
        ("error-file-too-open", Exit::Denied)
    );
    let [what, _, fix] = failure.sentences(&context.text);
    assert!(
        what.contains("0644") && fix.contains("chmod go= "),
        "{what} {fix}"
    );
}

#[test]
fn rotation_keeps_the_address_and_needs_the_next_root_key() {
    let place = Place::new("rotate");
    let context = place.context();
    let keys = Keys::new(&context);
    let first = keys.create(None).unwrap();
    let source = no_passphrase();
    let mut opener = Opener::new(&context, &source);
    let (second, _) = keys.rotate(&mut opener).unwrap();
    assert_eq!(second.address(), first.address());
    assert_eq!(second.history.position(), 1);
    assert_ne!(second.history.root_key(), first.history.root_key());
    assert!(second.certificate.counter > first.certificate.counter);
    assert_eq!(second.certificate.noise_key, first.certificate.noise_key);
    let pin = first.verify(&AwsLc, os::clock::unix_s(), None).unwrap();
    assert!(
        second
            .verify(&AwsLc, os::clock::unix_s(), Some(&pin))
            .is_ok()
    );
    assert_eq!(keys.public().unwrap(), second);
    let (third, next) = keys.rotate(&mut opener).unwrap();
    assert_eq!(third.history.position(), 2);
    std::fs::remove_file(next).unwrap();
    let before = place.contents();
    let failure = keys.rotate(&mut opener).unwrap_err();
    assert_eq!(failure.id, "error-next-missing");
    let [_, why, fix] = failure.sentences(&context.text);
    assert!(
        why.contains("next.key") && fix.starts_with("Copy it back"),
        "{why} {fix}"
    );
    assert_eq!(place.contents(), before);
}

#[test]
fn an_old_next_root_key_does_not_rotate() {
    let place = Place::new("oldnext");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let old = std::fs::read(place.file(NEXT)).unwrap();
    let source = no_passphrase();
    let mut opener = Opener::new(&context, &source);
    keys.rotate(&mut opener).unwrap();
    os::files::write_private(&place.file(NEXT), &old).unwrap();
    assert_eq!(
        keys.rotate(&mut opener).unwrap_err().id,
        "error-key-mismatch"
    );
}

#[test]
fn an_interrupted_rotation_is_finished_or_undone() {
    let place = Place::new("crash");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let source = no_passphrase();
    let mut opener = Opener::new(&context, &source);
    let root = std::fs::read(place.file(ROOT)).unwrap();
    // Before the moment that counts: the new keys lie there, `identity` is the old one.
    os::files::write_private(&place.file("root.key.1.new"), b"new root").unwrap();
    os::files::write_private(&place.file("next.key.1.new"), b"new next").unwrap();
    keys.public().unwrap();
    assert!(!place.file("root.key.1.new").exists() && !place.file("next.key.1.new").exists());
    assert_eq!(std::fs::read(place.file(ROOT)).unwrap(), root);
    // After it: `identity` is the new one, the names are still the old ones.
    let (public, _) = keys.rotate(&mut opener).unwrap();
    for name in [ROOT, NEXT] {
        std::fs::rename(place.file(name), place.file(&format!("{name}.1.new"))).unwrap();
    }
    os::files::write_private(&place.file(ROOT), &root).unwrap();
    assert_eq!(keys.public().unwrap(), public);
    assert!(keys.root(&mut opener, &public).is_ok());
    assert!(keys.next(&mut opener, &public).is_ok());
}

#[test]
fn sealed_keys_open_with_their_passphrase_only() {
    let place = Place::new("seal");
    let context = place.context();
    let keys = Keys::new(&context);
    let address = keys.create(None).unwrap().address();
    let right = place.passphrase("pass1", "correct horse battery");
    let wrong = place.passphrase("pass2", "incorrect horse battery");
    let words = right.new_one(&context, "passphrase-new").unwrap();
    let names = [ROOT, NEXT, NODE];
    let mut opener = Opener::new(&context, &right);
    assert_eq!(keys.seal(&names, &mut opener, &words), Ok(names.to_vec()));
    for name in names {
        assert_eq!(keys.state(name, address), Ok(State::Sealed), "{name}");
    }
    assert!(keys.local(&mut Opener::new(&context, &right)).is_ok());
    let before = place.contents();
    let failure = keys.local(&mut Opener::new(&context, &wrong)).unwrap_err();
    assert_eq!(failure.id, "error-key-passphrase");
    assert!(failure.args["file"].ends_with("/node.key"));
    assert_eq!(place.contents(), before);
    // What was sealed stays sealed when the root key is rotated.
    keys.rotate(&mut Opener::new(&context, &right)).unwrap();
    for name in names {
        assert_eq!(keys.state(name, address), Ok(State::Sealed), "{name}");
    }
}

#[test]
fn a_backup_brings_back_what_is_missing_and_overwrites_nothing() {
    let place = Place::new("backup");
    let context = place.context();
    let keys = Keys::new(&context);
    let public = keys.create(None).unwrap();
    let source = place.passphrase("pass", "a long enough passphrase");
    let words = source.new_one(&context, "passphrase-backup").unwrap();
    let file = place.file("identity.kumi");
    let mut opener = Opener::new(&context, &source);
    assert_eq!(
        keys.backup(&file, &mut opener, &words),
        Ok(public.address())
    );
    let again = keys.backup(&file, &mut opener, &words).unwrap_err();
    assert_eq!(again.id, "error-file-exists");
    // Nothing is missing.
    let before = place.contents();
    assert!(keys.restore(&file, &mut opener).unwrap().files.is_empty());
    assert_eq!(place.contents(), before);
    // The next root key was taken offline and lost.
    std::fs::remove_file(place.file(NEXT)).unwrap();
    assert_eq!(keys.restore(&file, &mut opener).unwrap().files, [NEXT]);
    assert!(keys.rotate(&mut opener).is_ok());
    // Now the backup is too old.
    let failure = keys.restore(&file, &mut opener).err().unwrap();
    assert_eq!(failure.id, "error-backup-old");
    // A new machine: same address, higher counter.
    let new = Place::new("backup-new");
    let other = new.context();
    let source = new.passphrase("pass", "a long enough passphrase");
    let mut opener = Opener::new(&other, &source);
    let restored = Keys::new(&other).restore(&file, &mut opener).unwrap();
    assert_eq!(restored.files, [IDENTITY, ROOT, NEXT, NODE]);
    let reborn = Keys::new(&other).local(&mut opener).unwrap().public;
    assert_eq!(reborn.address(), public.address());
    assert!(reborn.certificate.counter > public.certificate.counter);
    // A backup of somebody else.
    let third = Place::new("backup-third");
    let context = third.context();
    Keys::new(&context).create(None).unwrap();
    let failure = Keys::new(&context)
        .restore(&file, &mut opener)
        .err()
        .unwrap();
    assert_eq!(failure.id, "error-backup-other");
}

/// Replaces the certificate by one with this validity.
fn certify_until(keys: &Keys<'_>, not_after_unix_s: u64) {
    let (context, source) = (keys.context, no_passphrase());
    let mut opener = Opener::new(context, &source);
    let public = keys.public().unwrap();
    let (root, hot) = (
        keys.root(&mut opener, &public).unwrap(),
        keys.hot(&mut opener, &public).unwrap(),
    );
    let terms = identity::Terms {
        counter: public.certificate.counter + 1,
        not_before_unix_s: not_after_unix_s - identity::VALIDITY_DEFAULT_S,
        not_after_unix_s,
        scopes: identity::Scopes::ALL,
    };
    let certificate =
        identity::issue_certificate(&AwsLc, &root, &public.history, &hot, &terms).unwrap();
    let public = PublicIdentity {
        certificate,
        ..public
    };
    keys.commit(&public, &[]).unwrap();
}

#[test]
fn a_running_node_renews_with_the_root_key_and_says_what_is_in_the_way_without() {
    let place = Place::new("renew");
    let context = place.context();
    let keys = Keys::new(&context);
    keys.create(None).unwrap();
    let source = no_passphrase();
    let hot = keys.local(&mut Opener::new(&context, &source)).unwrap().hot;
    let soon = os::clock::unix_s() + 9 * 86_400;
    certify_until(&keys, soon);
    let before = keys.public().unwrap();
    let Ok(runtime::Renewal::Renewed(local)) = keys.renew_running(&hot) else {
        panic!("not renewed");
    };
    let renewed = keys.public().unwrap();
    assert_eq!(local.public, renewed, "what it uses is on disk");
    assert!(renewed.certificate.not_after_unix_s > soon + 20 * 86_400);
    assert!(renewed.certificate.counter > before.certificate.counter);
    assert_eq!(renewed.certificate.noise_key, before.certificate.noise_key);
    // Not due: what is on disk is taken, whoever wrote it, and nothing changes.
    let files = place.contents();
    assert!(matches!(
        keys.renew_running(&hot),
        Ok(runtime::Renewal::Renewed(_))
    ));
    assert_eq!(place.contents(), files);
    // Sealed, then gone.
    certify_until(&keys, soon);
    let words = place.passphrase("words", "four words are enough");
    let mut opener = Opener::new(&context, &source);
    let sealed = words.new_one(&context, "passphrase-new").unwrap();
    keys.seal(&[ROOT], &mut opener, &sealed).unwrap();
    assert!(matches!(
        keys.renew_running(&hot),
        Ok(runtime::Renewal::Sealed)
    ));
    std::fs::remove_file(keys.path(ROOT)).unwrap();
    assert!(matches!(
        keys.renew_running(&hot),
        Ok(runtime::Renewal::Missing)
    ));
    assert_eq!(keys.public().unwrap().certificate.not_after_unix_s, soon);
}
