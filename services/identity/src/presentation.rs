//! Identity over gRPC: parse, call, answer.

mod convert;

use std::future::Future;
use std::sync::Arc;

use kvartal_kernel::{Error, Role, Roles};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::identity::v1 as pb;
use kvartal_proto::identity::v1::identity_service_server::IdentityService;
use tonic::{Request, Response, Status, async_trait};

use crate::application::Identity;
use crate::domain::{
    ClientId, DisplayName, Email, RefreshToken, Secret, SessionId, Token, UserId, dead_link, session_over,
};
use convert::{client_page, colleague_page, optional_role, required_role, user_page};

/// The gRPC service.
pub struct Grpc(pub Arc<Identity>);

type Answer<T> = Result<Response<T>, Status>;

/// Turns a result into an answer.
async fn answer<T>(work: impl Future<Output = Result<T, Error>> + Send) -> Answer<T> {
    work.await.map(Response::new).map_err(to_status)
}

#[async_trait]
impl IdentityService for Grpc {
    async fn register(&self, request: Request<pb::RegisterRequest>) -> Answer<pb::RegisterResponse> {
        answer(async {
            self.0.register(request.into_inner().try_into()?).await?;
            Ok(pb::RegisterResponse {})
        })
        .await
    }

    async fn confirm_email(&self, request: Request<pb::ConfirmEmailRequest>) -> Answer<pb::ConfirmEmailResponse> {
        answer(async {
            let token = Token::parse(&request.into_inner().token).ok_or_else(dead_link)?;
            self.0.confirm_email(token).await?;
            Ok(pb::ConfirmEmailResponse {})
        })
        .await
    }

    async fn resend_confirmation(
        &self,
        request: Request<pb::ResendConfirmationRequest>,
    ) -> Answer<pb::ResendConfirmationResponse> {
        answer(async {
            self.0.resend_confirmation(Email::parse("email", &request.into_inner().email)?).await?;
            Ok(pb::ResendConfirmationResponse {})
        })
        .await
    }

    async fn sign_in(&self, request: Request<pb::SignInRequest>) -> Answer<pb::SignInResponse> {
        let caller = caller(&request);
        let pb::SignInRequest { email, password } = request.into_inner();
        answer(async {
            let email = Email::parse("email", &email)?;
            let signed_in = self.0.sign_in(&caller, email, Secret::new(password)).await?;
            Ok(pb::SignInResponse { tokens: Some(signed_in.tokens.into()), user: Some(signed_in.account.into()) })
        })
        .await
    }

    async fn refresh_session(&self, request: Request<pb::RefreshSessionRequest>) -> Answer<pb::RefreshSessionResponse> {
        answer(async {
            let token = RefreshToken::parse(&request.into_inner().refresh_token).ok_or_else(session_over)?;
            let tokens = self.0.refresh_session(token).await?;
            Ok(pb::RefreshSessionResponse { tokens: Some(tokens.into()) })
        })
        .await
    }

    async fn sign_out(&self, request: Request<pb::SignOutRequest>) -> Answer<pb::SignOutResponse> {
        answer(async {
            self.0.sign_out(&caller(&request)).await?;
            Ok(pb::SignOutResponse {})
        })
        .await
    }

    async fn sign_out_everywhere(
        &self,
        request: Request<pb::SignOutEverywhereRequest>,
    ) -> Answer<pb::SignOutEverywhereResponse> {
        answer(async {
            let count = self.0.sign_out_everywhere(&caller(&request)).await?;
            Ok(pb::SignOutEverywhereResponse { session_count: u32::try_from(count).unwrap_or(u32::MAX) })
        })
        .await
    }

    async fn list_sessions(&self, request: Request<pb::ListSessionsRequest>) -> Answer<pb::ListSessionsResponse> {
        let caller = caller(&request);
        answer(async {
            let sessions = self.0.list_sessions(&caller).await?;
            let sessions = sessions.into_iter().map(|session| convert::session(session, &caller)).collect();
            Ok(pb::ListSessionsResponse { sessions })
        })
        .await
    }

    async fn revoke_session(&self, request: Request<pb::RevokeSessionRequest>) -> Answer<pb::RevokeSessionResponse> {
        let caller = caller(&request);
        answer(async {
            let id = SessionId::parse("session_id", &request.into_inner().session_id)?;
            self.0.revoke_session(&caller, id).await?;
            Ok(pb::RevokeSessionResponse {})
        })
        .await
    }

