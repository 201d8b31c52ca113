//! `crossrank finetune`: trains a cross-encoder further on pairs or triplets, and writes what comes out in two forms: a
//! Hugging Face folder, and the project's int8 form.
//!
//! `args` checks the options, `job` reads base and data, `run` is the loop over steps with `held_out` evaluation, `log`
//! and `checkpoint`; `output`, `card` and `curve` write the result.

mod args;
mod card;
mod checkpoint;
mod curve;
mod folds;
mod held_out;
mod job;
mod log;
mod output;
mod report;
mod run;
mod tensors;

pub use args::FinetuneArgs;

use crate::error::{Code, Error, Result};

/// Fine-tunes as `args` say.
///
/// # Errors
/// `OPTION` for bad options, `MODEL_INVALID` for bad data (naming the line) or a bad base, `NON_FINITE` if the training
/// diverges, `FILE` if something cannot be read or written.
pub fn finetune(args: &FinetuneArgs) -> Result<()> {
    args.check()?;
    if let Some(threads) = args.threads {
        // Fails only if the pool exists already, which one command a process rules out.
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .map_err(|e| Error::new(Code::Option, "--threads", "cannot be set").caused_by(e))?;
    }
    let stop = run::Stop::on_signals()?;
    let folds = folds::run(args, &stop)?;
    if let Some(job) = job::Job::read(args, &args.out)? {
        run::run(&job, &stop)?.finish(&job, folds.as_deref())?;
    }
    Ok(())
}
