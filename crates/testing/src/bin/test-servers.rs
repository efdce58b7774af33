//! Starts PostgreSQL, Redis and RabbitMQ for a run of tests, prints how to reach them, and stops them when its input closes.

use std::io::{Read, Write};

use kvartal_testing::{PostgresServer, RabbitServer, RedisServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let (postgres, redis, rabbitmq) =
        tokio::join!(PostgresServer::start(), RedisServer::start(), RabbitServer::start());
    let mut out = std::io::stdout();
    writeln!(out, "KVARTAL_TEST_POSTGRES_URL={}", postgres.url())?;
    writeln!(out, "KVARTAL_TEST_REDIS_URL={}", redis.url())?;
    writeln!(out, "KVARTAL_TEST_RABBITMQ_URL={}", rabbitmq.url())?;
    writeln!(out, "KVARTAL_TEST_RABBITMQ_API={}", rabbitmq.api())?;
    writeln!(out, "ready")?;
    out.flush()?;
    // Ends with the program that holds the other end, however that ends.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
