//! Spans that wait to be sent or forgotten. However much goes on, they take a bounded amount of memory.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;

/// How much waits at most. A span takes about a kilobyte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Traces at work at once.
    pub(super) traces: usize,
    /// Spans of one trace.
    pub(super) spans_of_one: usize,
    /// Spans in all.
    pub(super) spans: usize,
    /// Traces remembered as kept, so that what comes later of them is sent too.
    pub(super) kept: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { traces: 4096, spans_of_one: 512, spans: 16_384, kept: 1024 }
    }
}

/// The spans that wait, by trace.
#[derive(Debug)]
pub(super) struct Held {
    bounds: Bounds,
    traces: HashMap<TraceId, Piece>,
    /// When they began, the oldest first: what has waited longest goes first when there is too much.
    begun: BTreeMap<u64, TraceId>,
    next: u64,
    spans: usize,
    kept: HashSet<TraceId>,
    kept_since: VecDeque<TraceId>,
}

/// What this process has of a trace.
#[derive(Debug)]
struct Piece {
    begun: u64,
    /// Roots that have not ended. A call between services of one process makes one inside the other.
    open: usize,
    keep: bool,
    spans: Vec<SpanData>,
}

impl Held {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            traces: HashMap::new(),
            begun: BTreeMap::new(),
            next: 0,
            spans: 0,
            kept: HashSet::new(),
            kept_since: VecDeque::new(),
        }
    }

    /// A root of the trace began.
    pub(super) fn begin(&mut self, trace: TraceId) {
        if let Some(piece) = self.traces.get_mut(&trace) {
            piece.open += 1;
            return;
        }
        if self.traces.len() >= self.bounds.traces {
            self.forget_oldest();
        }
        let begun = self.next;
        self.next += 1;
        self.begun.insert(begun, trace);
        self.traces.insert(trace, Piece { begun, open: 1, keep: false, spans: Vec::new() });
    }

    /// A span ended; `fault` says that its trace is to be kept. Returns what is to be sent now.
    pub(super) fn end(&mut self, span: SpanData, root: bool, fault: bool) -> Vec<SpanData> {
        let trace = span.span_context.trace_id();
        let Some(piece) = self.traces.get_mut(&trace) else {
            // Later than its trace, or the store was too full for it: a fault is sent alone then.
            if fault {
                self.keep(trace);
            }
            return if self.kept.contains(&trace) { vec![span] } else { Vec::new() };
        };
        piece.keep |= fault;
        // The root is what explains the rest: there is always room for it.
        if piece.spans.len() < self.bounds.spans_of_one || root {
            piece.spans.push(span);
            self.spans += 1;
        }
        if root {
            piece.open = piece.open.saturating_sub(1);
            if piece.open == 0 {
                return self.decide(trace);
            }
        }
        while self.spans > self.bounds.spans {
            self.forget_oldest();
        }
        Vec::new()
    }

    fn decide(&mut self, trace: TraceId) -> Vec<SpanData> {
        let Some(piece) = self.remove(trace) else { return Vec::new() };
        if piece.keep {
            self.keep(trace);
        }
        if self.kept.contains(&trace) { piece.spans } else { Vec::new() }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, trace)) = self.begun.first_key_value() {
            self.remove(*trace);
        } else {
            self.spans = 0;
        }
    }

    fn remove(&mut self, trace: TraceId) -> Option<Piece> {
        let piece = self.traces.remove(&trace)?;
        self.begun.remove(&piece.begun);
        self.spans -= piece.spans.len();
        Some(piece)
    }

    fn keep(&mut self, trace: TraceId) {
        if self.kept.insert(trace) {
            self.kept_since.push_back(trace);
        }
        if self.kept_since.len() > self.bounds.kept
            && let Some(oldest) = self.kept_since.pop_front()
        {
            self.kept.remove(&oldest);
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        (self.traces.len(), self.spans, self.kept.len())
    }
}
