//! The plugin's program: in a folder of PATH it is `kubectl kvartal`.

use std::process::ExitCode;

use clap::Parser as _;
use kvartal_operator::plugin::{Plugin, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match answer(Plugin::parse()).await {
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

async fn answer(plugin: Plugin) -> anyhow::Result<String> {
    let client = kube::Client::try_default().await?;
    run(plugin, client).await
}
