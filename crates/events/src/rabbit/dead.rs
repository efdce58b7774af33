//! Dead letters in RabbitMQ: a queue beside the queue.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use kvartal_kernel::{Clock, Error, SystemClock};
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};

use super::consume::number;
use super::link::acknowledge;
use super::{Message, Shared, dead_name, properties, queue_name, text, within};
use crate::{DeadLetter, Event};

/// Dead letters shown at once.
const SHOWN: usize = 100;
/// Dead letters moved with one wait for confirms.
const BATCH: usize = 256;
/// How often, and how far apart, to look whether letters are back in their queue.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(20);
/// Header with the reason.
const REASON: &str = "x-kvartal-reason";
/// Header with the moment of death, in microseconds: a quorum queue may hand letters back in another order.
const DIED: &str = "x-kvartal-died";
/// Header with the number of deliveries.
const DELIVERIES: &str = "x-kvartal-deliveries";

/// Keeps an event as a dead letter.
pub(super) async fn bury(
    shared: &Shared,
    queue: &str,
    event: &Event,
    reason: &str,
    deliveries: u32,
) -> Result<(), Error> {
    let properties = properties(event)?;
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(REASON.into(), text(reason));
    headers.insert(DELIVERIES.into(), AMQPValue::LongLongInt(deliveries.into()));
    headers.insert(DIED.into(), AMQPValue::LongLongInt(SystemClock.now().0));
    let properties = properties.with_headers(headers);
    shared.send(&[Message { exchange: "", key: dead_name(queue)?, body: event.encode(), properties }]).await
}

/// The oldest dead letters; they stay where they are.
pub(super) async fn list(shared: &Shared, queue: &str) -> Result<Vec<DeadLetter>, Error> {
    let _alone = shared.graveyard.lock().await;
    let channel = shared.consuming.channel().await?;
    let mut letters = Vec::new();
    let mut taken = 0;
    let mut last = None;
    while taken < SHOWN
        && let Some(got) = get(&channel, queue).await?
    {
        taken += 1;
        last = Some(got.delivery.acker.clone());
        letters.extend(letter(&got).map(|letter| (died(&got.delivery.properties), letter)));
    }
    if let Some(last) = last {
        // Hands all of them back at once.
        acknowledge(last.nack(BasicNackOptions { multiple: true, requeue: true })).await?;
        are_back(&channel, queue, taken).await?;
    }
    within(channel.close(200, "goodbye".into())).await?;
    letters.sort_by_key(|(died, _)| *died);
    Ok(letters.into_iter().map(|(_, letter)| letter).collect())
}

/// A quorum queue takes back what it is handed a moment later; whoever looks next must find it. Not for ever: another
/// process may have moved them.
async fn are_back(channel: &Channel, queue: &str, count: usize) -> Result<(), Error> {
    for _ in 0..LOOKS {
        let options = QueueDeclareOptions::durable().passive();
        let dead = within(channel.queue_declare(dead_name(queue)?, options, FieldTable::default())).await?;
        if usize::try_from(dead.message_count()).unwrap_or(usize::MAX) >= count {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Moves what is dead back into the queue, each event once: one that comes by again has died again, and stays.
pub(super) async fn replay(shared: &Shared, queue: &str) -> Result<u64, Error> {
    let _alone = shared.graveyard.lock().await;
    let channel = shared.consuming.channel().await?;
    let mut moved = HashSet::new();
    let mut count = 0;
    let mut more = true;
    while more {
        let mut taken = Vec::new();
        while more && taken.len() < BATCH {
            match get(&channel, queue).await? {
                Some(got) if moved.insert(digest(&got.delivery.data)) => taken.push(got.delivery),
                // Goes back when the channel is closed.
                Some(_) => {}
                None => more = false,
            }
        }
        taken.sort_by_key(|delivery| died(&delivery.properties));
        let key = queue_name(queue)?;
        let ackers: Vec<_> = taken.iter().map(|delivery| delivery.acker.clone()).collect();
        let messages = taken.into_iter().map(|delivery| {
            // Without its history, or the broker would count the old deliveries.
            let properties = delivery.properties.with_headers(FieldTable::default());
            Message { exchange: "", key: key.clone(), body: delivery.data, properties }
        });
        let messages: Vec<_> = messages.collect();
        // Confirmed in the queue before it leaves the dead letters.
        shared.send(&messages).await?;
        for acker in ackers {
            // One by one: all up to the last would include those that stay.
            acknowledge(acker.ack(BasicAckOptions::default())).await?;
        }
        count += u64::try_from(messages.len()).unwrap_or(0);
    }
    within(channel.close(200, "goodbye".into())).await?;
    Ok(count)
}

/// Tells events apart without keeping them.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

async fn get(channel: &Channel, queue: &str) -> Result<Option<BasicGetMessage>, Error> {
    within(channel.basic_get(dead_name(queue)?, BasicGetOptions::default())).await
}

/// When it became a dead letter, in microseconds: by our word, or by the broker's when the broker gave it up.
fn died(properties: &BasicProperties) -> i64 {
    let Some(headers) = properties.headers() else { return 0 };
    let ours = number(headers.inner().get(DIED));
    let broker = || match headers.inner().get("x-death")? {
        AMQPValue::FieldArray(deaths) => match deaths.as_slice().first()? {
            AMQPValue::FieldTable(death) => match death.inner().get("time")? {
                AMQPValue::Timestamp(seconds) => i64::try_from(*seconds).ok()?.checked_mul(1_000_000),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    ours.or_else(broker).unwrap_or(0)
}

/// `None` for what is no event; an operator finds it in the queue.
fn letter(got: &BasicGetMessage) -> Option<DeadLetter> {
    let event = Event::from_envelope(&got.delivery.data).ok()?;
    let headers = got.delivery.properties.headers().clone().unwrap_or_default();
    let headers = headers.inner();
    let string = |name: &str| match headers.get(name) {
        Some(AMQPValue::LongString(text)) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => None,
    };
    // The broker's own word for it when the broker gave it up, such as `delivery_limit`.
    let reason = string(REASON).or_else(|| string("x-first-death-reason")).unwrap_or_default();
    let deliveries = number(headers.get(DELIVERIES)).or_else(|| number(headers.get("x-delivery-count")));
    let deliveries = deliveries.and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    Some(DeadLetter { event, reason, deliveries })
}
