//! The charts, judged without a cluster: what they render, what they refuse, and whether the parts of an installation fit.

mod installation;
mod network;
mod objects;
mod readme;
mod schemas;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kvartal_cluster::KUBERNETES;
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::steps::Done;
use crate::tools::{HELM, Tool};
use objects::Object;

/// The charts that are checked, by folder.
const CHARTS: [&str; 4] = ["service-database", "domain-service", "platform", "kvartal-operator"];
/// Kubernetes keeps a release with its chart in one secret of at most a megabyte.
const RELEASE_MAX: usize = 300 * 1024;
/// Where rendered objects and schemas are left, to be looked at.
const RENDERED: &str = "target/charts";

const UNITTEST: Tool<'_> = Tool {
    name: "helm-unittest",
    version: "1.1.2",
    modules: "e2e/tools/charts",
    package: "github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
    go: (1, 26),
    takes: "a minute",
};

const KUBECONFORM: Tool<'_> = Tool {
    name: "kubeconform",
    version: "0.8.0",
    modules: "e2e/tools/charts",
    package: "github.com/yannh/kubeconform/cmd/kubeconform",
    go: (1, 26),
    takes: "ten seconds",
};

/// Everything; an error names each problem.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<Done> {
    for tool in [HELM, UNITTEST, KUBECONFORM] {
        tool.build(sh)?;
    }
    sh.remove_path(RENDERED)?;
    sh.create_dir(RENDERED)?;
    let mut problems = Vec::new();
    let mut objects = Vec::new();
    for chart in CHARTS {
        for values in sh.read_dir(format!("charts/{chart}/ci"))? {
            objects.extend(Release::of(chart, vec![values]).render(sh, &mut problems)?);
        }
        problems.extend(readme::check(sh, chart)?);
        problems.extend(too_large(sh, chart)?);
    }
    for environment in ["dev", "production"] {
        let installed = installation::render(sh, environment, &mut problems)?;
        problems.extend(installation::check(environment, &installed));
        problems.extend(network::check(environment, &installed, &installation::contract(sh)?));
        objects.extend(installed);
        // A release apart: what it looks after is not in it.
        let values = format!("k8s/overlays/{environment}/operator.yaml").into();
        let mut operator = Release::of("kvartal-operator", vec![values]);
        operator.name = environment.to_owned();
        objects.extend(operator.render(sh, &mut problems)?);
    }
    problems.extend(objects.iter().flat_map(Object::problems));
    problems.iter().for_each(|problem| eprintln!("{problem}"));
    anyhow::ensure!(problems.is_empty(), "{} problems", problems.len());
    conform(sh, &objects)?;
    unittest(sh)?;
    Ok(Done::Yes)
}

/// Writes the tables of values into the READMEs of the charts.
pub(crate) fn describe(sh: &Shell) -> anyhow::Result<()> {
    CHARTS.iter().try_for_each(|chart| readme::write(sh, chart))
}

/// A chart with its values.
struct Release {
    chart: &'static str,
    name: String,
    values: Vec<PathBuf>,
    /// Such as `service=incident`.
    set: Vec<String>,
}

impl Release {
    /// Named after the last of the files.
    fn of(chart: &'static str, values: Vec<PathBuf>) -> Self {
        let stem = values.last().and_then(|path| path.file_stem()).unwrap_or_default().to_string_lossy().into_owned();
        Self { chart, name: stem, values, set: Vec::new() }
    }

    /// Lints and renders; what Helm finds wrong is a problem, and then there are no objects.
    fn render(&self, sh: &Shell, problems: &mut Vec<String>) -> anyhow::Result<Vec<Object>> {
        let Self { chart, name, values, set } = self;
        let (helm, folder) = (HELM.program(), format!("charts/{chart}"));
        let files = values.iter().flat_map(|path| [Path::new("--values"), path]);
        let set = set.iter().flat_map(|value| ["--set", value.as_str()]).map(Path::new);
        let arguments: Vec<&Path> = files.chain(set).collect();
        let lint = cmd!(sh, "{helm} lint --strict --quiet --kube-version {KUBERNETES} {folder}").args(&arguments);
        let lint = lint.quiet().ignore_status().output()?;
        if !lint.status.success() {
            let said = [lint.stdout, lint.stderr].concat();
            problems.push(format!("{folder} with {values:?}: helm lint: {}", String::from_utf8_lossy(&said).trim()));
            return Ok(Vec::new());
        }
        let template = cmd!(sh, "{helm} template {name} {folder} --namespace city --kube-version {KUBERNETES}");
        let text = template.args(&arguments).quiet().read()?;
        let file = format!("{RENDERED}/{chart}-{name}.yaml");
        sh.write_file(&file, &text)?;
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).with_context(|| format!("{file} is no YAML that can be read"))?;
        Ok(documents.into_iter().filter(|value| !value.is_null()).map(|value| Object::new(&file, value)).collect())
    }
}

/// Objects have the fields of their kinds, and no other.
fn conform(sh: &Shell, objects: &[Object]) -> anyhow::Result<()> {
    let folder = format!("{RENDERED}/schemas");
    schemas::write(sh, objects, &folder)?;
    let (kubeconform, location) =
        (KUBECONFORM.program(), format!("{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"));
    let files: Vec<_> =
        sh.read_dir(RENDERED)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    cmd!(sh, "{kubeconform} -strict -summary -schema-location {location} {files...}").quiet().run()?;
    Ok(())
}

/// What the charts do with values, and with which words they refuse wrong ones.
fn unittest(sh: &Shell) -> anyhow::Result<()> {
    let (unittest, charts) = (UNITTEST.program(), CHARTS.map(|chart| format!("charts/{chart}")));
    cmd!(sh, "{unittest} --strict {charts...}").quiet().run()?;
    Ok(())
}

/// Packs the chart as a release holds it.
fn too_large(sh: &Shell, chart: &str) -> anyhow::Result<Option<String>> {
    let helm = HELM.program();
    cmd!(sh, "{helm} package charts/{chart} --destination {RENDERED}").quiet().ignore_stdout().run()?;
    let archive = sh.read_dir(RENDERED)?.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(chart) && name.ends_with(".tgz")
    });
    let size = std::fs::metadata(archive.context("helm package has written nothing")?)?.len();
    let too_large = usize::try_from(size)? > RELEASE_MAX;
    Ok(too_large
        .then(|| format!("charts/{chart}: {size} bytes packed, more than {RELEASE_MAX}; name files in .helmignore")))
}
