//! Frames of the demo's cameras, painted from what drives on their roads.

use kvartal_kernel::Error;
use kvartal_proto::traffic::v1 as pb;

use super::camera::{Scene, paint};
use super::demand::daylight;
use super::seeding::{Camera, administrator};
use super::world::World;
use crate::demo::Demo;
use crate::demo::city::SEED;
use crate::demo::random::Random;

/// This one shows the same picture again and again.
const FROZEN: usize = 5;
/// This one sent its last frame when the city began.
const GONE: usize = 6;

/// Paints a frame for each camera and uploads it.
pub(crate) async fn upload(demo: &Demo, world: &World, cameras: &[Camera], round: u64) -> Result<(), Error> {
    for (index, camera) in cameras.iter().enumerate() {
        if index == GONE && round > 0 {
            continue;
        }
        let round = if index == FROZEN { 0 } else { round };
        let scene = if index == FROZEN {
            Scene { lanes: 2, density: 0.02, shift_m: 0.0, light: 1.0 }
        } else {
            let (density, speed) = world.now(camera.road);
            let lanes = world.roads.roads[camera.road].grade.lanes();
            Scene { lanes, density, shift_m: round as f64 * 3.7 * speed, light: daylight(world.moment()) }
        };
        let mut random = Random::new(SEED, 900_000 + ((index as u64) << 32) + round);
        let painting = tokio::task::spawn_blocking(move || paint(scene, &mut random));
        let painted = painting.await.map_err(|error| Error::internal("a frame was not painted").because(error))?;
        let content = painted.map_err(|error| Error::internal("a frame could not be painted").because(error))?;
        let request =
            pb::UploadCameraFrameRequest { camera_id: camera.id.clone(), time: None, content: content.into() };
        let client = &demo.town.traffic.cameras;
        let answer = demo.town.call(administrator(demo)?, request, |request| {
            let mut client = client.clone();
            Box::pin(async move { client.upload_camera_frame(request).await })
        });
        answer.await?;
    }
    Ok(())
}
