//! `cargo xtask image`: the images of an installation, with Docker, Podman or Buildah.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;
use clap::ValueEnum;
use xshell::{Shell, cmd};

use crate::packages::{self, Package};
use crate::tools::{HELM, JAEGER};
use crate::{build, envoy, web};

/// What to build.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Only these; all of them when none is named
    #[arg(value_name = "IMAGE")]
    names: Vec<String>,
    /// What builds them; the first of docker, podman and buildah that is installed when not given
    #[arg(long)]
    engine: Option<Engine>,
    /// Programs for the images are in this folder, such as target/debug; built in release mode when not given
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

/// A program that builds images.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Engine {
    Docker,
    Podman,
    Buildah,
}

/// Programs that are built or fetched outside of an image, by the names that they have in it.
type Programs = fn(&Shell, &Options) -> anyhow::Result<Vec<(&'static str, PathBuf)>>;

/// An image: its folder under `k8s/images`, its name and its tag.
struct Image {
    folder: &'static str,
    name: &'static str,
    tag: &'static str,
    /// What is put into it, if something is.
    programs: Option<Programs>,
    /// Folders of the repository that go into it besides.
    besides: &'static [&'static str],
}

/// The tags are those of the charts' values.
const IMAGES: [Image; 7] = [
    Image {
        folder: "kvartal",
        name: "kvartal",
        tag: env!("CARGO_PKG_VERSION"),
        programs: Some(|sh, options| own(sh, options, "kvartal")),
        besides: &[],
    },
    Image {
        folder: "operator",
        name: "kvartal-operator",
        tag: env!("CARGO_PKG_VERSION"),
        programs: Some(|sh, options| {
            HELM.build(sh)?;
            Ok([own(sh, options, "kvartal-operator")?, vec![("helm", HELM.program().into())]].concat())
        }),
        besides: &["charts/service-database"],
    },
    Image { folder: "postgres", name: "kvartal-postgres", tag: "15", programs: None, besides: &[] },
    Image { folder: "redis", name: "kvartal-redis", tag: "7.0", programs: None, besides: &[] },
    Image { folder: "rabbitmq", name: "kvartal-rabbitmq", tag: "3.10", programs: None, besides: &[] },
    Image {
        folder: "envoy",
        name: "kvartal-envoy",
        tag: envoy::VERSION,
        programs: Some(|sh, _| Ok(vec![("envoy", envoy::program(sh)?)])),
        besides: &[],
    },
    Image {
        folder: "jaeger",
        name: "kvartal-jaeger",
        tag: JAEGER.version,
        programs: Some(|sh, _| {
            JAEGER.build(sh)?;
            Ok(vec![("jaeger", JAEGER.program().into())])
        }),
        besides: &[],
    },
];

/// What all of them begin with.
const BASE: &str = "docker.io/library/debian:bookworm-slim";
/// The stage of a Dockerfile that begins what is left when a program is given from outside.
const GIVEN: &str = "FROM ${BINARIES} AS binaries";
/// Where archives are put.
const FOLDER: &str = "target/images";

const BUILDAH: &[Package] = &[Package::new("buildah", &["buildah"]), Package::new("debootstrap", &["debootstrap"])];

/// Builds them; where their archives are.
pub(crate) fn run(options: &Options) -> anyhow::Result<Vec<PathBuf>> {
    let sh = Shell::new()?;
    let names = IMAGES.map(|image| image.folder);
    if let Some(unknown) = options.names.iter().find(|name| !names.contains(&name.as_str())) {
        anyhow::bail!("there is no image {unknown}; there are {}", names.join(", "));
    }
    let engine = match options.engine {
        Some(engine) => engine,
        None => Engine::installed(&sh)?,
    };
    fs::create_dir_all(FOLDER)?;
    engine.ensure_base(&sh)?;
    let wanted = |image: &&Image| options.names.is_empty() || options.names.iter().any(|name| name == image.folder);
    IMAGES.iter().filter(wanted).map(|image| image.build(&sh, engine, options)).collect()
}

/// Builds all of them with what is installed, and with the programs in this folder.
pub(crate) fn of_node(programs: PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    run(&Options { programs: Some(programs), ..Options::default() })
}

/// A program of this workspace.
fn own(sh: &Shell, options: &Options, name: &'static str) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
    Ok(vec![(name, programs(sh, options.programs.as_deref())?.join(name))])
}

impl Image {
    /// Builds it and writes its archive.
    fn build(&self, sh: &Shell, engine: Engine, options: &Options) -> anyhow::Result<PathBuf> {
        let Self { folder, name, tag, .. } = *self;
        let reference = format!("docker.io/library/{name}:{tag}");
        let dockerfile = format!("k8s/images/{folder}/Dockerfile");
        let text = fs::read_to_string(&dockerfile).with_context(|| dockerfile.clone())?;
        match self.programs {
            None => engine.build(sh, &text, &reference, Path::new(&format!("k8s/images/{folder}")))?,
            Some(programs) => {
                let context = sh.create_temp_dir()?;
                fs::create_dir(context.path().join("out"))?;
                for (file, program) in programs(sh, options)? {
                    // A hard link will not do: the folder may be on another file system.
                    fs::copy(&program, context.path().join("out").join(file))
                        .with_context(|| program.display().to_string())?;
                }
                for folder in self.besides {
                    let to = context.path().join(folder);
                    fs::create_dir_all(&to)?;
                    cmd!(sh, "cp -r {folder}/. {to}").quiet().run()?;
                }
                let rest = text.split_once(GIVEN).with_context(|| format!("{dockerfile}: no stage `{GIVEN}`"))?.1;
                let text = format!("FROM scratch AS binaries\nCOPY out /out\n{rest}");
                engine.build(sh, &text, &reference, context.path())?;
            }
        }
        let archive = Path::new(FOLDER).join(format!("{name}.tar"));
        engine.save(sh, &reference, &archive)?;
        let mebibytes = fs::metadata(&archive)?.len().div_ceil(1024 * 1024);
        eprintln!("{name}:{tag}: {mebibytes} MiB, {}", archive.display());
        Ok(archive)
    }
}

