//! The plugin's program: in a folder of PATH it is `kubectl kvartal`.

use std::process::ExitCode;

use clap::Parser as _;
use kvartal_operator::plugin::{Plugin, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Plugin::parse()).await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        // A sentence; where in the program it was said helps nobody.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
