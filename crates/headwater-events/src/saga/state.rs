//! What has become of a saga: the fold of its journal.

use headwater_log::Timestamp;
use serde_json::Value;

use super::event::{Phase, SagaEvent};

/// What a saga is at.
///
/// ```text
/// Forward ──last step done──► Completed
///    └──refused, failed, or told so──► Backward ──all taken back──► Compensated
///                                       │    ▲
///                              cannot be│    │retried or skipped
///                                       ▼    │
///                                       Parked
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Steps are done.
    Forward,
    /// Steps are taken back.
    Backward,
    /// A step could not be taken back: a person is needed.
    Parked,
    /// All steps are done.
    Completed,
    /// All that was done is taken back.
    Compensated,
}

impl Mode {
    /// Whether nothing will ever happen any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Compensated)
    }
}

/// The word for it in tables and messages.
impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Forward => "running",
            Self::Backward => "compensating",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
        })
    }
}

/// One call of a participant.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Which one, from 1.
    pub number: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// Until when an answer was waited for.
    pub deadline: Timestamp,
    /// What came of it; `None`: nothing yet.
    pub result: Option<AttemptResult>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptResult {
    /// The participant did it and gave this.
    Done(Value),
    /// The participant says no.
    Refused(String),
    /// It came to nothing, or nobody knows.
    Failed(String),
}

/// Where the doing or the taking back of a step is.
#[derive(Debug, Clone, PartialEq)]
pub enum PhaseStatus {
    /// It was not begun.
    Waiting,
    /// A participant was called and has not answered.
    Trying,
    /// It is tried again at this time.
    Retrying(Timestamp),
    /// It is done; what the participant gave.
    Done(Value),
    /// A person says that it is done.
    Skipped,
    /// The participant says no.
    Refused(String),
    /// It was tried often enough; nobody knows whether it had an effect.
    Failed(String),
}

/// The doing or the taking back of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseState {
    /// Where it is.
    pub status: PhaseStatus,
    /// What the participant was given last.
    pub input: Value,
    /// The calls.
    pub attempts: Vec<Attempt>,
    /// Calls since it was begun, or begun anew.
    pub(super) tries: u32,
    /// How often it was begun anew after a refusal: it has another key then.
    pub(super) generation: u32,
}

impl Default for PhaseState {
    fn default() -> Self {
        Self {
            status: PhaseStatus::Waiting,
            input: Value::Null,
            attempts: Vec::new(),
            tries: 0,
            generation: 0,
        }
    }
}

impl PhaseState {
    /// Whether it needs nothing any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status, PhaseStatus::Done(_) | PhaseStatus::Skipped)
    }

    fn close(&mut self, result: AttemptResult) {
        if let Some(last) = self.attempts.last_mut()
            && last.result.is_none()
        {
            last.result = Some(result);
        }
    }
}

/// A step of a saga.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// Its name.
    pub name: String,
    /// How it was done.
    pub forward: PhaseState,
    /// How it was taken back.
    pub backward: PhaseState,
}

impl StepState {
    pub(super) fn phase(&self, phase: Phase) -> &PhaseState {
        match phase {
            Phase::Do => &self.forward,
            Phase::Undo => &self.backward,
        }
    }
}

/// What has become of a saga.
#[derive(Debug, Clone, PartialEq)]
pub struct SagaState {
    /// Its id.
    pub id: String,
    /// Name of its definition.
    pub definition: String,
    /// Version of its definition.
    pub version: u32,
    /// What it was given.
    pub input: Value,
    /// What it is at.
    pub mode: Mode,
    /// Why steps are taken back, or while it is parked why it is.
    pub reason: Option<String>,
    /// Why steps are taken back.
    pub(super) cause: Option<String>,
    /// The steps that were begun, in the order of the definition.
    pub steps: Vec<StepState>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// Events of its journal.
    pub events: u64,
}

