//! Calls any RPC with any bytes, for tests that are generated from the contract.

use bytes::Bytes;
use http::uri::PathAndQuery;
use kvartal_contract::Method;
use kvartal_stage::BytesCodec;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// A client without a schema.
#[derive(Clone, Debug)]
pub struct RawClient {
    channel: Channel,
}

/// What a raw call came to.
#[derive(Clone, Debug)]
pub struct RawOutcome {
    /// The gRPC status.
    pub code: Code,
    /// Its message.
    pub message: String,
    /// The reason in its `google.rpc.ErrorInfo`; empty without one.
    pub reason: String,
    /// The fields in its `google.rpc.BadRequest`.
    pub fields: Vec<String>,
}

impl RawClient {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Calls with these bytes as the message; of a stream only the first answer is awaited.
    pub async fn call(&self, method: &Method, token: Option<&str>, message: Bytes) -> RawOutcome {
        match self.try_call(method, token, message).await {
            Ok(()) => RawOutcome { code: Code::Ok, message: String::new(), reason: String::new(), fields: Vec::new() },
            Err(status) => {
                let details = status.get_error_details();
                RawOutcome {
                    code: status.code(),
                    message: status.message().to_owned(),
                    reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
                    fields: details
                        .bad_request()
                        .map(|bad| bad.field_violations.iter().map(|v| v.field.clone()).collect())
                        .unwrap_or_default(),
                }
            }
        }
    }

    async fn try_call(&self, method: &Method, token: Option<&str>, message: Bytes) -> Result<(), Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone()).max_encoding_message_size(64 << 20);
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let mut request = Request::new(message);
        if let Some(token) = token {
            let value =
                MetadataValue::try_from(format!("Bearer {token}")).map_err(|e| Status::unknown(e.to_string()))?;
            request.metadata_mut().insert("authorization", value);
        }
        let path = PathAndQuery::try_from(&method.path).map_err(|error| Status::unknown(error.to_string()))?;
        if method.server_streaming {
            let mut stream = grpc.server_streaming(request, path, BytesCodec).await?.into_inner();
            stream.message().await.map(|_| ())
        } else {
            grpc.unary(request, path, BytesCodec).await.map(|_| ())
        }
    }
}