    async fn change_password(&self, request: Request<pb::ChangePasswordRequest>) -> Answer<pb::ChangePasswordResponse> {
        let caller = caller(&request);
        let pb::ChangePasswordRequest { current_password, new_password } = request.into_inner();
        answer(async {
            self.0.change_password(&caller, Secret::new(current_password), Secret::new(new_password)).await?;
            Ok(pb::ChangePasswordResponse {})
        })
        .await
    }

    async fn request_password_reset(
        &self,
        request: Request<pb::RequestPasswordResetRequest>,
    ) -> Answer<pb::RequestPasswordResetResponse> {
        answer(async {
            self.0.request_password_reset(Email::parse("email", &request.into_inner().email)?).await?;
            Ok(pb::RequestPasswordResetResponse {})
        })
        .await
    }

    async fn reset_password(&self, request: Request<pb::ResetPasswordRequest>) -> Answer<pb::ResetPasswordResponse> {
        let pb::ResetPasswordRequest { token, new_password } = request.into_inner();
        answer(async {
            let token = Token::parse(&token).ok_or_else(dead_link)?;
            self.0.reset_password(token, Secret::new(new_password)).await?;
            Ok(pb::ResetPasswordResponse {})
        })
        .await
    }

    async fn get_profile(&self, request: Request<pb::GetProfileRequest>) -> Answer<pb::GetProfileResponse> {
        answer(async {
            let account = self.0.profile(&caller(&request)).await?;
            Ok(pb::GetProfileResponse { user: Some(account.into()) })
        })
        .await
    }

