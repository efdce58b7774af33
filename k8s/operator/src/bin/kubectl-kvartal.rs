//! The plugin's program: in a folder of PATH it is `kubectl kvartal`.

use clap::Parser as _;
use kvartal_operator::plugin::{Plugin, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let plugin = Plugin::parse();
    let client = kube::Client::try_default().await?;
    print!("{}", run(plugin, client).await?);
    Ok(())
}
