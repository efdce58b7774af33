//! Patrols and cameras.

use std::sync::Arc;
use std::time::Duration;

use kvartal_host::jobs::Schedule;
use kvartal_host::{Runtime, Service};
use kvartal_proto::traffic::v1::camera_service_server::CameraServiceServer;
use kvartal_proto::traffic::v1::patrol_service_server::PatrolServiceServer;
use kvartal_store::Store;

use crate::NAME;
use crate::application::cameras::CameraDesk;
use crate::application::live::{Board, Showing};
use crate::application::network::Atlas;
use crate::application::patrols::{PatrolDesk, Speeds};
use crate::infrastructure::{FrameProcessor, IncidentClient, StoredCameras, StoredPatrols};
use crate::presentation::{CameraGrpc, IncidentConsumer, LiveBoard, PatrolGrpc, Shown, fleet_schedules, frame_routes};

/// How often the board is compared with the tables: for what other replicas did, and for cameras that grow stale.
const COMPARE: Duration = Duration::from_secs(2);
/// Largest frame, and what stands around it.
const MESSAGE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Adds the part to the service.
pub(crate) async fn fleet(
    runtime: &Runtime,
    store: &Store,
    service: Service,
    schedules: &mut Vec<Schedule>,
    atlas: Arc<Atlas>,
    board: Arc<Board<Shown>>,
    speeds: Arc<dyn Speeds>,
) -> anyhow::Result<Service> {
    let showing: Arc<dyn Showing> = Arc::new(LiveBoard::new(board));
    let incidents = Arc::new(IncidentClient::new(runtime.directory().channel("incident", NAME)?));
    let patrols = Arc::new(PatrolDesk::new(
        Arc::new(StoredPatrols::new(store.clone())),
        incidents,
        atlas.clone(),
        speeds,
        showing.clone(),
        runtime.clock(),
    ));
    let cameras = Arc::new(CameraDesk::new(
        Arc::new(StoredCameras::new(store.clone())),
        Arc::new(FrameProcessor::default()),
        atlas,
        showing,
        runtime.clock(),
    ));
    runtime.consume(NAME, Arc::new(IncidentConsumer::new(patrols.clone()))).await?;
    schedules.extend(fleet_schedules(patrols.clone())?);
    follow(runtime, patrols.clone(), cameras.clone());
    let camera_server = CameraServiceServer::new(CameraGrpc::new(cameras.clone()));
    Ok(service
        .grpc(PatrolServiceServer::new(PatrolGrpc::new(patrols)))
        .grpc(camera_server.max_decoding_message_size(MESSAGE_BYTES_MAX))
        .http(frame_routes(cameras)))
}

/// Shows patrols and cameras, and goes on comparing.
fn follow(runtime: &Runtime, patrols: Arc<PatrolDesk>, cameras: Arc<CameraDesk>) {
    let stop = runtime.stop();
    runtime.spawn("fleet board", async move {
        let compare = async {
            loop {
                if let Err(error) = async { patrols.show_all().await.and(cameras.show_all().await) }.await {
                    tracing::debug!(error = error.chain(), "patrols and cameras cannot be read");
                }
                tokio::time::sleep(COMPARE).await;
            }
        };
        stop.run_until_cancelled(compare).await;
    });
}
