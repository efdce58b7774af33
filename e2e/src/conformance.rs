//! What the conformance suite (<https://github.com/connectrpc/conformance>) tests: a server, which is its service on our
//! whole stack behind each of our fronts, and a client, which calls through our channels.

mod client;
mod fronts;
mod service;
mod trailers;

use std::io::{self, Read, Write};
use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue};
use kvartal_contract::Contract;
use prost::Message;

pub use client::call;
pub use fronts::{Front, Server};

/// The domain of the suite's service.
const NAME: &str = "conformance";

/// Generated from `e2e/proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/connectrpc.conformance.v1.rs"));
}

/// The contract of the suite's service, for tests only.
pub fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
        let files = include_bytes!(concat!(env!("OUT_DIR"), "/conformance.bin"));
        Contract::from_descriptor_set(files).expect("the suite's service has a contract")
    });
    &CONTRACT
}

/// Reads a message as the suite writes it: four bytes of length before it. `None` at the end.
///
/// # Errors
/// When the message is cut off or is none.
pub fn read<M: Message + Default>(mut from: impl Read) -> io::Result<Option<M>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
    from.read_exact(&mut message)?;
    M::decode(message.as_slice()).map(Some).map_err(io::Error::other)
}

/// Writes a message as the suite reads it.
///
/// # Errors
/// When nobody reads.
pub fn write<M: Message>(mut to: impl Write, message: &M) -> io::Result<()> {
    let message = message.encode_to_vec();
    to.write_all(&u32::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes())?;
    to.write_all(&message)?;
    to.flush()
}

/// Headers in the suite's words.
fn headers(map: &HeaderMap) -> Vec<pb::Header> {
    let values = |name| map.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    map.keys().map(|name| pb::Header { name: name.to_string(), value: values(name).collect() }).collect()
}

/// Headers out of the suite's words.
fn header_map(headers: &[pb::Header]) -> anyhow::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())?;
        for value in &header.value {
            map.append(name.clone(), HeaderValue::from_str(value)?);
        }
    }
    Ok(map)
}