impl SagaState {
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            definition: String::new(),
            version: 0,
            input: Value::Null,
            mode: Mode::Forward,
            reason: None,
            cause: None,
            steps: Vec::new(),
            started_at: Timestamp(0),
            updated_at: Timestamp(0),
            events: 0,
        }
    }

    /// A step that was begun.
    pub fn step(&self, name: &str) -> Option<&StepState> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The step that it is at: the newest that was begun, or of those that are being taken back the one that was begun to be last.
    /// None if it has ended, or nothing was begun.
    pub fn current(&self) -> Option<&StepState> {
        if self.mode.is_final() {
            return None;
        }
        let is_begun = |step: &&StepState| step.backward != PhaseState::default();
        // Steps are taken back in reverse order.
        self.steps.iter().find(is_begun).or(self.steps.last())
    }

    fn phase_mut(&mut self, name: &str, phase: Phase) -> &mut PhaseState {
        let at = match self.steps.iter().position(|step| step.name == name) {
            Some(at) => at,
            None => {
                self.steps.push(StepState {
                    name: name.to_owned(),
                    forward: PhaseState::default(),
                    backward: PhaseState::default(),
                });
                self.steps.len() - 1
            }
        };
        match phase {
            Phase::Do => &mut self.steps[at].forward,
            Phase::Undo => &mut self.steps[at].backward,
        }
    }

    /// What an event of the journal makes of it.
    pub(super) fn evolve(&mut self, event: &SagaEvent, at: Timestamp) {
        self.events += 1;
        self.updated_at = at;
        match event {
            SagaEvent::Defined { .. } => {}
            SagaEvent::Started {
                definition,
                version,
                input,
            } => {
                self.definition.clone_from(definition);
                self.version = *version;
                self.input = input.clone();
                self.started_at = at;
            }
            SagaEvent::Compensating { reason } => {
                self.mode = Mode::Backward;
                self.cause = Some(reason.clone());
                self.reason = self.cause.clone();
            }
            SagaEvent::Parked { reason, .. } => {
                self.mode = Mode::Parked;
                self.reason = Some(reason.clone());
            }
            SagaEvent::Completed => self.mode = Mode::Completed,
            SagaEvent::Compensated => self.mode = Mode::Compensated,
            of_a_step => self.evolve_step(of_a_step, at),
        }
    }

    fn evolve_step(&mut self, event: &SagaEvent, at: Timestamp) {
        match event {
            SagaEvent::Attempted {
                step,
                phase,
                attempt,
                input,
                deadline,
                ..
            } => {
                let state = self.phase_mut(step, *phase);
                state.status = PhaseStatus::Trying;
                state.input = input.clone();
                state.tries += 1;
                state.attempts.push(Attempt {
                    number: *attempt,
                    at,
                    deadline: *deadline,
                    result: None,
                });
            }
            SagaEvent::Succeeded {
                step,
                phase,
                output,
            } => {
                let state = self.phase_mut(step, *phase);
                state.close(AttemptResult::Done(output.clone()));
                state.status = PhaseStatus::Done(output.clone());
            }
            SagaEvent::Failed {
                step,
                phase,
                error,
                retry_at,
            } => {
                let state = self.phase_mut(step, *phase);
                state.close(AttemptResult::Failed(error.clone()));
                state.status = match retry_at {
                    Some(time) => PhaseStatus::Retrying(*time),
                    None => PhaseStatus::Failed(error.clone()),
                };
            }
            SagaEvent::Refused { step, phase, error } => {
                let state = self.phase_mut(step, *phase);
                state.close(AttemptResult::Refused(error.clone()));
                state.status = PhaseStatus::Refused(error.clone());
            }
            SagaEvent::Skipped { step, phase } => {
                self.phase_mut(step, *phase).status = PhaseStatus::Skipped;
                self.unpark();
            }
            SagaEvent::Retried { step, phase } => {
                let state = self.phase_mut(step, *phase);
                if matches!(state.status, PhaseStatus::Refused(_)) {
                    state.generation += 1;
                }
                state.status = PhaseStatus::Waiting;
                state.tries = 0;
                self.unpark();
            }
            _ => {}
        }
    }

    fn unpark(&mut self) {
        if self.mode == Mode::Parked {
            self.mode = Mode::Backward;
            self.reason = self.cause.clone();
        }
    }
}
