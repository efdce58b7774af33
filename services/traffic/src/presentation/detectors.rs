//! The RPCs of `kvartal.traffic.v1.DetectorService`.

use std::sync::Arc;

use kvartal_kernel::{Error, PageRequest};
use kvartal_mesh::to_status;
use kvartal_proto::traffic::v1 as pb;
use tonic::{Request, Response, Status};

use crate::application::detectors::{DetectorDesk, DetectorFilter, DetectorPatch};
use crate::application::readings::ReadingDesk;
use crate::domain::detector::{Detector, DetectorFacts, DetectorKind, Health, PERIOD};
use crate::domain::health::SPECIFICATIONS;
use crate::messages::measuring as messages;

/// Answers the RPCs.
pub(crate) struct DetectorGrpc {
    desk: Arc<DetectorDesk>,
    readings: Arc<ReadingDesk>,
}

impl DetectorGrpc {
    pub(crate) fn new(desk: Arc<DetectorDesk>, readings: Arc<ReadingDesk>) -> Self {
        Self { desk, readings }
    }

    async fn shown(&self, detector: Detector) -> Result<pb::Detector, Error> {
        let newest = self.readings.newest(&[detector.number]).await?;
        Ok(messages::detector(&detector, newest.get(&detector.number)))
    }

    async fn list(&self, request: pb::ListDetectorsRequest) -> Result<pb::ListDetectorsResponse, Error> {
        let filter = filter(request.filter.unwrap_or_default())?;
        let scope = format!("detectors {filter:?}");
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.list(&filter, page).await?;
        let numbers: Vec<_> = page.items.iter().map(|detector| detector.number).collect();
        let newest = self.readings.newest(&numbers).await?;
        let next_page_token = page.next_token(&scope);
        let shown = |detector: &Detector| messages::detector(detector, newest.get(&detector.number));
        Ok(pb::ListDetectorsResponse { detectors: page.items.iter().map(shown).collect(), next_page_token })
    }

    async fn create(&self, new: pb::NewDetector) -> Result<pb::Detector, Error> {
        let (id, facts) = facts("detector", new)?;
        self.shown(self.desk.create(id, facts).await?).await
    }

    async fn put(&self, new: Vec<pb::NewDetector>) -> Result<pb::BatchPutDetectorsResponse, Error> {
        let each = new.into_iter().enumerate().map(|(place, new)| facts(&format!("detectors[{place}]"), new));
        let counts = self.desk.put(each.collect::<Result<_, _>>()?).await?;
        Ok(pb::BatchPutDetectorsResponse {
            created_count: counts.created,
            updated_count: counts.updated,
            unchanged_count: counts.unchanged,
        })
    }

    async fn update(&self, request: pb::UpdateDetectorRequest) -> Result<pb::Detector, Error> {
        let (id, etag) = (request.detector_id.clone(), request.etag.clone());
        let patch = patch(request)?;
        self.shown(self.desk.update(&id, patch, &etag).await?).await
    }

    async fn health_events(
        &self,
        request: pb::ListDetectorHealthEventsRequest,
    ) -> Result<pb::ListDetectorHealthEventsResponse, Error> {
        let scope = format!("health of {}", request.detector_id);
        let page = PageRequest::parse(&scope, request.page_size, &request.page_token)?;
        let page = self.desk.health_events(&request.detector_id, page).await?;
        let next_page_token = page.next_token(&scope);
        let events = page.items.into_iter().map(|(event, id)| messages::health_event(event, id)).collect();
        Ok(pb::ListDetectorHealthEventsResponse { events, next_page_token })
    }
}

fn kind(number: i32) -> Result<DetectorKind, Error> {
    DetectorKind::from_number(number).ok_or_else(|| Error::invalid("kind", "must be a kind that the contract defines"))
}

/// 0 stands for what is usual.
fn period(seconds: u32) -> u32 {
    if seconds == 0 { PERIOD } else { seconds }
}

fn facts(at: &str, new: pb::NewDetector) -> Result<(String, DetectorFacts), Error> {
    let kind = DetectorKind::from_number(new.kind)
        .ok_or_else(|| Error::invalid(format!("{at}.kind"), "must be a kind that the contract defines"))?;
    let facts = DetectorFacts {
        name: new.display_name,
        kind,
        location: new.location.map(|place| (place.latitude, place.longitude)),
        segment: new.segment_id,
        segment_offset_m: new.segment_offset_m,
        lane: new.lane,
        period: period(new.period_seconds),
    };
    Ok((new.detector_id, facts))
}

