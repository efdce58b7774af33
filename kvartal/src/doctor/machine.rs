//! Checks of the machine itself.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use kvartal_kernel::{Clock, SystemClock};
use kvartal_store::{Store, StoreOptions};

use super::{Args, Check};

const GROUP: &str = "Machine";
/// Enough for the connections the edge accepts, and files beside them.
const OPEN_FILES_WANTED: u64 = 12_000;
const OPEN_FILES_NEEDED: u64 = 512;
const MEMORY_NEEDED_KIB: u64 = 256 * 1024;
const DISK_NEEDED_KIB: u64 = 512 * 1024;

/// Looks at the machine.
pub(super) async fn checks(args: &Args) -> Vec<Check> {
    let mut checks =
        vec![program(), processors(), memory(), open_files(), processes(), clock(), loopback(), local_name()];
    checks.push(port(args.port));
    let folder = Folder::open(args.data_dir.as_deref());
    match &folder {
        Ok(folder) => {
            checks.push(Check::good(GROUP, "data folder", format!("{} is writable", folder.shown.display())));
            checks.push(file_clock(folder));
            checks.push(locks(folder));
            checks.push(sync(folder));
            checks.push(file_system(folder));
            checks.push(space(folder).await);
            checks.push(sqlite(folder).await);
        }
        Err(error) => checks.push(Check::failure(
            GROUP,
            "data folder",
            error.clone(),
            "choose another with --data-dir, or: mkdir -p DIR && chown \"$USER\" DIR",
        )),
    }
    checks
}

fn program() -> Check {
    let detail = format!("{} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    Check::good(GROUP, "kvartal", detail)
}

fn processors() -> Check {
    match std::thread::available_parallelism() {
        Ok(count) if count.get() >= 2 => Check::good(GROUP, "processors", count.to_string()),
        Ok(_) => {
            Check::warning(GROUP, "processors", "1; sign-ins and photos will delay other calls", "give it two or more")
        }
        Err(error) => Check::skipped(GROUP, "processors", error.to_string()),
    }
}

fn memory() -> Check {
    let Some(free) = field("/proc/meminfo", "MemAvailable:") else {
        return Check::skipped(GROUP, "memory", "not known on this system");
    };
    let detail = format!("{} MiB available", free / 1024);
    if free >= MEMORY_NEEDED_KIB {
        Check::good(GROUP, "memory", detail)
    } else {
        Check::failure(GROUP, "memory", detail, "free at least 256 MiB: ps aux --sort=-rss | head")
    }
}

fn open_files() -> Check {
    let Some(limit) = limit("Max open files") else {
        return Check::skipped(GROUP, "open files", "not known on this system");
    };
    let detail = format!("{limit} may be open at once");
    if limit >= OPEN_FILES_WANTED {
        Check::good(GROUP, "open files", detail)
    } else if limit >= OPEN_FILES_NEEDED {
        Check::warning(GROUP, "open files", format!("{detail}; the edge accepts 10,000 connections"), "ulimit -n 65536")
    } else {
        Check::failure(GROUP, "open files", detail, "ulimit -n 65536")
    }
}

fn processes() -> Check {
    match limit("Max processes") {
        None => Check::skipped(GROUP, "threads", "not known on this system"),
        Some(limit) if limit >= 256 => Check::good(GROUP, "threads", format!("{limit} allowed")),
        Some(limit) => Check::failure(GROUP, "threads", format!("only {limit} allowed"), "ulimit -u 4096"),
    }
}

fn clock() -> Check {
    let now = SystemClock.now();
    let year = now.calendar().year();
    if (2026..2046).contains(&year) {
        Check::good(GROUP, "clock", now.to_string())
    } else {
        Check::failure(
            GROUP,
            "clock",
            format!("{now}: tokens and certificates will not work"),
            "timedatectl set-ntp true",
        )
    }
}

fn loopback() -> Check {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let connected = bound.and_then(|listener| {
        let address = listener.local_addr()?;
        std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1))
    });
    match connected {
        Ok(_) => Check::good(GROUP, "loopback", "127.0.0.1 answers"),
        Err(error) => Check::failure(GROUP, "loopback", error.to_string(), "ip link set lo up"),
    }
}

fn local_name() -> Check {
    use std::net::ToSocketAddrs as _;
    let local = |address: SocketAddr| address.ip().is_loopback();
    match ("localhost", 0).to_socket_addrs().map(|mut addresses| addresses.any(local)) {
        Ok(true) => Check::good(GROUP, "localhost", "is this machine"),
        _ => Check::warning(
            GROUP,
            "localhost",
            "does not name this machine; use 127.0.0.1 in the examples",
            "echo '127.0.0.1 localhost' >> /etc/hosts",
        ),
    }
}

fn port(port: u16) -> Check {
    let name = format!("port {port}");
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Check::good(GROUP, name, "free"),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Check::failure(
            GROUP,
            name,
            "taken by another program",
            format!("see who: ss -ltnp 'sport = :{port}'; or choose another with --port"),
        ),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Check::failure(GROUP, name, "ports below 1024 need privileges", "choose a port of 1024 or more with --port")
        }
        Err(error) => Check::failure(GROUP, name, error.to_string(), "choose another with --port"),
    }
}

