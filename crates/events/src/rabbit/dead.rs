//! Dead letters in RabbitMQ: a queue beside the queue.

use kvartal_kernel::Error;
use lapin::Channel;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use super::consume::number;
use super::{Message, Shared, away, dead_name, properties, queue_name, text, within};
use crate::{DeadLetter, Event};

/// Dead letters shown at once.
const SHOWN: usize = 100;
/// Dead letters moved with one wait for confirms.
const BATCH: usize = 256;
/// Header with the reason.
const REASON: &str = "x-kvartal-reason";
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
    let properties = properties.with_headers(headers);
    shared.send(&[Message { exchange: "", key: dead_name(queue)?, body: event.encode(), properties }]).await
}

/// The oldest dead letters; they stay where they are.
pub(super) async fn list(shared: &Shared, queue: &str) -> Result<Vec<DeadLetter>, Error> {
    let channel = shared.consuming.channel().await?;
    let mut letters = Vec::new();
    let mut last = None;
    while letters.len() < SHOWN
        && let Some(got) = get(&channel, queue).await?
    {
        last = Some(got.delivery.acker.clone());
        letters.extend(letter(&got));
    }
    if let Some(last) = last {
        // Hands all of them back at once, in their order.
        last.nack(BasicNackOptions { multiple: true, requeue: true }).await.map_err(away)?;
    }
    within(channel.close(200, "goodbye".into())).await?;
    Ok(letters)
}

/// Moves what is dead now back into the queue; what dies meanwhile stays.
pub(super) async fn replay(shared: &Shared, queue: &str) -> Result<u64, Error> {
    let channel = shared.consuming.channel().await?;
    let options = QueueDeclareOptions::durable().passive();
    let dead = within(channel.queue_declare(dead_name(queue)?, options, FieldTable::default())).await?;
    let mut left = usize::try_from(dead.message_count()).unwrap_or(usize::MAX);
    let mut moved = 0;
    while left > 0 {
        let mut taken = Vec::new();
        while taken.len() < BATCH.min(left)
            && let Some(got) = get(&channel, queue).await?
        {
            taken.push(got.delivery);
        }
        let Some(last) = taken.last().map(|delivery| delivery.acker.clone()) else { break };
        let key = queue_name(queue)?;
        let messages = taken.into_iter().map(|delivery| {
            // Without its history, or the broker would count the old deliveries.
            let properties = delivery.properties.with_headers(FieldTable::default());
            Message { exchange: "", key: key.clone(), body: delivery.data, properties }
        });
        let messages: Vec<_> = messages.collect();
        shared.send(&messages).await?;
        last.ack(BasicAckOptions { multiple: true }).await.map_err(away)?;
        left -= messages.len();
        moved += u64::try_from(messages.len()).unwrap_or(0);
    }
    within(channel.close(200, "goodbye".into())).await?;
    Ok(moved)
}

async fn get(channel: &Channel, queue: &str) -> Result<Option<BasicGetMessage>, Error> {
    within(channel.basic_get(dead_name(queue)?, BasicGetOptions::default())).await
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
