//! Detectors and their readings.

use std::sync::Arc;

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::detector_service_server::DetectorServiceServer;
use kvartal_proto::traffic::v1::reading_service_server::ReadingServiceServer;
use kvartal_store::Store;

use crate::Config;
use crate::application::detectors::{DetectorDesk, Detectors};
use crate::application::health::HealthWatch;
use crate::application::imports::ImportDesk;
use crate::application::readings::{ReadingDesk, Readings};
use crate::application::registry::Registry;
use crate::infrastructure::{StoredDetectors, StoredReadings};
use crate::presentation::{DetectorGrpc, ReadingGrpc, schedules};

/// Largest request: a file of 8 MB and what stands around it.
const MESSAGE_BYTES_MAX: usize = 9 * 1024 * 1024;

/// Adds the part to the service.
pub(crate) async fn measuring(
    runtime: &Runtime,
    store: &Store,
    config: &Config,
    service: Service,
    due: &mut Vec<Schedule>,
) -> anyhow::Result<Service> {
    let clock = runtime.clock();
    let detectors: Arc<dyn Detectors> = Arc::new(StoredDetectors::new(store.clone()));
    let readings: Arc<dyn Readings> = Arc::new(StoredReadings::new(store.clone()));
    let registry = Arc::new(Registry::new(detectors.clone(), clock.clone()));
    let health = HealthWatch::new(detectors.clone(), readings.clone(), clock.clone());

    let desk = Arc::new(DetectorDesk::new(detectors, registry.clone(), clock.clone()));
    let counter = Arc::new(ReadingDesk::new(readings, registry, clock, config.traffic_readings_days));
    let imports = Arc::new(ImportDesk::new(desk.clone(), counter.clone()));
    due.extend(schedules(health, counter.clone(), config.traffic_rollups_days)?);

    let detector_server = DetectorServiceServer::new(DetectorGrpc::new(desk, counter.clone()));
    let reading_server = ReadingServiceServer::new(ReadingGrpc::new(counter, imports));
    Ok(service.grpc(detector_server).grpc(reading_server.max_decoding_message_size(MESSAGE_BYTES_MAX)))
}