/// A folder to try things in: inside the data folder, or where it will be made, or temporary. Removed afterwards.
struct Folder {
    shown: PathBuf,
    trial: tempfile::TempDir,
}

impl Folder {
    fn open(asked: Option<&Path>) -> Result<Self, String> {
        let shown = asked.map_or_else(std::env::temp_dir, Path::to_path_buf);
        // The folder need not be there yet: the nearest one above it decides whether it can be made.
        let base = shown.ancestors().find(|path| path.is_dir()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let trial = tempfile::Builder::new()
            .prefix(".kvartal-doctor-")
            .tempdir_in(&base)
            .map_err(|error| format!("{} is not writable: {error}", base.display()))?;
        Ok(Self { shown, trial })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.trial.path().join(name)
    }
}

/// Files get their times from elsewhere on a network file system; SQLite and the demo do not mind, backups do.
fn file_clock(folder: &Folder) -> Check {
    let path = folder.file("clock");
    let written = fs::write(&path, b"x").and_then(|()| fs::metadata(&path)).and_then(|data| data.modified());
    let Ok(written) = written else {
        return Check::skipped(GROUP, "file times", "not known on this file system");
    };
    let seconds = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
    let apart = (SystemClock.now().seconds() - seconds).unsigned_abs();
    if apart <= 2 {
        Check::good(GROUP, "file times", "agree with the clock")
    } else {
        Check::warning(GROUP, "file times", format!("{apart} s away from the clock"), "timedatectl set-ntp true")
    }
}

fn locks(folder: &Folder) -> Check {
    let locked = File::create(folder.file("lock"))
        .map_err(|e| e.to_string())
        .and_then(|file| file.try_lock().map_err(|e| e.to_string()));
    match locked {
        Ok(()) => Check::good(GROUP, "file locks", "work"),
        Err(error) => Check::failure(GROUP, "file locks", error, "use a local file system for --data-dir"),
    }
}

fn sync(folder: &Folder) -> Check {
    const ROUNDS: u32 = 5;
    let start = SystemClock.now();
    let synced = File::create(folder.file("sync"))
        .and_then(|mut file| (0..ROUNDS).try_for_each(|_| file.write_all(&[0; 4096]).and_then(|()| file.sync_all())));
    let each = SystemClock.now().since(start) / ROUNDS;
    match synced {
        Err(error) => Check::failure(GROUP, "disk sync", error.to_string(), "use another disk for --data-dir"),
        Ok(()) if each > Duration::from_millis(50) => Check::warning(
            GROUP,
            "disk sync",
            format!("{} ms each; every acknowledged change waits for one", each.as_millis()),
            "use a faster disk for --data-dir",
        ),
        Ok(()) => Check::good(GROUP, "disk sync", format!("{:.1} ms each", each.as_secs_f64() * 1e3)),
    }
}

fn file_system(folder: &Folder) -> Check {
    let (Ok(mounts), Ok(path)) = (fs::read_to_string("/proc/mounts"), folder.trial.path().canonicalize()) else {
        return Check::skipped(GROUP, "file system", "not known on this system");
    };
    let mounted = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (point, kind) = (words.next()?.to_owned(), words.next()?.to_owned());
        path.starts_with(&point).then_some((point.len(), kind))
    };
    let Some((_, kind)) = mounts.lines().filter_map(mounted).max() else {
        return Check::skipped(GROUP, "file system", "not known");
    };
    if ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"].contains(&kind.as_str()) {
        Check::warning(
            GROUP,
            "file system",
            format!("{kind}: SQLite is not safe over a network"),
            "use a local disk for --data-dir",
        )
    } else {
        Check::good(GROUP, "file system", kind)
    }
}

async fn space(folder: &Folder) -> Check {
    let output = tokio::process::Command::new("df").arg("-Pk").arg(folder.trial.path()).output().await;
    let free = output.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free {
        None => Check::skipped(GROUP, "disk space", "not known on this system"),
        Some(free) if free >= DISK_NEEDED_KIB => Check::good(GROUP, "disk space", format!("{} MiB free", free / 1024)),
        Some(free) => Check::failure(
            GROUP,
            "disk space",
            format!("only {} MiB free", free / 1024),
            "free 512 MiB, or choose another --data-dir",
        ),
    }
}

/// The same way the services open theirs: it refuses versions that can lose data.
async fn sqlite(folder: &Folder) -> Check {
    let url = format!("sqlite:{}?mode=rwc", folder.file("trial.sqlite").display());
    let options = StoreOptions { url, pool_size: 1, application_name: "doctor".to_owned() };
    match Store::open(options).await {
        Ok(store) => {
            store.close().await;
            Check::good(GROUP, "database file", "SQLite opens, writes and closes")
        }
        Err(error) => Check::failure(GROUP, "database file", error.chain(), "use a local, writable --data-dir"),
    }
}

/// A number of a file such as /proc/meminfo.
fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// The soft limit of this process.
fn limit(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let soft = text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.to_owned();
    if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
}