fn patch(request: pb::UpdateDetectorRequest) -> Result<DetectorPatch, Error> {
    let mut patch = DetectorPatch::default();
    for path in request.update_mask.unwrap_or_default().paths {
        match path.as_str() {
            "display_name" => patch.name = Some(request.display_name.clone()),
            "kind" => patch.kind = Some(kind(request.kind)?),
            "location" => patch.location = Some(request.location.map(|place| (place.latitude, place.longitude))),
            "segment_id" => patch.segment = Some(request.segment_id.clone()),
            "segment_offset_m" => patch.segment_offset_m = Some(request.segment_offset_m),
            "lane" => patch.lane = Some(request.lane),
            "period_seconds" => patch.period = Some(period(request.period_seconds)),
            other => {
                let known = "display_name, kind, location, segment_id, segment_offset_m, lane, period_seconds";
                return Err(Error::invalid("update_mask", format!("{other} cannot be changed; these can: {known}")));
            }
        }
    }
    Ok(patch)
}

fn filter(filter: pb::DetectorFilter) -> Result<DetectorFilter, Error> {
    let bounds = filter.bounds.map(|bounds| {
        let (low, high) = (bounds.low.unwrap_or_default(), bounds.high.unwrap_or_default());
        if low.latitude > high.latitude || low.longitude > high.longitude {
            return Err(Error::invalid("filter.bounds", "low must lie south-west of high"));
        }
        Ok([low.latitude, low.longitude, high.latitude, high.longitude])
    });
    let health = |number: &i32| match number {
        1 => Health::Good,
        2 => Health::Failed,
        3 => Health::Retired,
        _ => Health::Unknown,
    };
    Ok(DetectorFilter {
        bounds: bounds.transpose()?,
        segment: filter.segment_id,
        healths: filter.healths.iter().map(health).collect(),
        kinds: filter.kinds.into_iter().map(kind).collect::<Result<_, _>>()?,
    })
}

#[tonic::async_trait]
impl pb::detector_service_server::DetectorService for DetectorGrpc {
    async fn get_detector(
        &self,
        request: Request<pb::GetDetectorRequest>,
    ) -> Result<Response<pb::GetDetectorResponse>, Status> {
        let found = async { self.shown(self.desk.get(&request.into_inner().detector_id).await?).await };
        let detector = Some(found.await.map_err(to_status)?);
        Ok(Response::new(pb::GetDetectorResponse { detector }))
    }

    async fn list_detectors(
        &self,
        request: Request<pb::ListDetectorsRequest>,
    ) -> Result<Response<pb::ListDetectorsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn create_detector(
        &self,
        request: Request<pb::CreateDetectorRequest>,
    ) -> Result<Response<pb::CreateDetectorResponse>, Status> {
        let new = request.into_inner().detector.unwrap_or_default();
        let detector = Some(self.create(new).await.map_err(to_status)?);
        Ok(Response::new(pb::CreateDetectorResponse { detector }))
    }

    async fn batch_put_detectors(
        &self,
        request: Request<pb::BatchPutDetectorsRequest>,
    ) -> Result<Response<pb::BatchPutDetectorsResponse>, Status> {
        self.put(request.into_inner().detectors).await.map(Response::new).map_err(to_status)
    }

    async fn update_detector(
        &self,
        request: Request<pb::UpdateDetectorRequest>,
    ) -> Result<Response<pb::UpdateDetectorResponse>, Status> {
        let detector = Some(self.update(request.into_inner()).await.map_err(to_status)?);
        Ok(Response::new(pb::UpdateDetectorResponse { detector }))
    }

    async fn delete_detector(
        &self,
        request: Request<pb::DeleteDetectorRequest>,
    ) -> Result<Response<pb::DeleteDetectorResponse>, Status> {
        let pb::DeleteDetectorRequest { detector_id, etag } = request.into_inner();
        let retired = async { self.shown(self.desk.retire(&detector_id, &etag).await?).await };
        let detector = Some(retired.await.map_err(to_status)?);
        Ok(Response::new(pb::DeleteDetectorResponse { detector }))
    }

    async fn list_detector_health_events(
        &self,
        request: Request<pb::ListDetectorHealthEventsRequest>,
    ) -> Result<Response<pb::ListDetectorHealthEventsResponse>, Status> {
        self.health_events(request.into_inner()).await.map(Response::new).map_err(to_status)
    }

    async fn list_detector_health_rules(
        &self,
        _: Request<pb::ListDetectorHealthRulesRequest>,
    ) -> Result<Response<pb::ListDetectorHealthRulesResponse>, Status> {
        let rules = SPECIFICATIONS.iter().map(messages::health_rule).collect();
        Ok(Response::new(pb::ListDetectorHealthRulesResponse { rules }))
    }
}
