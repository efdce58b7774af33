//! A real SMTP server that keeps what it is sent, and fails the way mail servers fail when told to.

mod mail;
mod session;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use mail::Mail;

use crate::{eventually, free_port};

/// How the server treats those who connect from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SmtpMode {
    /// Takes every message.
    #[default]
    Accept,
    /// Nothing listens: connections are refused.
    Refuse,
    /// Answers `451` to every message: try again later.
    FailTransiently,
    /// Answers `550` to every recipient: never try again.
    FailPermanently,
    /// Takes connections and never says a word.
    Stall,
    /// Keeps the message and hangs up before saying so: the sender cannot know, and will send it again.
    HangUpAfterData,
}

/// Starts a server on a free port of this computer; it ends with the value.
pub async fn smtp() -> Smtp {
    smtp_at(SocketAddr::from(([127, 0, 0, 1], free_port()))).await
}

/// Starts a server at an address of this computer; it ends with the value.
pub async fn smtp_at(address: SocketAddr) -> Smtp {
    let mailbox = Mailbox { mails: Arc::default(), mode: watch::Sender::new(SmtpMode::Accept) };
    let listener = listen(address);
    #[expect(clippy::disallowed_methods, reason = "ended when the value is dropped")]
    let server = tokio::spawn(serve(address, listener, mailbox.clone()));
    Smtp { address, mailbox, server }
}

/// The server and its mailbox.
#[derive(Debug)]
pub struct Smtp {
    address: SocketAddr,
    mailbox: Mailbox,
    server: JoinHandle<()>,
}

/// Shared with every connection.
#[derive(Clone, Debug)]
struct Mailbox {
    mails: Arc<Mutex<Vec<Mail>>>,
    mode: watch::Sender<SmtpMode>,
}

impl Smtp {
    /// The port. No TLS, no sign-in.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `smtp://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Changes how connections are treated, those that are open included; returns once that is so.
    pub async fn set_mode(&self, mode: SmtpMode) {
        self.mailbox.mode.send_replace(mode);
        let open = || async { tokio::net::TcpStream::connect(self.address).await.is_ok() };
        let wanted = mode != SmtpMode::Refuse;
        eventually(Duration::from_secs(10), || async { open().await == wanted }).await;
    }

    /// Everything received so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.mailbox.lock().clone()
    }

    /// Everything received for this address, oldest first.
    pub fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.is_to(address)).collect()
    }

    /// Forgets what was received.
    pub fn clear(&self) {
        self.mailbox.lock().clear();
    }

    /// Waits (at most 30 s) for a message to `address` that satisfies `wanted`.
    #[track_caller]
    pub fn wait_for(&self, address: &str, wanted: impl Fn(&Mail) -> bool) -> impl Future<Output = Mail> {
        eventually(Duration::from_secs(30), move || {
            let mails = self.mails_to(address);
            let found = mails.iter().find(|mail| wanted(mail)).cloned();
            let seen = || mails.iter().map(|mail| mail.subject.clone()).collect::<Vec<_>>();
            std::future::ready(found.ok_or_else(|| format!("no such mail to {address}; subjects: {:?}", seen())))
        })
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Mail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let listener = TcpSocket::new_v4().and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(128)
    });
    listener.unwrap_or_else(|error| panic!("the SMTP sink cannot listen on {address}: {error}"))
}

async fn serve(address: SocketAddr, first: TcpListener, mailbox: Mailbox) {
    let mut mode = mailbox.mode.subscribe();
    let mut listener = Some(first);
    let mut sessions = tokio::task::JoinSet::new();
    loop {
        if *mode.borrow_and_update() == SmtpMode::Refuse {
            listener = None;
            sessions.abort_all();
        } else if listener.is_none() {
            listener = Some(listen(address));
        }
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            connection = accept => if let Ok((stream, _)) = connection {
                sessions.spawn(session::run(stream, mailbox.clone()));
            },
            changed = mode.changed() => if changed.is_err() { return },
            Some(_) = sessions.join_next() => {}
        }
    }
}
