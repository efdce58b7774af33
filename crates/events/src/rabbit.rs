//! The bus between processes: RabbitMQ with quorum queues and publisher confirms.

mod consume;
mod dead;
mod link;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use futures::future::try_join_all;
use kvartal_kernel::Error;
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use lapin::{BasicProperties, Channel, ExchangeKind};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::bus::BUS_UNAVAILABLE;
use crate::{Bus, DeadLetter, Delivery, Event, Handler};
use link::{Link, away, confirmed, within};

/// As traces call it.
const SYSTEM: &str = "rabbitmq";
/// Where everything is published; the routing key is the kind of the event.
const EXCHANGE: &str = "kvartal.events";
/// Prefix of every queue.
const PREFIX: &str = "kvartal.";
/// Suffix of the queue for dead letters.
const DEAD: &str = ".dead";
/// A queue that nobody empties takes no more events beyond this size; they wait in the outboxes then.
const MAX_BYTES: i64 = 1 << 30;

/// A bus over RabbitMQ. Clones share it.
#[derive(Clone)]
pub struct RabbitBus(Arc<Shared>);

struct Shared {
    /// Publishing has a connection of its own: RabbitMQ slows down connections that publish too much.
    publishing: Link,
    consuming: Link,
    delivery: Delivery,
    /// The channel with publisher confirms, while it lives.
    publisher: Mutex<Option<Channel>>,
    /// Held while dead letters are looked at or moved: what one has taken out, the other would not see.
    graveyard: Mutex<()>,
    /// The kinds of each queue declared by this process.
    declared: RwLock<HashMap<String, Arc<HashSet<String>>>>,
}

impl RabbitBus {
    /// Connects to `amqp://user:password@host:port/vhost`. `Unavailable` when nobody answers there now; afterwards the
    /// bus reconnects by itself.
    pub async fn connect(url: &str) -> Result<RabbitBus, Error> {
        Self::with(url, Delivery::default()).await
    }

    /// Connects with other rules of delivery. The limit is fixed when a queue is made first.
    pub async fn with(url: &str, delivery: Delivery) -> Result<RabbitBus, Error> {
        let bus = Self(Arc::new(Shared {
            publishing: Link::new(url, "publish")?,
            consuming: Link::new(url, "consume")?,
            delivery,
            publisher: Mutex::new(None),
            graveyard: Mutex::new(()),
            declared: RwLock::default(),
        }));
        bus.0.publisher().await?;
        Ok(bus)
    }

    /// Closes the connections.
    pub async fn close(self) {
        self.0.publishing.close().await;
        self.0.consuming.close().await;
    }
}

#[async_trait]
impl Bus for RabbitBus {
    fn system(&self) -> &'static str {
        SYSTEM
    }

    async fn declare(&self, queue: &str, kinds: &[String]) -> Result<(), Error> {
        let channel = self.0.consuming.channel().await?;
        self.0.topology(&channel, queue, kinds).await?;
        let mut declared = self.0.declared.write().unwrap_or_else(PoisonError::into_inner);
        declared.insert(queue.to_owned(), Arc::new(kinds.iter().cloned().collect()));
        Ok(())
    }

    async fn consume(&self, queue: &str, handler: Arc<dyn Handler>, stop: CancellationToken) -> Result<(), Error> {
        let declared = self.0.declared.read().unwrap_or_else(PoisonError::into_inner).get(queue).cloned();
        let Some(kinds) = declared else {
            return Err(Error::internal(format!("the queue {queue} was not declared before it is consumed")));
        };
        consume::run(&self.0, queue, &kinds, handler, &stop).await;
        Ok(())
    }

    async fn publish(&self, events: &[Event]) -> Result<(), Error> {
        let messages = events.iter().map(|event| {
            let key = short(&event.kind)?;
            Ok(Message { exchange: EXCHANGE, key, body: event.encode(), properties: properties(event)? })
        });
        let messages = messages.collect::<Result<Vec<_>, Error>>()?;
        self.0.send(&messages).await
    }

    async fn ping(&self) -> Result<(), Error> {
        let channel = self.0.publisher().await?;
        let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let answer = channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, passive, FieldTable::default());
        within(answer).await
    }

    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>, Error> {
        dead::list(&self.0, queue).await
    }

    async fn replay(&self, queue: &str) -> Result<u64, Error> {
        dead::replay(&self.0, queue).await
    }
}

