//! Streams that the server promises not to have touched are sent again, whatever they do; others are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kvartal_kernel::SystemClock;
use kvartal_mesh::auth::MeshKey;
use kvartal_mesh::{Directory, Remote, RemoteOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tonic::Code;

use crate::replicas::{Mode, Replica, client, eventually, view, write};
use crate::world::{MESH_SECRET, World};

/// Frame types and error codes of RFC 9113.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;
const REFUSED_STREAM: u32 = 7;

/// What a server answers to each stream, frame by frame, instead of processing it.
#[derive(Clone, Copy, Debug)]
enum Says {
    /// RST_STREAM with this code.
    Reset(u32),
    /// GOAWAY with the last stream that it processed, relative to this one, and a code; then it hangs up.
    GoAway { processed: bool, code: u32 },
}

/// A server that speaks HTTP/2 just well enough to turn streams away.
struct Server {
    port: u16,
    streams: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl Server {
    async fn start(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let streams = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&streams);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, says, Arc::clone(&seen)));
            }
        });
        Self { port, streams, accepting: accepting.abort_handle() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `None` as soon as the connection ends.
async fn serve(mut stream: TcpStream, says: Says, seen: Arc<AtomicUsize>) -> Option<()> {
    stream.read_exact(&mut [0; 24]).await.ok()?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.ok()?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        stream.read_exact(&mut payload).await.ok()?;
        match kind {
            SETTINGS if flags == 0 => stream.write_all(&frame(SETTINGS, 1, 0, &[])).await.ok()?,
            HEADERS => {
                seen.fetch_add(1, Ordering::SeqCst);
                let id = u32::from_be_bytes(id);
                match says {
                    Says::Reset(code) => {
                        stream.write_all(&frame(RST_STREAM, 0, id, &code.to_be_bytes())).await.ok()?;
                    }
                    Says::GoAway { processed, code } => {
                        let last = if processed { id } else { id.saturating_sub(2) };
                        let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                        stream.write_all(&frame(GOAWAY, 0, 0, &payload)).await.ok()?;
                        stream.shutdown().await.ok()?;
                    }
                }
            }
            _ => {}
        }
    }
}

/// What the replica answers to a sign-in without a name; the call has reached it.
const ANSWERED: Code = Code::InvalidArgument;

/// Makes calls that must not be repeated, on a replica that works and a server that turns streams away, until that has seen
/// one: what became of this call, how often it was seen there, and how many calls the replica answered beyond its own.
async fn one_is_turned_away(says: Says) -> (Code, usize, usize) {
    let world = World::new();
    let good = Replica::start(&world, Mode::After(Duration::ZERO)).await;
    let server = Server::start(says).await;
    let url = format!("http://127.0.0.1:{},http://127.0.0.1:{}", good.port, server.port);
    let options = RemoteOptions { connections: 1, ..RemoteOptions::default() };
    let remote = Remote { url, key: Some(MeshKey::new(&MESH_SECRET)), options };
    let directory = Directory::new(kvartal_proto::contract(), Arc::new(SystemClock), Some(remote));
    let mut client = client(&directory);
    let mut own = 0;
    loop {
        let code = write(&mut client).await.unwrap_err().code();
        if server.streams.load(Ordering::SeqCst) > 0 {
            return (code, server.streams.load(Ordering::SeqCst), good.calls() - own);
        }
        own += 1;
        assert_eq!(code, ANSWERED);
        eventually("both are connected", || view(&directory).endpoints.iter().all(|one| one.connections == 1)).await;
    }
}

#[tokio::test]
async fn a_refused_stream_is_sent_again_even_if_it_must_not_be_repeated() {
    assert_eq!(one_is_turned_away(Says::Reset(REFUSED_STREAM)).await, (ANSWERED, 1, 1));
}

#[tokio::test]
async fn a_stream_beyond_the_last_of_a_server_that_goes_away_is_sent_again() {
    let says = Says::GoAway { processed: false, code: NO_ERROR };
    assert_eq!(one_is_turned_away(says).await, (ANSWERED, 1, 1));
}

#[tokio::test]
async fn a_stream_that_may_have_been_processed_is_not() {
    for says in [
        Says::GoAway { processed: true, code: NO_ERROR },
        Says::GoAway { processed: true, code: ENHANCE_YOUR_CALM },
        Says::Reset(ENHANCE_YOUR_CALM),
        Says::Reset(NO_ERROR),
    ] {
        assert_eq!(one_is_turned_away(says).await, (Code::Unavailable, 1, 0), "{says:?}");
    }
}
