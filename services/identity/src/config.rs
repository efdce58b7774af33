//! Options of the identity service.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use kvartal_kernel::Role;

use crate::application::Seed;
use crate::domain::{DisplayName, Email, NewPassword, Secret};

/// Options of the identity service.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Config {
    /// A file with 32 random bytes in base64 that encrypt the keys of access tokens. Without it: made at the first start and kept in the data folder.
    #[arg(
        id = "identity_master_key_file",
        long = "identity-master-key-file",
        env = "KVARTAL_IDENTITY_MASTER_KEY_FILE",
        value_name = "FILE"
    )]
    pub master_key_file: Option<PathBuf>,
    /// Address of an administrator who is made at the first start.
    #[arg(
        id = "identity_admin_email",
        long = "identity-admin-email",
        env = "KVARTAL_IDENTITY_ADMIN_EMAIL",
        value_name = "ADDRESS",
        requires = "identity_admin_password_file"
    )]
    pub admin_email: Option<String>,
    /// A file with that administrator's password.
    #[arg(
        id = "identity_admin_password_file",
        long = "identity-admin-password-file",
        env = "KVARTAL_IDENTITY_ADMIN_PASSWORD_FILE",
        value_name = "FILE",
        requires = "identity_admin_email"
    )]
    pub admin_password_file: Option<PathBuf>,
    /// Users who are made at the start unless they are there, for trying things out.
    #[arg(skip)]
    pub demo_users: Vec<DemoUser>,
}

/// A user with a confirmed address, for trying things out.
#[derive(Clone)]
pub struct DemoUser {
    /// Address for signing in.
    pub email: String,
    /// The password, which must be as good as any.
    pub password: String,
    /// Name shown to others.
    pub display_name: String,
    /// What the user may be besides a citizen.
    pub roles: Vec<Role>,
}

impl fmt::Debug for DemoUser {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoUser").field("email", &self.email).field("roles", &self.roles).finish_non_exhaustive()
    }
}

impl Config {
    /// The accounts to make: the administrator and the demo users.
    pub(crate) fn seeds(&self) -> anyhow::Result<Vec<Seed>> {
        let mut seeds = Vec::new();
        match (&self.admin_email, &self.admin_password_file) {
            (Some(email), Some(file)) => {
                let password = std::fs::read_to_string(file);
                let password =
                    password.with_context(|| format!("--identity-admin-password-file {}", file.display()))?;
                let admin = DemoUser {
                    email: email.clone(),
                    password: password.trim_end_matches(['\r', '\n']).to_owned(),
                    display_name: "Administrator".to_owned(),
                    roles: vec![Role::Admin],
                };
                seeds.push(seed(&admin)?);
            }
            (None, None) => {}
            _ => bail!("--identity-admin-email and --identity-admin-password-file belong together"),
        }
        for user in &self.demo_users {
            seeds.push(seed(user)?);
        }
        Ok(seeds)
    }
}

fn seed(user: &DemoUser) -> anyhow::Result<Seed> {
    let DemoUser { email, password, display_name, roles } = user;
    let cannot = || format!("the account {email} cannot be made");
    let email = Email::parse("email", email).with_context(cannot)?;
    let name = DisplayName::parse("display_name", display_name).with_context(cannot)?;
    let password = NewPassword::parse("password", Secret::new(password), &email, &name).with_context(cannot)?;
    Ok(Seed { email, password, name, roles: roles.iter().copied().collect() })
}
