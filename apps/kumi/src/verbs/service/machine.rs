//! The machine as `kumi service` meets it: who runs services here, and the programs that are
//! asked to: `systemctl`, `loginctl`, `crontab`.

use super::plan::{Machine, Way};
use super::render;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use os::files::FileError;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The unit's name.
pub(super) const UNIT: &str = "kumi.service";
/// The longest unit or crontab that is read, in bytes.
const FILE_LEN_MAX: u64 = 1 << 20;

/// Looks who runs services here.
pub(super) fn look(context: &Context, for_system: bool) -> Machine {
    let private = runtime_directory(context).join("systemd/private");
    Machine {
        for_system,
        // As sd_booted(3).
        systemd: Path::new("/run/systemd/system").is_dir(),
        user_manager: UnixStream::connect(private).is_ok(),
        crontab: in_path(context, "crontab"),
    }
}

fn runtime_directory(context: &Context) -> PathBuf {
    // `su` and cron do not set it, and yet the user manager may run.
    let usual = || PathBuf::from(format!("/run/user/{}", os::process::user_id()));
    context
        .environment
        .path("XDG_RUNTIME_DIR")
        .unwrap_or_else(usual)
}

fn in_path(context: &Context, program: &str) -> bool {
    let path = context.environment.var("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where the unit of a way is.
///
/// # Errors
/// There is no home directory.
pub(super) fn unit_path(context: &Context, way: Way) -> Result<PathBuf, Failure> {
    if way == Way::SystemUnit {
        return Ok(Path::new("/etc/systemd/system").join(UNIT));
    }
    let home = context.environment.path("HOME");
    let home = home.ok_or_else(|| Failure::new(Exit::Failed, "error-no-home"))?;
    Ok(home.join(".config/systemd/user").join(UNIT))
}

/// The unit that we wrote at `path`; `None` when there is none.
///
/// # Errors
/// Somebody else wrote it, or it cannot be read.
pub(super) fn our_unit(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let io = |source| io_failure(path, source);
    // A link, such as that of a masked unit, is not ours either.
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let bytes = match found.is_file() && found.len() <= FILE_LEN_MAX {
        true => std::fs::read(path).map_err(io)?,
        false => Vec::new(),
    };
    match render::is_our_unit(&bytes) {
        true => Ok(Some(bytes)),
        false => {
            Err(Failure::new(Exit::Failed, "error-service-foreign").with("file", path.display()))
        }
    }
}

/// Writes a unit, which everybody may read.
///
/// # Errors
/// It cannot be written; the old one stays.
pub(super) fn write_unit(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let io = |source| io_failure(path, source);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    os::files::write_private(path, bytes).map_err(file_failure)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).map_err(io)
}

/// Removes a unit, and the link by which it is enabled if `systemctl` has left it.
///
/// # Errors
/// It cannot be removed.
pub(super) fn remove_unit(path: &Path) -> Result<(), Failure> {
    for wants in ["multi-user.target.wants", "default.target.wants"] {
        let link = path.with_file_name(wants).join(UNIT);
        if std::fs::read_link(&link).is_ok_and(|target| target == path) {
            let _ = std::fs::remove_file(&link);
        }
    }
    std::fs::remove_file(path).map_err(|source| io_failure(path, source))
}

fn io_failure(path: &Path, source: std::io::Error) -> Failure {
    let path = path.to_owned();
    file_failure(FileError::Io { path, source })
}

/// Runs `systemctl`.
///
/// # Errors
/// It is missing, or fails.
pub(super) fn systemctl(context: &Context, way: Way, args: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new("systemctl");
    if way == Way::UserUnit {
        command
            .arg("--user")
            .env("XDG_RUNTIME_DIR", runtime_directory(context));
    }
    command.args(args);
    succeed(&mut command, b"").map(|_| ())
}

/// Whether services of this account run without a login.
pub(super) fn lingers() -> bool {
    let user = os::process::user_id().to_string();
    let mut command = Command::new("loginctl");
    command.args(["show-user", &user, "--property=Linger", "--value"]);
    succeed(&mut command, b"").is_ok_and(|output| output.stdout.trim_ascii() == b"yes")
}

/// This account's crontab; empty when there is none.
///
/// # Errors
/// It cannot be had, or is too long.
pub(super) fn crontab() -> Result<Vec<u8>, Failure> {
    let mut command = Command::new("crontab");
    command.arg("-l").env("LC_ALL", "C");
    let output = output(&mut command, b"")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true if output.stdout.len() as u64 <= FILE_LEN_MAX => Ok(output.stdout),
        true => Err(failed(&command, format!("> {FILE_LEN_MAX} bytes"))),
        // To take another failure for an empty crontab would lose what is in it.
        false if said.contains("no crontab for") => Ok(Vec::new()),
        false => Err(failed(&command, said)),
    }
}

/// Replaces this account's crontab; an empty one is removed.
///
/// # Errors
/// cron does not take it.
pub(super) fn set_crontab(bytes: &[u8]) -> Result<(), Failure> {
    let mut command = Command::new("crontab");
    command.arg(if bytes.is_empty() { "-r" } else { "-" });
    succeed(&mut command, bytes).map(|_| ())
}

/// The first of the program and the directories above it that another account than root may
/// change.
pub(super) fn changeable_by_others(program: &Path) -> Option<PathBuf> {
    const STICKY: u32 = 0o1000;
    let safe = |path: &&Path| {
        std::fs::metadata(path).is_ok_and(|found| {
            let closed = found.mode() & 0o022 == 0 || found.mode() & STICKY != 0;
            found.uid() == 0 && closed
        })
    };
    program
        .ancestors()
        .find(|path| !safe(path))
        .map(Path::to_owned)
}

fn succeed(command: &mut Command, input: &[u8]) -> Result<Output, Failure> {
    let output = output(command, input)?;
    match output.status.success() {
        true => Ok(output),
        false => Err(failed(command, String::from_utf8_lossy(&output.stderr))),
    }
}

fn output(command: &mut Command, input: &[u8]) -> Result<Output, Failure> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(command, error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // It reads everything before it writes; one that does not says why at its end.
        let _ = stdin.write_all(input);
    }
    child
        .wait_with_output()
        .map_err(|error| failed(command, error))
}

fn failed(command: &Command, detail: impl std::fmt::Display) -> Failure {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let detail = detail.to_string();
    let detail: Vec<&str> = detail.split_whitespace().collect();
    Failure::new(Exit::Failed, "error-service-command")
        .with("command", words.join(" "))
        .with("detail", detail.join(" "))
}
