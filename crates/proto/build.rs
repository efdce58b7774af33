//! Compiles the .proto files without protoc, refuses an incomplete contract, and generates messages, clients, servers
//! and input checks.
#![expect(clippy::disallowed_methods, reason = "Cargo hands its folders over in the environment")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use kvartal_contract::Contract;
use prost::Message as _;

#[path = "build/checks.rs"]
mod checks;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let includes = [root.join("proto"), root.join("third_party/proto")];
    let mut files = Vec::new();
    for include in &includes {
        println!("cargo:rerun-if-changed={}", include.display());
    }
    find(&includes[0], &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new(&includes)?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let bytes = compiler.encode_file_descriptor_set();
    let contract = match Contract::from_descriptor_set(&bytes) {
        Ok(contract) => contract,
        Err(error) => {
            for problem in &error.0 {
                println!("cargo::error={problem}");
            }
            return Err("the contract is incomplete".into());
        }
    };
    fs::write(out.join("descriptors.bin"), &bytes)?;
    fs::write(out.join("checks.rs"), checks::generate(contract.pool())?)?;

    let set = prost_types::FileDescriptorSet::decode(bytes.as_slice())?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .bytes(".kvartal")
        .codec_path("crate::codec::CheckedCodec")
        .build_transport(false)
        .compile_fds_with_config(set, config)?;
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
