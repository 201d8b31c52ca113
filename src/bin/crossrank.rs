//! The `crossrank` command; everything is in `crossrank::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match crossrank::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossrank: {}: {error}", error.code().as_str());
            ExitCode::FAILURE
        }
    }
}
