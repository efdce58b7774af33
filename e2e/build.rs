//! Compiles the contract of the conformance suite without protoc. It is for tests only: the product does not know it.
#![expect(clippy::disallowed_methods, reason = "Cargo hands its folders over in the environment")]

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use prost::Message as _;

const FILE: &str = "connectrpc/conformance/v1/conformance.proto";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let includes = [folder.join("proto"), folder.join("../proto")];
    println!("cargo:rerun-if-changed={}", includes[0].display());
    println!("cargo:rerun-if-changed={}", includes[1].join("kvartal/contract").display());
    let mut compiler = protox::Compiler::new(&includes)?;
    compiler.include_imports(true).open_file(FILE)?;
    // Encoded by the compiler: our types of options would lose the contract.
    let bytes = compiler.encode_file_descriptor_set();
    fs::write(out.join("conformance.bin"), &bytes)?;
    let mut set = prost_types::FileDescriptorSet::decode(bytes.as_slice())?;
    set.file.retain(|file| file.package() == "connectrpc.conformance.v1");
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    tonic_prost_build::configure()
        .codec_path("kvartal_proto::codec::CheckedCodec")
        .build_client(false)
        .build_transport(false)
        .compile_fds_with_config(set, config)?;
    Ok(())
}
