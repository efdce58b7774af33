//! Checks of servers that were named: do they answer, in their own protocol?

use std::time::Duration;

use futures::future::join_all;
use kvartal_store::{Store, StoreOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Args, Check};

const GROUP: &str = "Servers";
const PATIENCE: Duration = Duration::from_millis(1_800);

/// Looks at every server that was named.
pub(super) async fn checks(args: &Args) -> Vec<Check> {
    let mut pending: Vec<futures::future::BoxFuture<'_, Check>> = Vec::new();
    if let Some(url) = &args.database_url {
        for service in services_of(url) {
            pending.push(Box::pin(postgres(url.replace("{service}", &service), service)));
        }
    }
    if let Some(url) = &args.bus_url {
        // RabbitMQ answers a wrong protocol header with the right one, and a right one with connection.start.
        pending.push(Box::pin(server("RabbitMQ", url, 5672, b"AMQP\x00\x00\x09\x01", |answer| {
            answer.starts_with(&[1, 0, 0])
        })));
    }
    if let Some(url) = &args.redis_url {
        // Without a password Redis says +PONG, with one -NOAUTH: both are Redis.
        pending.push(Box::pin(server("Redis", url, 6379, b"PING\r\n", |answer| {
            answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH")
        })));
    }
    if let Some(address) = &args.smtp {
        pending.push(Box::pin(server("mail", address, 25, b"", |answer| answer.starts_with(b"220"))));
    }
    if let Some(url) = &args.otlp_endpoint {
        let request = b"POST /v1/traces HTTP/1.1\r\nhost: collector\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        pending.push(Box::pin(server("OTLP collector", url, 4318, request, |answer| answer.starts_with(b"HTTP/1."))));
    }
    join_all(pending).await
}

/// One check for each service when the URL has a place for the name.
fn services_of(url: &str) -> Vec<String> {
    if url.contains("{service}") {
        crate::services::NAMES.iter().map(|name| (*name).to_owned()).collect()
    } else {
        vec![String::new()]
    }
}

/// Signs in for real: a listening port says little about a database.
async fn postgres(url: String, service: String) -> Check {
    let name = format!("PostgreSQL {service}").trim_end().to_owned();
    let fix = "psql URL -c 'select 1'; createdb for a missing database; check user and password";
    let options = StoreOptions { url, pool_size: 1, application_name: "kvartal doctor".to_owned() };
    match timeout(PATIENCE, Store::open(options)).await {
        Ok(Ok(store)) => {
            let answer = store.ping().await;
            store.close().await;
            match answer {
                Ok(()) => Check::good(GROUP, name, "signed in, answers"),
                Err(error) => Check::failure(GROUP, name, error.chain(), fix),
            }
        }
        Ok(Err(error)) => Check::failure(GROUP, name, error.chain(), fix),
        Err(_) => Check::failure(GROUP, name, "does not answer", fix),
    }
}

/// Connects, sends a greeting, and looks at what comes back.
async fn server(name: &'static str, url: &str, port: u16, greeting: &[u8], known: fn(&[u8]) -> bool) -> Check {
    let Some(address) = address(url, port) else {
        return Check::failure(GROUP, name, "the address cannot be read", "use scheme://host:port");
    };
    let fix = format!("is it running, and may this machine reach it? nc -vz {}", address.replace(':', " "));
    if url.starts_with("amqps:") || url.starts_with("rediss:") {
        // The greeting would have to go through TLS; that it listens is all this can tell.
        return match timeout(PATIENCE, TcpStream::connect(&address)).await {
            Ok(Ok(_)) => Check::good(GROUP, name, format!("{address} listens (TLS not tried)")),
            Ok(Err(error)) => Check::failure(GROUP, name, format!("{address}: {error}"), fix),
            Err(_) => Check::failure(GROUP, name, format!("{address} does not answer"), fix),
        };
    }
    match timeout(PATIENCE, talk(&address, greeting)).await {
        Ok(Ok(answer)) if known(&answer) => Check::good(GROUP, name, format!("{address} answers")),
        Ok(Ok(_)) => Check::failure(GROUP, name, format!("{address} answers, but not as {name} does"), fix),
        Ok(Err(error)) => Check::failure(GROUP, name, format!("{address}: {error}"), fix),
        Err(_) => Check::failure(GROUP, name, format!("{address} does not answer"), fix),
    }
}

async fn talk(address: &str, greeting: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(greeting).await?;
    let mut answer = vec![0; 64];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}

/// `host:port` of a URL, without what may be secret.
fn address(url: &str, port: u16) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.is_empty() {
        return None;
    }
    let after_bracket = host.rfind(']').unwrap_or(0);
    if host[after_bracket..].contains(':') { Some(host.to_owned()) } else { Some(format!("{host}:{port}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_without_the_password() {
        assert_eq!(address("amqp://user:secret@bus/vhost", 5672).as_deref(), Some("bus:5672"));
        assert_eq!(address("redis://cache:7000/0", 6379).as_deref(), Some("cache:7000"));
        assert_eq!(address("mail.example:25", 25).as_deref(), Some("mail.example:25"));
        assert_eq!(address("redis://[::1]/", 6379).as_deref(), Some("[::1]:6379"));
        assert_eq!(address("redis:///", 6379), None);
    }
}
