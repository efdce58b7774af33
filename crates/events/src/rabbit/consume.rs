//! One consumer of one queue, over as many connections as it takes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kvartal_kernel::Error;
use lapin::Acker;
use lapin::message::Delivery as Received;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::link::acknowledge;
use super::{SYSTEM, Shared, away, dead, queue_name, within};
use crate::backoff::Backoff;
use crate::bus::BUS_UNAVAILABLE;
use crate::lanes::{Item, Lanes, Settled, Verdict};
use crate::{Event, Handler, metrics};

/// How often the queue's depth is measured.
const MEASURE: Duration = Duration::from_secs(15);
/// How often to see whether the channel lives, should the news of its end not arrive.
const LOOK: Duration = Duration::from_secs(1);

/// Consumes until `stop`.
pub(super) async fn run(
    shared: &Shared,
    queue: &str,
    kinds: &HashSet<String>,
    handler: Arc<dyn Handler>,
    stop: &CancellationToken,
) {
    let mut backoff = Backoff::for_servers();
    while !stop.is_cancelled() {
        let error = match Session::open(shared, queue, kinds).await {
            Ok(session) => {
                backoff.reset();
                match session.run(&handler, stop).await {
                    Ok(()) => return,
                    Err(error) => error,
                }
            }
            Err(error) => error,
        };
        tracing::warn!(queue, error = error.chain(), "consuming was interrupted and will go on");
        if !backoff.wait(stop).await {
            return;
        }
    }
}

/// Consuming on one channel, for as long as it lives.
struct Session<'a> {
    shared: &'a Shared,
    queue: &'a str,
    kinds: &'a HashSet<String>,
    channel: Channel,
    consumer: Consumer,
}

impl<'a> Session<'a> {
    async fn open(shared: &'a Shared, queue: &'a str, kinds: &'a HashSet<String>) -> Result<Self, Error> {
        let channel = shared.consuming.channel().await?;
        // A broker that lost its disk gets its queues back.
        let bound: Vec<_> = kinds.iter().cloned().collect();
        shared.topology(&channel, queue, &bound).await?;
        within(channel.basic_qos(shared.delivery.prefetch.max(1), BasicQosOptions::default())).await?;
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue_name(queue)?, "".into(), options, FieldTable::default());
        let consumer = within(consumer).await?;
        Ok(Self { shared, queue, kinds, channel, consumer })
    }

    async fn run(mut self, handler: &Arc<dyn Handler>, stop: &CancellationToken) -> Result<(), Error> {
        // The end of the session stops the lanes too: what they hold unsettled comes again on the next channel.
        let end = stop.child_token();
        let (lanes, mut settled) = Lanes::start(SYSTEM, self.queue, handler, self.shared.delivery, &end);
        let result = self.pump(&lanes, &mut settled, stop).await;
        end.cancel();
        if result.is_ok() {
            let tag = self.consumer.tag();
            let _ = within(self.channel.basic_cancel(tag, BasicCancelOptions::default())).await;
        }
        // Before the next session, so that an event is never handled twice at the same time.
        lanes.finish().await;
        if result.is_ok() {
            while let Ok(settled) = settled.try_recv() {
                self.settle(settled).await?;
            }
            let _ = within(self.channel.close(200, "goodbye".into())).await;
        }
        result
    }

    async fn pump(
        &mut self,
        lanes: &Lanes<Acker>,
        settled: &mut mpsc::Receiver<Settled<Acker>>,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let mut measure = tokio::time::interval(MEASURE);
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                received = self.consumer.next() => match received {
                    Some(received) => self.dispatch(received.map_err(away)?, lanes).await?,
                    None => return Err(Error::unavailable(BUS_UNAVAILABLE, "the broker cancelled the consumer")),
                },
                Some(settled) = settled.recv() => self.settle(settled).await?,
                _ = measure.tick() => self.measure().await?,
                _ = look.tick() => if !self.channel.status().connected() {
                    return Err(Error::unavailable(BUS_UNAVAILABLE, "the channel has ended"));
                },
            }
        }
    }

    async fn dispatch(&self, received: Received, lanes: &Lanes<Acker>) -> Result<(), Error> {
        match Event::from_envelope(&received.data) {
            Ok(event) if self.kinds.contains(&event.kind) => {
                let deliveries = earlier_deliveries(&received);
                lanes.dispatch(Item { event, deliveries, tag: received.acker }).await;
            }
            // A binding that an earlier version of this consumer made, or a later one will need.
            Ok(event) => {
                tracing::debug!(
                    queue = self.queue,
                    kind = event.kind,
                    "an event of a kind nobody asked for is ignored"
                );
                acknowledge(received.acker.ack(BasicAckOptions::default())).await?;
            }
            Err(error) => {
                tracing::error!(queue = self.queue, error = error.chain(), "what is no event goes to the dead letters");
                acknowledge(received.acker.reject(BasicRejectOptions { requeue: false })).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, settled: Settled<Acker>) -> Result<(), Error> {
        if let Verdict::Dead { reason } = &settled.verdict {
            // Confirmed before the original is let go.
            dead::bury(self.shared, self.queue, &settled.item.event, reason, settled.item.deliveries).await?;
        }
        acknowledge(settled.item.tag.ack(BasicAckOptions::default())).await
    }

    async fn measure(&self) -> Result<(), Error> {
        let options = QueueDeclareOptions::durable().passive();
        let queue = self.channel.queue_declare(queue_name(self.queue)?, options, FieldTable::default());
        metrics::queue_depth(self.queue, within(queue).await?.message_count().into());
        Ok(())
    }
}

/// How often a quorum queue has delivered it before.
fn earlier_deliveries(received: &Received) -> u32 {
    let headers = received.properties.headers().as_ref();
    let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    number(count).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// An integer of whatever width the broker chose.
pub(super) fn number(value: Option<&AMQPValue>) -> Option<i64> {
    match *value? {
        AMQPValue::LongLongInt(n) => Some(n),
        AMQPValue::LongInt(n) => Some(n.into()),
        AMQPValue::LongUInt(n) => Some(n.into()),
        AMQPValue::ShortInt(n) => Some(n.into()),
        AMQPValue::ShortUInt(n) => Some(n.into()),
        AMQPValue::ShortShortInt(n) => Some(n.into()),
        AMQPValue::ShortShortUInt(n) => Some(n.into()),
        _ => None,
    }
}