impl Engine {
    fn installed(sh: &Shell) -> anyhow::Result<Self> {
        for engine in [Self::Docker, Self::Podman] {
            let name = engine.name();
            // A Docker client without its server is of no use.
            if cmd!(sh, "{name} info").quiet().ignore_stdout().ignore_stderr().run().is_ok() {
                return Ok(engine);
            }
        }
        packages::ensure(sh, BUILDAH)?;
        Ok(Self::Buildah)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// Builds from the text of a Dockerfile.
    fn build(self, sh: &Shell, dockerfile: &str, reference: &str, context: &Path) -> anyhow::Result<()> {
        let (image, unnamed) = self.there(sh, reference)?;
        let mut command = Command::new(self.name());
        command.args(["build", "--tag", reference, "--file", "-"]);
        if self == Self::Buildah {
            // Without a user namespace of its own; and layers that did not change are not built again.
            command.args(["--isolation", "chroot", "--layers", "--pull=false"]);
        }
        let mut child = command.arg(context).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("its input is a pipe")?.write_all(dockerfile.as_bytes())?;
        anyhow::ensure!(child.wait()?.success(), "{} cannot build {reference}", self.name());
        let (new_image, mut old) = self.there(sh, reference)?;
        old.retain(|image| unnamed.contains(image));
        if new_image != image && !old.is_empty() {
            // Not those that the new image was made from: these have a child now, which is what it fails for.
            cmd!(sh, "buildah rmi {old...}").quiet().ignore_status().ignore_stdout().ignore_stderr().run()?;
        }
        Ok(())
    }

    /// The image of this name, and those without one. Buildah keeps them of every build, hundreds of mebibytes each; the others
    /// have a limit of their own.
    fn there(self, sh: &Shell, reference: &str) -> anyhow::Result<(String, Vec<String>)> {
        if self != Self::Buildah {
            return Ok(Default::default());
        }
        let image = cmd!(sh, "buildah images --quiet {reference}").quiet().ignore_status().ignore_stderr().read()?;
        let unnamed = cmd!(sh, "buildah images --quiet --filter dangling=true").quiet().read()?;
        Ok((image, unnamed.lines().map(str::to_owned).collect()))
    }

    /// Writes an archive that every engine and containerd read.
    fn save(self, sh: &Shell, reference: &str, archive: &Path) -> anyhow::Result<()> {
        sh.remove_path(archive)?;
        match self {
            Self::Docker => cmd!(sh, "docker save --output {archive} {reference}").quiet().run()?,
            Self::Podman => {
                cmd!(sh, "podman save --quiet --format docker-archive --output {archive} {reference}").quiet().run()?;
            }
            Self::Buildah => {
                let to = format!("docker-archive:{}:{reference}", archive.display());
                cmd!(sh, "buildah push --quiet {reference} {to}").quiet().run()?;
            }
        }
        Ok(())
    }

    /// Makes sure that the base can be had: from its registry, or from Debian's packages where no registry is reached.
    fn ensure_base(self, sh: &Shell) -> anyhow::Result<()> {
        let name = self.name();
        let quietly = |command: xshell::Cmd<'_>| command.quiet().ignore_stdout().ignore_stderr().run().is_ok();
        let inspect = if self == Self::Buildah { vec!["inspect", "--type", "image"] } else { vec!["image", "inspect"] };
        if quietly(cmd!(sh, "{name} {inspect...} {BASE}")) || quietly(cmd!(sh, "timeout 20 {name} pull {BASE}")) {
            return Ok(());
        }
        anyhow::ensure!(
            self == Self::Buildah,
            "{BASE} cannot be pulled; with --engine buildah it is made from Debian's packages"
        );
        eprintln!("{BASE} cannot be pulled: making it from Debian's packages");
        let folder = sh.create_temp_dir()?;
        let root = folder.path().join("root");
        cmd!(sh, "debootstrap --variant=minbase bookworm {root}")
            .quiet()
            .ignore_stdout()
            .run()
            .context("debootstrap failed")?;
        for rubbish in
            ["var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"]
        {
            sh.remove_path(root.join(rubbish))?;
        }
        self.build(sh, "FROM scratch\nCOPY root /\nCMD [\"bash\"]\n", BASE, folder.path())
    }
}

/// The folder with the programs: the given one, or that of release mode, where they are built now, the browser app too.
pub(crate) fn programs(sh: &Shell, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return std::path::absolute(given).with_context(|| given.display().to_string());
    }
    web::build_if_possible(sh);
    // In one command: alone, each would have dependencies with other features, and all of those be compiled twice.
    let command = ["build", "--release", "-p", "kvartal", "-p", "kvartal-operator", "--bins"];
    let program = build::program(sh, &command, "kvartal")?;
    Ok(program.parent().context("a program is in a folder")?.to_owned())
}
