//! A future that is polled only when it asked for it, beside one that is polled all the time.
//!
//! A task that drives a connection is woken for every frame, and whatever it `select!`s beside is polled each time as well:
//! timers and notifications, which mostly have nothing to say for minutes, were a tenth of what the mesh added to a call.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// Polls what is inside when that was woken, and else costs a load or two.
pub(crate) struct Dormant<F> {
    future: Pin<Box<F>>,
    alarm: Arc<Alarm>,
    /// Rings the alarm.
    bell: Waker,
    /// Whom the alarm wakes.
    task: Option<Waker>,
}

struct Alarm {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<F: Future> Dormant<F> {
    pub(crate) fn new(future: F) -> Self {
        let alarm = Arc::new(Alarm { rung: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { future: Box::pin(future), bell: Waker::from(Arc::clone(&alarm)), alarm, task: None }
    }
}

impl<F: Future> Future for Dormant<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Before the alarm is looked at: whoever rings from here on wakes the right task.
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.alarm.task.register(cx.waker());
            this.task = Some(cx.waker().clone());
        }
        if !this.alarm.rung.load(Ordering::Relaxed) || !this.alarm.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        this.future.as_mut().poll(&mut Context::from_waker(&this.bell))
    }
}

#[cfg(test)]
mod tests;
