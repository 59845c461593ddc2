//! A real PostgreSQL server of Debian's package, in a directory of its own and on a Unix socket (and on
//! 127.0.0.1 or an address of a namespace, if it is asked for).
//!
//! It refuses to be root's, so it runs as the user `postgres` or `nobody`. It is ended by its PID.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// The password of `kumi` over a network.
pub const PASSWORD: &str = "four-words";
const LIMIT: Duration = Duration::from_secs(60);

static COUNT: AtomicU32 = AtomicU32::new(0);
static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// A running server.
pub struct Postgres {
    directory: PathBuf,
    /// What is put before each program, to run it as somebody.
    before: Vec<String>,
    settings: Vec<String>,
    port: u16,
    running: Mutex<Option<Child>>,
}

impl Postgres {
    /// The one that all tests of a process use that run at the same time.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(|it| it.into_inner());
        if let Some(there) = shared.upgrade() {
            return there;
        }
        // Processes die in tests, not the machine: what the kernel has is not lost.
        let new = Arc::new(Self::start(&[], &["fsync=off"]));
        *shared = Arc::downgrade(&new);
        new
    }

    /// Makes one and starts it; `inside` goes before its command line (`ip netns exec …`).
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(inside: &[&str], settings: &[&str]) -> Self {
        let server = Self::make(inside, settings);
        server.start_again();
        server
    }

    /// One that is reached by TLS at an address and port, too, by the user `kumi` with [`PASSWORD`].
    /// Its certificate is for `names`, as openssl writes them (`DNS:db.example`), and comes from
    /// [`Self::authority`].
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start_by_tls(inside: &[&str], address: &str, port: u16, names: &str) -> Self {
        let settings = [
            format!("listen_addresses={address}"),
            format!("port={port}"),
            "ssl=on".to_owned(),
            "ssl_cert_file=../server.pem".to_owned(),
            "ssl_key_file=../server.key".to_owned(),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let server = Self::make(inside, &settings);
        server.certify(names);
        let rules = "local all all trust\nhostssl all all all scram-sha-256\n";
        std::fs::write(server.data().join("pg_hba.conf"), rules).expect("rules");
        server.start_again();
        let password = format!("ALTER USER kumi PASSWORD '{PASSWORD}'");
        server.sql("postgres", &password);
        server
    }

    /// Makes an authority, and a certificate of it for this server.
    fn certify(&self, names: &str) {
        let make = |name: &str, more: &[&str]| {
            let mut openssl = self.command("openssl");
            openssl.args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]);
            openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=test"]);
            openssl.args(["-keyout", &format!("{name}.key")]);
            run(openssl.args(["-out", &format!("{name}.pem")]).args(more));
        };
        make("authority", &[]);
        let names = format!("subjectAltName={names}");
        let by = ["-CA", "authority.pem", "-CAkey", "authority.key"];
        let leaf = ["-addext", &names, "-addext", "basicConstraints=CA:FALSE"];
        make("server", &[by, leaf].concat());
    }

    /// The file with the certificate of whoever certified it.
    #[must_use]
    pub fn authority(&self) -> String {
        self.directory.join("authority.pem").display().to_string()
    }

    fn make(inside: &[&str], settings: &[&str]) -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kumi-pg-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory");
        let mut before: Vec<String> = inside.iter().map(|it| (*it).to_owned()).collect();
        if is_root() {
            let (user, group) = user();
            let owner = format!("{user}:{group}");
            run(Command::new("chown").arg(&owner).arg(&directory));
            let as_user = [
                "setpriv",
                "--reuid",
                &user,
                "--regid",
                &group,
                "--clear-groups",
            ];
            before.extend(as_user.map(str::to_owned));
        }
        let mut port = settings.iter().filter_map(|it| it.strip_prefix("port="));
        let port = port.find_map(|it| it.parse().ok());
        let server = Self {
            directory,
            before,
            settings: settings.iter().map(|it| (*it).to_owned()).collect(),
            port: port.unwrap_or(5432),
            running: Mutex::new(None),
        };
        let mut init = server.program("initdb");
        init.args([
            "-U",
            "kumi",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "-D",
        ]);
        run(init.arg(server.data()));
        server
    }

    /// Starts it after [`Self::stop`] or [`Self::kill`].
    ///
    /// # Panics
    /// It does not come up.
    pub fn start_again(&self) {
        let mut options = std::fs::File::options();
        let log = options.append(true).create(true);
        let log = log.open(self.directory.join("log")).expect("a log");
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .arg("-k")
            .arg(&self.directory);
        command.args(["-c", "listen_addresses="]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let child = command
            .spawn()
            .expect("postgres; it is in Debian's package postgresql");
        *self.running() = Some(child);
        self.wait();
    }

    /// Waits until it takes connections.
    ///
    /// # Panics
    /// It does not.
    pub fn wait(&self) {
        let started = Instant::now();
        while self.try_sql("postgres", "SELECT 1").is_none() {
            let log = || std::fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(started.elapsed() < LIMIT, "no database: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as an administrator does.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Ends it without warning.
    pub fn kill(&self) {
        self.end("KILL");
    }

    /// Sends its first process a signal: `STOP`, `CONT`.
    ///
    /// # Panics
    /// It does not run.
    pub fn signal(&self, name: &str) {
        let pid = self.running().as_ref().expect("a server").id();
        signal(pid, name);
    }

    fn end(&self, name: &str) {
        if let Some(mut child) = self.running().take() {
            signal(child.id(), name);
            let _ = child.wait();
        }
    }

    /// The place of a new, empty database.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn database(&self) -> String {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("d{number}");
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The place of a database, by the Unix socket.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql:///{database}?user=kumi&host={}&port={}",
            self.socket().display(),
            self.port
        )
    }

    /// The directory of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.directory
    }

    /// What a statement gives, as text.
    ///
    /// # Panics
    /// It fails.
    pub fn sql(&self, database: &str, statement: &str) -> String {
        self.try_sql(database, statement)
            .unwrap_or_else(|| panic!("{statement}"))
    }

    fn try_sql(&self, database: &str, statement: &str) -> Option<String> {
        let mut psql = Command::new("psql");
        psql.args([
            "-X", "-q", "-t", "-A", "-U", "kumi", "-d", database, "-c", statement,
        ]);
        psql.args(["-p", &self.port.to_string()]);
        let output = psql.arg("-h").arg(&self.directory).output().expect("psql");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// The processes that serve `kumi`.
    #[must_use]
    pub fn backends(&self) -> Vec<u32> {
        let query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'kumi gms'";
        let found = self.try_sql("postgres", query).unwrap_or_default();
        found.lines().filter_map(|it| it.parse().ok()).collect()
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn program(&self, name: &str) -> Command {
        self.command(&format!("{PROGRAMS}/{name}"))
    }

    /// A program as whom the server belongs to, in its directory.
    fn command(&self, program: &str) -> Command {
        let words = self.before.iter().map(String::as_str);
        let mut words = words.chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words).current_dir(&self.directory);
        command
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(|it| it.into_inner())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Sends a process a signal.
///
/// # Panics
/// There is no program `kill`.
pub fn signal(pid: u32, name: &str) {
    let pid = pid.to_string();
    let _ = Command::new("kill")
        .args(["-s", name, &pid])
        .status()
        .expect("kill");
}

fn is_root() -> bool {
    let own = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    own.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// Whom the server belongs to.
fn user() -> (String, String) {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let has = passwd.lines().any(|line| line.starts_with("postgres:"));
    let (user, group) = if has {
        ("postgres", "postgres")
    } else {
        ("nobody", "nogroup")
    };
    (user.to_owned(), group.to_owned())
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
}