    async fn update_profile(&self, request: Request<pb::UpdateProfileRequest>) -> Answer<pb::UpdateProfileResponse> {
        let caller = caller(&request);
        answer(async {
            let (change, etag) = convert::profile_change(request.into_inner())?;
            let account = self.0.update_profile(&caller, change, etag).await?;
            Ok(pb::UpdateProfileResponse { user: Some(account.into()) })
        })
        .await
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Answer<pb::GetUserResponse> {
        answer(async {
            let id = UserId::parse("user_id", &request.into_inner().user_id)?;
            Ok(pb::GetUserResponse { user: Some(self.0.account(id).await?.into()) })
        })
        .await
    }

    async fn list_users(&self, request: Request<pb::ListUsersRequest>) -> Answer<pb::ListUsersResponse> {
        let pb::ListUsersRequest { page_size, page_token, role, query } = request.into_inner();
        answer(async {
            let role = optional_role("role", role)?;
            let (page, scope) = user_page(role, &query, page_size, &page_token)?;
            let page = self.0.list(role, &query, page).await?;
            let next_page_token = page.next_token(&scope);
            Ok(pb::ListUsersResponse { users: page.items.into_iter().map(Into::into).collect(), next_page_token })
        })
        .await
    }

    async fn grant_role(&self, request: Request<pb::GrantRoleRequest>) -> Answer<pb::GrantRoleResponse> {
        let caller = caller(&request);
        let pb::GrantRoleRequest { user_id, role } = request.into_inner();
        answer(async {
            let (id, role) = (UserId::parse("user_id", &user_id)?, required_role("role", role)?);
            let account = self.0.grant_role(&caller, id, role).await?;
            Ok(pb::GrantRoleResponse { user: Some(account.into()) })
        })
        .await
    }

    async fn revoke_role(&self, request: Request<pb::RevokeRoleRequest>) -> Answer<pb::RevokeRoleResponse> {
        let caller = caller(&request);
        let pb::RevokeRoleRequest { user_id, role } = request.into_inner();
        answer(async {
            let (id, role) = (UserId::parse("user_id", &user_id)?, required_role("role", role)?);
            let account = self.0.revoke_role(&caller, id, role).await?;
            Ok(pb::RevokeRoleResponse { user: Some(account.into()) })
        })
        .await
    }

    async fn list_user_sessions(
        &self,
        request: Request<pb::ListUserSessionsRequest>,
    ) -> Answer<pb::ListUserSessionsResponse> {
        let caller = caller(&request);
        answer(async {
            let id = UserId::parse("user_id", &request.into_inner().user_id)?;
            let sessions = self.0.list_sessions_of(id).await?;
            let sessions = sessions.into_iter().map(|session| convert::session(session, &caller)).collect();
            Ok(pb::ListUserSessionsResponse { sessions })
        })
        .await
    }

    async fn revoke_user_sessions(
        &self,
        request: Request<pb::RevokeUserSessionsRequest>,
    ) -> Answer<pb::RevokeUserSessionsResponse> {
        let pb::RevokeUserSessionsRequest { user_id, session_id } = request.into_inner();
        answer(async {
            let id = UserId::parse("user_id", &user_id)?;
            let only = (!session_id.is_empty()).then(|| SessionId::parse("session_id", &session_id)).transpose()?;
            let count = self.0.revoke_sessions_of(id, only).await?;
            Ok(pb::RevokeUserSessionsResponse { session_count: u32::try_from(count).unwrap_or(u32::MAX) })
        })
        .await
    }

    async fn list_colleagues(&self, request: Request<pb::ListColleaguesRequest>) -> Answer<pb::ListColleaguesResponse> {
        let pb::ListColleaguesRequest { page_size, page_token, role } = request.into_inner();
        answer(async {
            let role = optional_role("role", role)?.unwrap_or(Role::Dispatcher);
            let (page, scope) = colleague_page(role, page_size, &page_token)?;
            let page = self.0.list(Some(role), "", page).await?;
            let next_page_token = page.next_token(&scope);
            let colleagues = page.items.into_iter().map(convert::colleague).collect();
            Ok(pb::ListColleaguesResponse { colleagues, next_page_token })
        })
        .await
    }

    async fn get_jwks(&self, _request: Request<pb::GetJwksRequest>) -> Answer<pb::GetJwksResponse> {
        answer(async {
            let keys = self.0.signer.published().await?;
            Ok(pb::GetJwksResponse { keys: keys.into_iter().map(Into::into).collect() })
        })
        .await
    }

    async fn rotate_signing_key(
        &self,
        _request: Request<pb::RotateSigningKeyRequest>,
    ) -> Answer<pb::RotateSigningKeyResponse> {
        answer(async { Ok(pb::RotateSigningKeyResponse { kid: self.0.signer.rotate().await? }) }).await
    }

    async fn create_machine_client(
        &self,
        request: Request<pb::CreateMachineClientRequest>,
    ) -> Answer<pb::CreateMachineClientResponse> {
        let pb::CreateMachineClientRequest { display_name, roles } = request.into_inner();
        answer(async {
            let name = DisplayName::parse("display_name", &display_name)?;
            let roles = roles.into_iter().map(|role| required_role("roles", role)).collect::<Result<Roles, _>>()?;
            let new = self.0.create_client(name, roles).await?;
            Ok(pb::CreateMachineClientResponse {
                machine_client: Some(new.client.into()),
                client_secret: new.secret.expose().to_owned(),
            })
        })
        .await
    }

    async fn list_machine_clients(
        &self,
        request: Request<pb::ListMachineClientsRequest>,
    ) -> Answer<pb::ListMachineClientsResponse> {
        let pb::ListMachineClientsRequest { page_size, page_token } = request.into_inner();
        answer(async {
            let (page, scope) = client_page(page_size, &page_token)?;
            let page = self.0.list_clients(page).await?;
            let next_page_token = page.next_token(scope);
            let machine_clients = page.items.into_iter().map(Into::into).collect();
            Ok(pb::ListMachineClientsResponse { machine_clients, next_page_token })
        })
        .await
    }

    async fn delete_machine_client(
        &self,
        request: Request<pb::DeleteMachineClientRequest>,
    ) -> Answer<pb::DeleteMachineClientResponse> {
        answer(async {
            self.0.delete_client(ClientId::parse("client_id", &request.into_inner().client_id)?).await?;
            Ok(pb::DeleteMachineClientResponse {})
        })
        .await
    }

    async fn issue_client_token(
        &self,
        request: Request<pb::IssueClientTokenRequest>,
    ) -> Answer<pb::IssueClientTokenResponse> {
        let caller = caller(&request);
        let pb::IssueClientTokenRequest { client_id, client_secret } = request.into_inner();
        answer(async {
            let id = ClientId::parse("client_id", &client_id)?;
            let token = self.0.issue_client_token(&caller, id, Secret::new(client_secret)).await?;
            Ok(token.into())
        })
        .await
    }

    async fn get_contact(&self, request: Request<pb::GetContactRequest>) -> Answer<pb::GetContactResponse> {
        answer(async {
            let id = UserId::parse("user_id", &request.into_inner().user_id)?;
            Ok(convert::contact(self.0.account(id).await?))
        })
        .await
    }
}
