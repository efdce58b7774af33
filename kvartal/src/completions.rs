//! `kvartal completions`: what a shell needs to complete our options.

use clap::Command;
use clap_complete::Shell;

/// For which shell.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  kvartal completions bash > ~/.local/share/bash-completion/completions/kvartal
  kvartal completions zsh  > ~/.zfunc/_kvartal
  kvartal completions fish > ~/.config/fish/completions/kvartal.fish")]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for `command`.
pub(crate) fn run(args: &Args, mut command: Command) {
    clap_complete::generate(args.shell, &mut command, "kvartal", &mut std::io::stdout());
}
