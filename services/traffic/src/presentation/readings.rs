//! The RPCs of `kvartal.traffic.v1.ReadingService`.

mod import;
mod ingest;

use std::sync::Arc;

use kvartal_kernel::{Cursor, Error, Timestamp, Uuid};
use kvartal_mesh::stream::Reply;
use kvartal_mesh::to_status;
use kvartal_proto::time::from_proto;
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use crate::application::imports::ImportDesk;
use crate::application::readings::ReadingDesk;
use crate::domain::reading::DetectorNo;
use crate::domain::rollup::Interval;
use crate::messages::measuring as messages;

/// Rows of a page when nobody says.
const PAGE: u32 = 1_000;
const DAY: i64 = 86_400;
/// Most days of readings and of aggregates in one list.
const READING_DAYS: i64 = 31;
const AGGREGATE_DAYS: i64 = 400;

/// Answers the RPCs.
pub(crate) struct ReadingGrpc {
    desk: Arc<ReadingDesk>,
    imports: Arc<ImportDesk>,
}

impl ReadingGrpc {
    pub(crate) fn new(desk: Arc<ReadingDesk>, imports: Arc<ImportDesk>) -> Self {
        Self { desk, imports }
    }

    async fn list(&self, request: pb::ListReadingsRequest) -> Result<pb::ListReadingsResponse, Error> {
        let (start, end) = times(request.start_time.as_ref(), request.end_time.as_ref(), READING_DAYS)?;
        let scope = format!("readings of {} {start} {end}", request.detector_id);
        let from = after(&scope, &request.page_token)?.map_or(start, |last| last + 1);
        let size = size(request.page_size);
        let found = self.desk.list(&request.detector_id, from, end, size).await?;
        let next = found.get(size).and(found[..size.min(found.len())].last()).map(|last| last.time);
        let measurements = found.iter().take(size).map(messages::measurement).collect();
        Ok(pb::ListReadingsResponse { measurements, next_page_token: token(&scope, next) })
    }

    async fn aggregates(&self, request: pb::ListAggregatesRequest) -> Result<pb::ListAggregatesResponse, Error> {
        let (start, end) = times(request.start_time.as_ref(), request.end_time.as_ref(), AGGREGATE_DAYS)?;
        let interval = interval(request.interval);
        let scope = format!("aggregates of {} {interval:?} {start} {end}", request.detector_id);
        let from = after(&scope, &request.page_token)?.map_or(start, |last| last + 1);
        let size = size(request.page_size);
        let found = self.desk.aggregates(&request.detector_id, interval, from, end, size).await?;
        let next = found.get(size).and(found[..size.min(found.len())].last()).map(|last| last.start);
        let aggregates = found.iter().take(size).map(messages::aggregate).collect();
        Ok(pb::ListAggregatesResponse { aggregates, next_page_token: token(&scope, next) })
    }

    async fn grid(&self, request: pb::ListCityGridRequest) -> Result<pb::ListCityGridResponse, Error> {
        let time = from_proto("time", request.time.as_ref())?.unwrap_or_default().seconds();
        let interval = interval(request.interval);
        let scope = format!("grid {interval:?} {time}");
        let after = after(&scope, &request.page_token)?.and_then(|number| i32::try_from(number).ok()).unwrap_or(0);
        let limit = u64::try_from(size(request.page_size)).unwrap_or(u64::MAX);
        let (cells, next) = self.desk.grid(interval, time, DetectorNo(after), limit).await?;
        let cell =
            |(detector_id, aggregate)| pb::GridCell { detector_id, aggregate: Some(messages::aggregate(&aggregate)) };
        let next_page_token = token(&scope, next.map(|number| number.0.into()));
        Ok(pb::ListCityGridResponse { cells: cells.into_iter().map(cell).collect(), next_page_token })
    }
}

fn size(page_size: u32) -> usize {
    usize::try_from(if page_size == 0 { PAGE } else { page_size }).unwrap_or(usize::MAX)
}

fn interval(number: i32) -> Interval {
    match pb::Interval::try_from(number) {
        Ok(pb::Interval::FiveMinutes) => Interval::Five,
        Ok(pb::Interval::Hour) => Interval::Hour,
        _ => Interval::Fifteen,
    }
}

/// Start and end in seconds; a part of a second at the end counts as a whole one, so that nothing before it is left out.
fn times(
    start: Option<&prost_types::Timestamp>,
    end: Option<&prost_types::Timestamp>,
    days_max: i64,
) -> Result<(i64, i64), Error> {
    let round_up = |time: Timestamp| time.0.div_euclid(1_000_000) + i64::from(time.0.rem_euclid(1_000_000) > 0);
    let start = from_proto("start_time", start)?.map_or(0, round_up);
    let end = from_proto("end_time", end)?.map_or(0, round_up);
    if end <= start {
        return Err(Error::invalid("end_time", "must be later than start_time"));
    }
    if end - start > days_max * DAY {
        return Err(Error::invalid("end_time", format!("must be at most {days_max} days after start_time")));
    }
    Ok((start, end))
}

fn after(scope: &str, token: &str) -> Result<Option<i64>, Error> {
    if token.is_empty() { Ok(None) } else { Cursor::decode(scope, token).map(|cursor| Some(cursor.key)) }
}

fn token(scope: &str, next: Option<i64>) -> String {
    next.map(|key| Cursor { key, id: Uuid::nil() }.encode(scope)).unwrap_or_default()
}

#[tonic::async_trait]
impl pb::reading_service_server::ReadingService for ReadingGrpc {
    type ImportReadingsStream = Reply<pb::ImportReadingsResponse>;

    async fn ingest_readings(
        &self,
        request: Request<pb::IngestReadingsRequest>,
    ) -> Result<Response<pb::IngestReadingsResponse>, Status> {
        ingest::rows(&self.desk, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn ingest_reading_columns(
        &self,
        request: Request<pb::IngestReadingColumnsRequest>,
    ) -> Result<Response<pb::IngestReadingColumnsResponse>, Status> {
        ingest::columns(&self.desk, request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn import_readings(
        &self,
        request: Request<pb::ImportReadingsRequest>,
    ) -> Result<Response<Self::ImportReadingsStream>, Status> {
        import::stream(self.imports.clone(), request.into_inner()).map(Response::new).map_err(to_status)
    }

    async fn list_readings(
        &self,
        request: Request<pb::ListReadingsRequest>,
    ) -> Result<Response<pb::ListReadingsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_aggregates(
        &self,
        request: Request<pb::ListAggregatesRequest>,
    ) -> Result<Response<pb::ListAggregatesResponse>, Status> {
        self.aggregates(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_city_grid(
        &self,
        request: Request<pb::ListCityGridRequest>,
    ) -> Result<Response<pb::ListCityGridResponse>, Status> {
        self.grid(request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}
