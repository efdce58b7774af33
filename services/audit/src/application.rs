//! The use cases: append what happened, list it, check the chain.

use std::sync::Arc;

use async_trait::async_trait;
use kvartal_kernel::{Error, Kind, Page, PageRequest, Timestamp};

use crate::domain::{Entry, Flaw, Head, Problem, Record, Walk};

/// How many records the check reads at a time.
const BATCH: u64 = 500;

/// Which records are wanted; empty texts and absent times leave everything in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filter {
    /// Of this actor.
    pub actor: String,
    /// About this subject.
    pub subject: String,
    /// Of this event type.
    pub kind: String,
    /// This time or later.
    pub start: Option<Timestamp>,
    /// Before this time.
    pub end: Option<Timestamp>,
}

/// Both ends of what is stored, of one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ends {
    /// The head row; `None` when it is gone.
    pub head: Option<Head>,
    /// Number of the newest stored record; 0 for none.
    pub last: u64,
}

/// Where the chain lives.
#[async_trait]
pub(crate) trait Records: Send + Sync {
    /// Appends the entry unless its event has been appended before; tells whether it did.
    async fn append(&self, entry: Entry) -> Result<bool, Error>;

    /// A page, newest first.
    async fn page(&self, filter: &Filter, request: &PageRequest) -> Result<Page<Record>, Error>;

    /// The head row and the newest record's number.
    async fn ends(&self) -> Result<Ends, Error>;

    /// At most `limit` records from this number on, oldest first.
    async fn from(&self, sequence: u64, limit: u64) -> Result<Vec<Record>, Error>;
}

/// What a check of the chain found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verification {
    /// How many records fitted.
    pub checked: u64,
    /// Where the chain ends, to be compared with a head kept elsewhere.
    pub head: Head,
    /// The first record that does not fit; `None` when all do.
    pub flaw: Option<Flaw>,
}

/// The audit record.
#[derive(Clone)]
pub(crate) struct Audit {
    records: Arc<dyn Records>,
}

impl Audit {
    /// The audit record kept in `records`.
    pub(crate) fn new(records: Arc<dyn Records>) -> Self {
        Self { records }
    }

    /// Appends what happened, once for each event.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), Error> {
        let event = entry.event;
        if !self.records.append(entry.bounded()).await? {
            tracing::debug!(%event, "the event has its record already");
        }
        Ok(())
    }

    /// Lists records, newest first.
    pub(crate) async fn list(&self, filter: &Filter, request: &PageRequest) -> Result<Page<Record>, Error> {
        self.records.page(filter, request).await
    }

    /// Checks the chain from a record on; the record before it is trusted. Records appended meanwhile are left out.
    pub(crate) async fn verify(&self, from: u64) -> Result<Verification, Error> {
        let from = from.max(1);
        let Ends { head, last } = self.records.ends().await?;
        let Some(head) = head else {
            let flaw = Flaw { sequence: last.max(1), problem: Problem::HeadMissing };
            return Ok(Verification { checked: 0, head: Head::origin(), flaw: Some(flaw) });
        };
        if from > head.sequence.max(last) + 1 {
            return Err(Error::invalid("from_sequence", format!("must be at most {}", head.sequence + 1)));
        }
        let trusted = match self.trusted(from - 1).await? {
            Ok(trusted) => trusted,
            Err(flaw) => return Ok(Verification { checked: 0, head, flaw: Some(flaw) }),
        };
        let mut walk = Walk::new(trusted, head.clone());
        let found = match self.walk(&mut walk).await? {
            Ok(()) => walk.finish(last),
            Err(flaw) => Err(flaw),
        };
        Ok(Verification { checked: walk.checked(), head, flaw: found.err() })
    }

    /// The head of the chain up to a record that is taken for true.
    async fn trusted(&self, sequence: u64) -> Result<Result<Head, Flaw>, Error> {
        if sequence == 0 {
            return Ok(Ok(Head::origin()));
        }
        let found = self.read(sequence, 1).await?;
        Ok(match found {
            Ok(records) => match records.first() {
                Some(record) if record.sequence == sequence => Ok(record.head()),
                _ => Err(Flaw { sequence, problem: Problem::Missing }),
            },
            Err(Unreadable) => Err(Flaw { sequence, problem: Problem::Unreadable }),
        })
    }

    async fn walk(&self, walk: &mut Walk) -> Result<Result<(), Flaw>, Error> {
        let mut batch = BATCH;
        while !walk.is_over() {
            let records = match self.read(walk.next(), batch).await? {
                Ok(records) => records,
                // Something in the batch cannot be read: go on one by one, to name it.
                Err(Unreadable) if batch > 1 => {
                    batch = 1;
                    continue;
                }
                Err(Unreadable) => return Ok(Err(Flaw { sequence: walk.next(), problem: Problem::Unreadable })),
            };
            if records.is_empty() {
                break;
            }
            for record in &records {
                if walk.is_over() {
                    break;
                }
                if let Err(flaw) = walk.check(record) {
                    return Ok(Err(flaw));
                }
            }
        }
        Ok(Ok(()))
    }

    /// Reads records; a row that the database gives but that is no record is a finding, not a failure of the check.
    async fn read(&self, from: u64, limit: u64) -> Result<Result<Vec<Record>, Unreadable>, Error> {
        match self.records.from(from, limit).await {
            Ok(records) => Ok(Ok(records)),
            Err(error) if error.kind() == Kind::Internal => {
                tracing::warn!(error = error.chain(), from, "an audit record cannot be read");
                Ok(Err(Unreadable))
            }
            Err(error) => Err(error),
        }
    }
}

struct Unreadable;
