//! The loop over steps: progress, log, evaluation, checkpoints, and a way to stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::checkpoint::{Best, Checkpoints, State};
use super::held_out::Evaluation;
use super::job::Job;
use super::log::{Line, Log};
use super::report::progress;
use crate::error::{Code, Error, Result};
use crate::train::Trainer;
use crate::train::plan::Plan;

/// Exit status after an interruption that was saved, as shells have it for SIGINT.
const INTERRUPTED: i32 = 130;

/// Whether the run was asked to stop.
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Is set by Ctrl-C and by SIGTERM; the second one ends the process at once.
    pub(super) fn on_signals() -> Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            eprintln!("\nstopping after this step; once more to stop at once, without saving");
        })
        .map_err(|e| Error::new(Code::Internal, "signals", "cannot be handled").caused_by(e))?;
        Ok(Self(asked))
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A run that came to its end.
pub(super) struct Finished {
    pub trainer: Trainer,
    pub log: Log,
    /// Weights to write: those of the best evaluation, where there was one.
    pub best: Option<Best>,
    pub best_weights: PathBuf,
    pub checkpoints: Checkpoints,
}

struct Loop<'a> {
    job: &'a Job,
    trainer: Trainer,
    state: State,
    log: Log,
    checkpoints: Checkpoints,
    /// Steps that were made before this process.
    resumed_at: usize,
}

/// Runs `job` to its end. A run that is interrupted is saved, and the process ends.
pub(super) fn run(job: &Job, stop: &Stop) -> Result<Finished> {
    let mut running = Loop::start(job)?;
    let result = running.steps(stop);
    eprintln!();
    if result? {
        running.save()?;
        let (done, all) = (running.trainer.done(), job.settings.schedule.steps);
        eprintln!("saved after step {done} of {all}; go on with --resume");
        std::process::exit(if stop.is_asked() { INTERRUPTED } else { 0 });
    }
    Ok(running.finished())
}

impl<'a> Loop<'a> {
    fn start(job: &'a Job) -> Result<Self> {
        let checkpoints = Checkpoints::new(&job.out);
        let last = if job.args.resume { checkpoints.last() } else { None };
        let weights = last.as_ref().map(|folder| folder.join("model.safetensors"));
        let mut state = State::new(&job.fingerprint);
        if let Some(folder) = &last {
            state = checkpoints.state(folder)?;
            if state.run != job.fingerprint {
                let message = "its checkpoint is of another run: options, data or base differ";
                return Err(Error::new(Code::Option, job.out.display().to_string(), message));
            }
        }
        let mut trainer = job.trainer(weights.as_deref())?;
        if let Some(folder) = &last {
            checkpoints.restore(folder, &state, &mut trainer)?;
            eprintln!("going on after step {} of {}", state.step, job.settings.schedule.steps);
        }
        let log = Log::open(&job.out, last.is_some().then_some(state.step))?;
        let resumed_at = state.step;
        let mut running = Self { job, trainer, state, log, checkpoints, resumed_at };
        if last.is_none() {
            running.evaluate()?;
        }
        Ok(running)
    }

    /// Makes the steps that are left; true if the run was asked to stop before its end.
    fn steps(&mut self, stop: &Stop) -> Result<bool> {
        let all = self.job.settings.schedule.steps;
        let mut number = 0;
        for epoch in 0..self.job.args.epochs {
            let steps = self.job.steps_of(epoch);
            let in_epoch = steps.len();
            for (index, plan) in steps.into_iter().enumerate() {
                number += 1;
                if number <= self.resumed_at {
                    continue;
                }
                if stop.is_asked() {
                    return Ok(true);
                }
                self.step(&plan, epoch as f64 + (index + 1) as f64 / in_epoch as f64)?;
                let done = self.trainer.done();
                if done < all && is_due(done, self.job.args.evaluate_every) {
                    self.evaluate()?;
                }
                if done < all && self.job.args.stop_after.is_some_and(|steps| done >= steps) {
                    return Ok(true);
                }
                if done < all && is_due(done, self.job.args.save_every) {
                    self.save()?;
                }
            }
        }
        if self.resumed_at < all {
            self.evaluate()?;
        }
        Ok(false)
    }

    fn step(&mut self, plan: &Plan, epoch: f64) -> Result<()> {
        let batches: Vec<_> = plan.iter().map(|units| self.job.examples.batch(units)).collect();
        let started = Instant::now();
        let step = self.trainer.step(&batches).map_err(|e| self.diverged(e, plan))?;
        let seconds = started.elapsed().as_secs_f64();
        let pairs = batches.iter().map(|batch| batch.pairs.len()).sum();
        let tokens = batches.iter().flat_map(|batch| &batch.pairs).map(|pair| pair.ids.len()).sum();
        self.log.add(Line::Step {
            step: self.trainer.done(),
            epoch,
            loss: step.loss,
            gradient_norm: step.gradient_norm,
            learning_rate: step.rate,
            pairs,
            tokens,
            seconds,
        })?;
        progress(&self.log.lines, self.job.settings.schedule.steps);
        Ok(())
    }

    /// Adds to a loss or gradient that is not finite which lines it came from, and what is left.
    fn diverged(&self, error: Error, plan: &Plan) -> Error {
        if error.code() != Code::NonFinite {
            return error;
        }
        let lines: Vec<_> = plan.iter().flat_map(|units| self.job.examples.lines(units)).collect();
        let numbers: Vec<_> = lines.iter().map(usize::to_string).collect();
        let kept = match self.checkpoints.last() {
            Some(folder) => format!("the last good checkpoint is {}", folder.display()),
            None => "there was no checkpoint yet".to_owned(),
        };
        let place = format!("{}:{}", self.job.args.data.display(), lines.first().copied().unwrap_or_default());
        let message = format!(
            "training diverged in step {}, whose batch is of the lines {}; {kept}. A lower --lr is the usual remedy",
            self.trainer.done() + 1,
            numbers.join(", ")
        );
        Error::new(Code::NonFinite, place, message).caused_by(error)
    }

    fn evaluate(&mut self) -> Result<()> {
        let Some(held_out) = &self.job.held_out else { return Ok(()) };
        let step = self.trainer.done();
        let found = held_out.evaluate(&self.trainer)?;
        let Evaluation { loss, .. } = found;
        eprintln!(
            "\nheld out after step {step}: loss {loss:.4}{}",
            found.mrr().map_or_else(String::new, |mrr| format!(", MRR {mrr:.4}"))
        );
        // The base competes with nobody: a run that only makes it worse must say so, not hand it back.
        if step > 0 && self.state.best.is_none_or(|best| loss < best.loss) {
            self.checkpoints.save_best(&self.trainer)?;
            self.state.best = Some(Best { step, loss });
        }
        self.log.add(Line::Evaluation { step, loss, mrr: found.mrr(), ranks: found.ranks })
    }

    fn save(&mut self) -> Result<()> {
        self.state.step = self.trainer.done();
        self.checkpoints.save(&self.trainer, &self.state)
    }

    fn finished(self) -> Finished {
        Finished {
            best_weights: self.checkpoints.best(),
            best: self.state.best,
            trainer: self.trainer,
            log: self.log,
            checkpoints: self.checkpoints,
        }
    }
}

const fn is_due(done: usize, every: usize) -> bool {
    every > 0 && done.is_multiple_of(every)
}
