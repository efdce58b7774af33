//! The options as a user meets them.

use clap::{CommandFactory, Parser};
use kvartal_host::Config;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    config: Config,
}

#[test]
fn help_shows_every_option_with_its_environment_variable() {
    let mut command = Program::command().term_width(0);
    let help = command.render_long_help().to_string();
    let shown = |option: &&clap::Arg| option.get_id() != "help" && !option.is_hide_set();
    let options: Vec<_> = command.get_arguments().filter(shown).cloned().collect();
    assert!(options.len() >= 18, "{}", options.len());
    for option in options {
        let id = option.get_id().as_str();
        let variable = option.get_env().unwrap_or_else(|| panic!("{id} has no variable")).to_str().unwrap();
        let expected = format!("KVARTAL_{}", if id == "log" { "LOG".to_owned() } else { id.to_uppercase() });
        assert_eq!(variable, expected, "variable of {id}");
        assert!(help.contains(&format!("--{}", id.replace('_', "-"))), "{id} is not in the help");
        assert!(help.contains(&format!("[env: {variable}")), "{variable} is not in the help");
        assert!(option.get_help().is_some(), "{id} has no help");
    }
}

#[test]
fn without_options_everything_is_embedded() {
    let given = Program::try_parse_from(["program", "--data-dir", "/somewhere"]).unwrap().config;
    let embedded = Config::embedded("/somewhere");
    assert!(given.database_url.is_none() && given.bus_url.is_none() && given.redis_url.is_none());
    assert_eq!(given.shutdown_grace, embedded.shutdown_grace);
    assert_eq!(given.database_pool_size, embedded.database_pool_size);
    assert_eq!(given.job_workers, embedded.job_workers);
    assert_eq!(given.log, embedded.log);
    assert_eq!(given.public_url, embedded.public_url);
    assert_eq!(given.service_url, embedded.service_url);
    given.validate().unwrap();
}

#[test]
fn secrets_are_read_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://user:secret@db/{service}\n").unwrap();
    let config = Config { database_url_file: Some(file), ..Config::embedded(folder.path()) };
    config.validate().unwrap();
    assert_eq!(config.store_url("audit").unwrap(), "postgres://user:secret@db/audit");
}

#[test]
fn a_missing_or_short_mesh_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let config = Config { mesh_key_file: Some(file.clone()), ..Config::embedded(folder.path()) };
    let error = format!("{:#}", config.validate().unwrap_err());
    assert!(error.contains("--mesh-key-file"), "{error}");
    std::fs::write(&file, "short").unwrap();
    let error = format!("{:#}", config.validate().unwrap_err());
    assert!(error.contains("--mesh-key-file") && error.contains("32 bytes"), "{error}");
    // As `openssl rand -base64 32` writes it.
    std::fs::write(&file, format!("{}=\n", "A".repeat(43))).unwrap();
    config.validate().unwrap();
}
