//! Child processes: waited for, stopped, killed with all they started.

use std::process::Command;
use std::time::Duration;

use kvartal_testing::{Process, eventually, free_port};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; that nobody collects it is not ours to judge.
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test]
async fn lines_are_seen_and_the_end_is_known() {
    let mut process = Process::spawn(shell("echo ready to go; trap 'exit 3' TERM; while :; do sleep 0.05; done"));
    assert_eq!(process.wait_for_line("ready", SOON).await, "ready to go");
    assert!(process.is_running());
    assert_eq!(process.stop(SOON).await.code(), Some(3));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the panic of another task is what is tested")]
async fn waiting_for_a_process_that_ended_shows_its_output() {
    let waiting = tokio::spawn(async {
        Process::spawn(shell("echo the disk is full; exit 1")).wait_for_line("ready", SOON).await;
    });
    let panic = waiting.await.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("the disk is full"), "{message}");
}

#[tokio::test]
async fn killing_takes_the_grandchildren_along() {
    let mut process = Process::spawn(shell("sleep 1000 & echo child $!; wait"));
    let line = process.wait_for_line("child", SOON).await;
    let child = line.trim_start_matches("child ").to_owned();
    assert!(runs(&child));
    process.kill();
    eventually(SOON, || async { !runs(&child) }).await;
}

#[tokio::test]
async fn servers_die_with_a_test_process_that_is_killed() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-servers"));
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(folder.path(), None, None).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    command.env("TMPDIR", folder.path());
    // Reads its input until it closes; here it never does.
    let mut keeper =
        Process::spawn(shell("sleep 1000 | { exec 3<&0; \"$0\" <&3 & echo started $!; wait; }").tap(&command));
    let started = keeper.wait_for_line("started", SOON).await;
    keeper.wait_for_line("ready", Duration::from_secs(120)).await;
    let output = keeper.output();
    let ports = output.lines().filter_map(|line| line.rsplit(':').next()?.split('/').next()?.parse::<u16>().ok());
    let ports: Vec<u16> = ports.collect();
    assert_eq!(ports.len(), 4, "{output}");
    let pid = started.trim_start_matches("started ");
    assert!(Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
    for port in ports {
        let closed = || async { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() };
        eventually(Duration::from_secs(20), closed).await;
    }
    let empty = || async { std::fs::read_dir(folder.path()).unwrap().count() == 0 };
    eventually(Duration::from_secs(20), empty).await;
}

/// `sh -c script program`, with the program's environment.
trait Tap {
    fn tap(self, program: &Command) -> Command;
}

impl Tap for Command {
    fn tap(mut self, program: &Command) -> Command {
        self.arg(program.get_program());
        self.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self
    }
}

#[test]
fn free_ports_differ() {
    let ports: std::collections::HashSet<u16> = (0..50).map(|_| free_port()).collect();
    assert_eq!(ports.len(), 50);
}
