//! The incident service.

#![doc = include_str!("../README.md")]

pub mod application;
pub mod domain;
pub mod infrastructure;
pub mod messages;
pub mod presentation;

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::{Runtime, Service};
use kvartal_proto::incident::v1::incident_service_server::IncidentServiceServer;
use kvartal_proto::incident::v1::report_service_server::ReportServiceServer;
use kvartal_proto::incident::v1::suggestion_service_server::SuggestionServiceServer;
use sea_orm_migration::MigrationTrait;

use application::catalogue::Atlas;
use application::incidents::IncidentDesk;
use application::photos::PhotoDesk;
use application::ports::{Cases, Changes, Incidents, PhotoProcessor, Photos, Reports};
use application::reports::ReportDesk;
use application::suggestions::{SuggestionDesk, Suggestions};
use application::upkeep::Upkeep;
use application::watch::Feed;
use infrastructure::{
    ImageProcessor, StoredCases, StoredCatalogue, StoredChanges, StoredIncidents, StoredPhotos, StoredReports,
    StoredSuggestions,
};
use presentation::{IncidentGrpc, Open311, Pages, ReportGrpc, SuggestionGrpc, TrafficConsumer, routes, schedules};

/// Name of the service.
pub const NAME: &str = "incident";

/// Largest request: a photo of 8 MB, a feed of 4 MB, and what stands around them.
const MESSAGE_BYTES_MAX: usize = 9 * 1024 * 1024;

/// How often changes made by other replicas are looked for.
const REPLICA_POLL: Duration = Duration::from_millis(500);

/// What can be configured: nothing so far.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {}

/// The service's tables.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    infrastructure::migrations()
}

/// Wires the service together: storage, desks, the feed of changes, what the clock asks for, and how it is spoken to.
pub async fn service(runtime: &Runtime, _config: &Config) -> anyhow::Result<Service> {
    let store = runtime.store(NAME, migrations()).await?;
    let clock = runtime.clock();

    let cases: Arc<dyn Cases> = Arc::new(StoredCases::new(store.clone()));
    let incidents: Arc<dyn Incidents> = Arc::new(StoredIncidents::new(store.clone()));
    let reports: Arc<dyn Reports> = Arc::new(StoredReports::new(store.clone()));
    let photos: Arc<dyn Photos> = Arc::new(StoredPhotos::new(store.clone()));
    let processor: Arc<dyn PhotoProcessor> = Arc::new(ImageProcessor::default());
    let changes: Arc<dyn Changes> = Arc::new(StoredChanges::new(store.clone()));
    let suggestions: Arc<dyn Suggestions> = Arc::new(StoredSuggestions::new(store.clone()));
    let atlas = Arc::new(Atlas::new(Arc::new(StoredCatalogue::new(store.clone())), clock.clone()));

    let desk = IncidentDesk::new(cases.clone(), incidents.clone(), atlas.clone(), clock.clone());
    let desk = Arc::new(desk);
    let counter = Arc::new(ReportDesk::new(cases.clone(), reports.clone(), atlas.clone(), clock.clone()));
    let suggester = SuggestionDesk::new(suggestions.clone(), incidents.clone(), atlas.clone(), clock.clone());
    let suggester = Arc::new(suggester);
    let photo_desk = Arc::new(PhotoDesk::new(photos.clone(), processor, reports.clone(), clock.clone()));

    let feed = Arc::new(Feed::new(changes.clone()));
    let (reader, committed, stop) = (feed.clone(), store.committed(), runtime.stop());
    // SQLite belongs to this process alone: nobody else commits.
    let poll = store.is_postgres().then_some(REPLICA_POLL);
    runtime.spawn("incident feed", async move { reader.run(committed, poll, stop.cancelled_owned()).await });

    let public_url = runtime.config().public_url.clone();
    let pages = Pages {
        incidents: desk.clone(),
        photos: photo_desk.clone(),
        clock: clock.clone(),
        publisher: public_url.clone(),
    };
    let own_stack = {
        // Asked for when it is needed: the service is registered only after this function.
        let runtime = runtime.clone();
        move || runtime.services().into_iter().find(|service| service.name == NAME).map(|service| service.grpc)
    };
    let open311 = Open311 {
        reports: counter.clone(),
        atlas: atlas.clone(),
        clock: clock.clone(),
        public_url,
        own_stack: Box::new(own_stack),
    };

    let upkeep = Arc::new(Upkeep { cases, incidents, reports, photos, changes, suggestions, clock });
    let jobs = schedules(&upkeep)?.into_iter().fold(runtime.jobs(&store), |jobs, schedule| jobs.schedule(schedule));
    jobs.run(Vec::new());

    runtime.consume(NAME, Arc::new(TrafficConsumer::new(desk.clone(), suggester.clone()))).await?;

    let incident_server = IncidentServiceServer::new(IncidentGrpc::new(desk, feed.clone()));
    let report_server = ReportServiceServer::new(ReportGrpc::new(counter, photo_desk, atlas, feed));
    Ok(Service::new(NAME, store)
        .grpc(incident_server.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .grpc(report_server.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .grpc(SuggestionServiceServer::new(SuggestionGrpc::new(suggester)))
        .http(routes(pages, open311)))
}