/// Something to be published.
struct Message {
    exchange: &'static str,
    key: ShortString,
    body: Vec<u8>,
    properties: BasicProperties,
}

impl Shared {
    /// Publishes all, then waits for all confirms: one round trip and one disk sync for many.
    async fn send(&self, messages: &[Message]) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let channel = self.publisher().await?;
        let sent = confirmed(async {
            let mut confirms = Vec::with_capacity(messages.len());
            for Message { exchange, key, body, properties } in messages {
                let (exchange, key) = ((*exchange).into(), key.clone());
                let options = BasicPublishOptions::default();
                confirms.push(channel.basic_publish(exchange, key, options, body, properties.clone()).await?);
            }
            try_join_all(confirms).await
        });
        match sent.await {
            // A negative confirm: a full queue, or a broker in trouble.
            Ok(confirms) if confirms.iter().any(|confirm| !confirm.is_ack()) => {
                Err(Error::unavailable(BUS_UNAVAILABLE, "the broker refuses events now"))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                // Its confirms cannot be told apart any more.
                self.forget(&channel).await;
                Err(error)
            }
        }
    }

    /// The channel for publishing, made anew when the old one is dead.
    async fn publisher(&self) -> Result<Channel, Error> {
        let mut publisher = self.publisher.lock().await;
        if let Some(channel) = &*publisher
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        *publisher = None;
        let channel = self.publishing.channel().await?;
        within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        exchange(&channel).await?;
        *publisher = Some(channel.clone());
        Ok(channel)
    }

    async fn forget(&self, channel: &Channel) {
        let mut publisher = self.publisher.lock().await;
        if publisher.as_ref().is_some_and(|current| current == channel) {
            *publisher = None;
        }
    }

    /// Makes the exchange, the queue with its dead letters, and the bindings.
    async fn topology(&self, channel: &Channel, queue: &str, kinds: &[String]) -> Result<(), Error> {
        exchange(channel).await?;
        let (name, dead) = (queue_name(queue)?, dead_name(queue)?);
        let durable = QueueDeclareOptions::durable();
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        within(channel.queue_declare(dead.clone(), durable, arguments.clone())).await?;
        // One replica at a time: two that handle events of one subject would break their order.
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        // The broker counts what ends without an answer: a handler that takes the process with it.
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(self.delivery.limit.into()));
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(dead.as_str()));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        arguments.insert("x-max-length-bytes".into(), AMQPValue::LongLongInt(MAX_BYTES));
        within(channel.queue_declare(name.clone(), durable, arguments)).await?;
        for kind in kinds {
            let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
            within(channel.queue_bind(name.clone(), EXCHANGE.into(), short(kind)?, options, arguments)).await?;
        }
        Ok(())
    }
}

async fn exchange(channel: &Channel) -> Result<(), Error> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    within(channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default())).await
}

fn properties(event: &Event) -> Result<BasicProperties, Error> {
    let mut headers = FieldTable::default();
    if !event.traceparent.is_empty() {
        headers.insert("traceparent".into(), text(&event.traceparent));
    }
    Ok(BasicProperties::default()
        // Persistent.
        .with_delivery_mode(2)
        .with_content_type("application/x-protobuf".into())
        .with_message_id(short(&event.id.to_string())?)
        .with_type(short(&event.kind)?)
        .with_app_id(short(&event.source)?)
        .with_timestamp(u64::try_from(event.time.seconds()).unwrap_or(0))
        .with_headers(headers))
}

fn queue_name(queue: &str) -> Result<ShortString, Error> {
    short(&format!("{PREFIX}{queue}"))
}

fn dead_name(queue: &str) -> Result<ShortString, Error> {
    short(&format!("{PREFIX}{queue}{DEAD}"))
}

/// AMQP's names have at most 255 bytes.
fn short(name: &str) -> Result<ShortString, Error> {
    ShortString::try_new(name).map_err(|error| Error::internal(format!("{name} is too long a name")).because(error))
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}
