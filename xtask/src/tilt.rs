//! The inner loop's files, judged without Tilt and Docker: the Tiltfile by a Starlark interpreter, with words that note
//! what they are called with in the place of Tilt's; the compose file by the specification's own reader.

use xshell::{Shell, cmd};

use crate::steps::Done;
use crate::tools::Tool;

const STARLARK: Tool<'_> = Tool {
    name: "starlark",
    version: "20260908",
    modules: "e2e/tools/charts",
    package: "go.starlark.net/cmd/starlark",
    go: (1, 26),
    takes: "ten seconds",
};

const COMPOSE: Tool<'_> = Tool {
    name: "compose-go",
    version: "2.16.2",
    modules: "e2e/tools/charts",
    package: "github.com/compose-spec/compose-go/v2/cmd",
    go: (1, 26),
    takes: "ten seconds",
};

/// Tilt's words and what is asked of the Tiltfile.
const STUBS: &str = "e2e/tools/charts/tilt.star";
const ASKED: &str = "e2e/tools/charts/tiltfile.star";
const COMPOSE_FILE: &str = "k8s/compose.yaml";

/// Both.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<Done> {
    STARLARK.build(sh)?;
    COMPOSE.build(sh)?;
    for operator in ["False", "True"] {
        tiltfile(sh, operator)?;
    }
    compose(sh)?;
    Ok(Done::Yes)
}

/// Every service has a file of values; the charts' own check compares them with the contract.
fn services(sh: &Shell) -> anyhow::Result<Vec<String>> {
    let files = sh.read_dir("charts/domain-service/services")?;
    Ok(files.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect())
}

/// With or without the operator.
fn tiltfile(sh: &Shell, operator: &str) -> anyhow::Result<()> {
    let program = sh.create_temp_dir()?;
    let file = program.path().join("Tiltfile.star");
    let services: Vec<String> = services(sh)?.iter().map(|name| format!("{name:?}")).collect();
    // One program: what is noted must be the same for all three.
    let known = format!("SERVICES = [{}]\nSETTINGS = {{\"operator\": {operator}}}\n", services.join(", "));
    // The interpreter has no modules.
    let tiltfile = sh.read_file("Tiltfile")?.replace("config.", "config_");
    let text = [known, sh.read_file(STUBS)?, tiltfile, sh.read_file(ASKED)?].join("\n");
    sh.write_file(&file, text)?;
    let starlark = STARLARK.program();
    let output = cmd!(sh, "{starlark} -globalreassign {file}").quiet().ignore_status().output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "the Tiltfile with operator = {operator}: {}", told.trim());
    for file in told.lines().filter_map(|line| line.strip_prefix("file ")) {
        anyhow::ensure!(sh.path_exists(file), "the Tiltfile names {file}, which there is not");
    }
    Ok(())
}

fn compose(sh: &Shell) -> anyhow::Result<()> {
    let compose = COMPOSE.program();
    let model: serde_json::Value =
        serde_json::from_str(&cmd!(sh, "{compose} -no-interpolation -format json {COMPOSE_FILE}").quiet().read()?)?;
    // Both name the services of the contract: what runs, and what databases there are.
    let command = model["services"]["kvartal"]["command"].to_string();
    let databases = model["configs"]["databases"]["content"].as_str().unwrap_or_default();
    for name in services(sh)? {
        let (served, database) = (format!("{name:?}"), format!("CREATE DATABASE {name};"));
        anyhow::ensure!(command.contains(&served), "{COMPOSE_FILE}: {name} is not served");
        anyhow::ensure!(databases.contains(&database), "{COMPOSE_FILE}: {name} has no database");
    }
    for (name, service) in model["services"].as_object().into_iter().flatten() {
        for (key, why) in [
            ("restart", "what happens when it ends"),
            ("read_only", "that nothing of it is written"),
            ("cap_drop", "what it may not do"),
        ] {
            anyhow::ensure!(!service[key].is_null(), "{COMPOSE_FILE}: {name} does not say {why}: {key} is missing");
        }
    }
    Ok(())
}
