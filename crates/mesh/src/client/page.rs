//! A request that is no RPC, such as one for a photo: one attempt at one endpoint, judged by its HTTP status.

use std::sync::Arc;

use http::StatusCode;
use tonic::Status;
use tonic::body::Body;

use super::balancer::Balancer;
use super::call::{UNSENT_MAX, dropped, failed};
use super::gate::Verdict;
use super::lease::{Failure, Want};
use crate::service::{Request, Response};

/// Passes a request on to one of the service's endpoints. It is sent once; its body and the answer's are streamed.
pub(crate) async fn page(balancer: &Arc<Balancer>, want: &Want, request: Request) -> Result<Response, Status> {
    let mut request = request;
    for _ in 0..UNSENT_MAX {
        let mut lease = balancer.acquire(want).await.map_err(|why| dropped(balancer, why))?;
        match lease.send(request).await {
            Ok(answer) => {
                lease.judge(verdict(answer.status()), None);
                return Ok(answer.map(Body::new));
            }
            Err(Failure::Unsent(unsent)) => {
                lease.judge(Verdict::Nothing, None);
                request = *unsent;
            }
            Err(Failure::Refused) => {
                lease.judge(Verdict::Nothing, None);
                return Err(failed(balancer, "the stream was refused"));
            }
            Err(Failure::Broken(error)) => {
                lease.judge(Verdict::Broken, Some(&error));
                return Err(failed(balancer, &error));
            }
        }
    }
    Err(failed(balancer, "connections close as soon as they are used"))
}

/// What a status says about the endpoint: what the client did wrong is none of its faults.
fn verdict(status: StatusCode) -> Verdict {
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Verdict::Broken,
        status if status.is_server_error() => Verdict::Faulty,
        _ => Verdict::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_own_faults_count_against_it() {
        for status in [StatusCode::OK, StatusCode::NOT_MODIFIED, StatusCode::NOT_FOUND, StatusCode::TOO_MANY_REQUESTS] {
            assert_eq!(verdict(status), Verdict::Good, "{status}");
        }
        assert_eq!(verdict(StatusCode::INTERNAL_SERVER_ERROR), Verdict::Faulty);
        assert_eq!(verdict(StatusCode::SERVICE_UNAVAILABLE), Verdict::Broken);
    }
}
