//! The `arawn` program: parses the arguments, runs a command, turns errors into exit codes.

use std::process::ExitCode;

fn main() -> ExitCode {
    arawn::cli::main()
}
