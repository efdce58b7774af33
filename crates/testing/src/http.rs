//! Just enough HTTP to talk to servers about themselves.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// `guest:guest`, the account every new broker has and allows from this computer only.
const GUEST: &str = "Z3Vlc3Q6Z3Vlc3Q=";

/// The whole request as text.
pub(crate) fn request(address: &str, method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {GUEST}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request to RabbitMQ; the status code and the body.
pub(crate) async fn send(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    exchange(address, &request(address, method, path, body)).await
}

/// Asks anybody; the status code and the body, which HTTP/1.0 leaves in one piece.
pub(crate) async fn get(address: &str, path: &str) -> std::io::Result<(u16, String)> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await
}

async fn exchange(address: &str, request: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((status, body.to_owned()))
}
