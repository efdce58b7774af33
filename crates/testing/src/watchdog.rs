//! A shell that outlives the test process just long enough to end what it started and to remove its folders.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Reads what to clean up; acts when its input closes, which the kernel does for us however the test process ends.
const SCRIPT: &str = r#"
IFS='
'
set -f
groups='' polite='' folders=''
without() { for item in $2; do [ "$item" = "$1" ] || printf '%s\n' "$item"; done; }
while IFS=' ' read -r verb value; do
  case "$verb" in
    group) groups="$groups
$value" ;;
    polite) polite="$polite
$value" ;;
    forget) groups=$(without "$value" "$groups"); polite=$(without "$value" "$polite") ;;
    folder) folders="$folders
$value" ;;
    removed) folders=$(without "$value" "$folders") ;;
  esac
done
for group in $polite; do kill -QUIT "$group" 2>/dev/null; done
for group in $polite; do
  turns=0
  while kill -0 "$group" 2>/dev/null && [ $turns -lt 20 ]; do sleep 0.1; turns=$((turns + 1)); done
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
for folder in $folders; do rm -rf "$folder" 2>/dev/null || { sleep 1; rm -rf "$folder"; }; done
"#;

fn tell(line: &str) {
    static INPUT: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    let input = INPUT.get_or_init(|| {
        // A group of its own: Ctrl-C on a terminal ends the test process, not the one who cleans up after it.
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "kvartal-test-watchdog"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match shell.map(|mut shell| shell.stdin.take()) {
            Ok(Some(input)) => Mutex::new(input),
            other => panic!("cannot start the watchdog shell: {other:?}"),
        }
    });
    let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = writeln!(input, "{line}") {
        panic!("the watchdog shell is gone: {error}");
    }
}

/// Kills this process group when the test process ends.
pub(crate) fn watch(group: u32) {
    tell(&format!("group {group}"));
}

/// Asks the leader to quit, and waits two seconds, before the group is killed: PostgreSQL gives back its shared memory.
pub(crate) fn watch_politely(group: u32) {
    tell(&format!("polite {group}"));
}

/// The group has ended: its number may soon belong to somebody else.
pub(crate) fn forget(group: u32) {
    tell(&format!("forget {group}"));
}

/// A temporary folder, removed with the value or else with the test process.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// Created empty, readable by its owner only.
    pub(crate) fn new(prefix: &str) -> Self {
        Self::within(prefix, &std::env::temp_dir())
    }

    /// The same in memory: for a server that waits for the disk at every write and need not.
    pub fn in_memory(prefix: &str) -> Self {
        Self::within(prefix, Path::new("/dev/shm"))
    }

    fn within(prefix: &str, place: &Path) -> Self {
        match tempfile::Builder::new().prefix(prefix).tempdir_in(place) {
            Ok(folder) => {
                tell(&format!("folder {}", folder.path().display()));
                Self(folder)
            }
            Err(error) => panic!("cannot create a temporary folder: {error}"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A server that is still dying may write once more, so the watchdog tries again at the end when this fails.
        if std::fs::remove_dir_all(self.0.path()).is_ok() {
            tell(&format!("removed {}", self.0.path().display()));
        }
    }
}
