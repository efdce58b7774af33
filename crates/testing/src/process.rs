//! Child processes of tests: output kept, killed as a group, never left behind.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::watchdog;

const TURN: Duration = Duration::from_millis(20);

/// A running program and everything it started. Dropping it kills the whole group; so does the end of the test process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: File,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` in a process group of its own, its standard output and error kept together for [`Self::output`].
    pub fn spawn(mut command: Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let started = tempfile::tempfile().and_then(|output| {
            let (out, err) = (output.try_clone()?, output.try_clone()?);
            command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
            Ok((command.spawn()?, output))
        });
        match started {
            Ok((child, output)) => {
                watchdog::watch(child.id());
                Self { name, child, output, ended: None }
            }
            Err(error) => panic!("cannot start {name}: {error}"),
        }
    }

    /// The process id, which is also the number of its group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything written so far to standard output and standard error.
    pub fn output(&self) -> String {
        let length = self.output.metadata().map_or(0, |file| file.len());
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        // Reading at a position leaves the file offset, which the child shares, where it is.
        let read = self.output.read_exact_at(&mut bytes, 0);
        if read.is_ok() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() }
    }

    /// Waits until a whole line containing `text` was written, and returns that line. Panics with the output when the
    /// process ends first or time is up.
    pub async fn wait_for_line(&mut self, text: &str, deadline: Duration) -> String {
        let end = Instant::now() + deadline;
        loop {
            let ended = self.status();
            let output = self.output();
            let complete = output.rfind('\n').map_or("", |last| &output[..last]);
            if let Some(line) = complete.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            self.panic_when_over(ended, end, &format!("writing {text:?}"));
            tokio::time::sleep(TURN).await;
        }
    }

    /// Waits until something listens on this port of 127.0.0.1.
    pub async fn wait_for_port(&mut self, port: u16, deadline: Duration) {
        let end = Instant::now() + deadline;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = self.status();
            self.panic_when_over(ended, end, &format!("listening on port {port}"));
            tokio::time::sleep(TURN).await;
        }
    }

    /// Waits for the end by itself.
    pub async fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            self.panic_when_over(None, end, "ending");
            tokio::time::sleep(TURN).await;
        }
    }

    /// Sends a signal to the process alone, not to its children.
    pub fn signal(&self, signal: Signal) {
        if self.ended.is_none()
            && let Err(error) = signal::kill(pid(self.id()), signal)
        {
            panic!("cannot send {signal} to {}: {error}", self.name);
        }
    }

    /// Halts it and everything it started (SIGSTOP), as a machine that hangs: connections stay open and nobody answers.
    pub fn pause(&self) {
        self.signal_all(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal_all(Signal::SIGCONT);
    }

    /// Groups would not do: the workers of PostgreSQL have groups of their own.
    fn signal_all(&self, signal: Signal) {
        if self.ended.is_none() {
            for id in family(self.id()) {
                // One that has just ended needs no signal.
                let _ = signal::kill(pid(id), signal);
            }
        }
    }

    /// Asks it to stop (SIGTERM) and waits for the end.
    pub async fn stop(&mut self, deadline: Duration) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait(deadline).await
    }

    /// Kills the whole group with SIGKILL and returns when the process is gone.
    pub fn kill(&mut self) {
        if self.ended.is_none() {
            let _ = signal::killpg(pid(self.id()), Signal::SIGKILL);
            match self.child.wait() {
                Ok(status) => self.over(status),
                Err(error) => panic!("cannot wait for {}: {error}", self.name),
            }
        }
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// How it ended; `None` while it runs.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none()
            && let Ok(Some(status)) = self.child.try_wait()
        {
            // What it left behind goes too, at once: later the group's number may belong to somebody else.
            let _ = signal::killpg(pid(self.id()), Signal::SIGKILL);
            self.over(status);
        }
        self.ended
    }

    fn over(&mut self, status: ExitStatus) {
        watchdog::forget(self.id());
        self.ended = Some(status);
    }

    fn panic_when_over(&self, ended: Option<ExitStatus>, end: Instant, what: &str) {
        if let Some(status) = ended {
            panic!("{} ended ({status}) before {what}; its output:\n{}", self.name, self.output());
        }
        if Instant::now() >= end {
            panic!("{} is late {what}; its output:\n{}", self.name, self.output());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The process and everything that descends from it, parents first.
fn family(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name of the program, in parentheses, may hold anything.
            let (_, rest) = stat.rsplit_once(')')?;
            Some((id, rest.split_whitespace().nth(1)?.parse().ok()?))
        })
        .collect();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    family
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap_or(i32::MAX))
}

/// Runs a short-lived program to its end; panics with its output when it fails.
pub(crate) async fn run(command: Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    match tokio::process::Command::from(command).stdin(Stdio::null()).output().await {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            panic!("{name} failed ({}):\n{out}{err}", output.status)
        }
        Err(error) => panic!("cannot start {name}: {error}"),
    }
}
