//! The master key's file.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::application::MasterKey;

/// Name of the file that is made in the data folder when none is given.
const FILE: &str = "identity-master.key";

/// Reads the master key from `given`. Without it the key is kept in `data_dir` and made at the first start; that is
/// refused for a shared database, because every replica would have its own.
pub fn read_master_key(given: Option<&Path>, data_dir: &Path, shared: bool) -> anyhow::Result<MasterKey> {
    let own = data_dir.join(FILE);
    let path = match given {
        Some(path) => path,
        None if shared => bail!(
            "identity on a shared database needs --identity-master-key-file: \
             32 random bytes in base64, as `openssl rand -base64 32` writes them"
        ),
        None => {
            make(&own).with_context(|| format!("the master key {} cannot be made", own.display()))?;
            &own
        }
    };
    let wrong = || format!("the master key {} cannot be read", path.display());
    let text = fs::read_to_string(path).with_context(wrong)?;
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| anyhow!("it must be 32 bytes in base64")).with_context(wrong)?;
    Ok(MasterKey::new(&bytes)?)
}

/// Makes the file unless it is there. It appears complete or not at all, whoever else makes it at the same time.
fn make(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let bytes: [u8; 32] = rand::random();
    let draft = folder.join(format!(".{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(STANDARD.encode(bytes).as_bytes())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&draft)?;
    linked?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
