//! The catalogue's state: the fold of its topic, or memory only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use headwater_log::Log;

use super::job::Job;
use super::object::{Definition, Object};
use super::record::{self, Change};
use crate::error::{Result, SqlError};

/// The objects by name.
pub(crate) type Objects = BTreeMap<String, Arc<Object>>;

/// What the topic's records add up to.
#[derive(Debug, Clone, Default)]
pub(super) struct Fold {
    pub(super) objects: Arc<Objects>,
    pub(super) jobs: BTreeMap<String, Arc<Job>>,
}

/// The declared objects and the jobs of a data directory. Cheap to clone; clones share their state.
///
/// Invariant: with a log, the state is the fold of the catalogue's topic up to `version` changes; a change is durable
/// before it is seen.
#[derive(Clone, Default)]
pub struct Catalogue {
    /// The log whose topics can be named.
    log: Option<Log>,
    fold: Arc<RwLock<Fold>>,
    writer: Arc<Mutex<Writer>>,
}

/// Who writes changes, one at a time.
#[derive(Default)]
struct Writer {
    /// Whether they go into the log.
    is_durable: bool,
    version: u64,
}

impl Catalogue {
    /// An empty catalogue that nothing is written of.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// The catalogue of a log: what its topic holds.
    ///
    /// # Errors
    /// `Unavailable` if the log cannot be read; `Bug` if a stored statement is not understood any more.
    pub fn open(log: &Log) -> Result<Self> {
        let (fold, version) = super::load::load(log)?;
        let writer = Writer {
            is_durable: true,
            version,
        };
        Ok(Self {
            log: Some(log.clone()),
            fold: Arc::new(RwLock::new(fold)),
            writer: Arc::new(Mutex::new(writer)),
        })
    }

    /// A catalogue in memory that holds what this one holds; what it is told stays with it.
    #[must_use]
    pub fn scratch(&self) -> Self {
        let fold = self.fold().clone();
        let writer = Writer {
            is_durable: false,
            version: self.version(),
        };
        Self {
            log: self.log.clone(),
            fold: Arc::new(RwLock::new(fold)),
            writer: Arc::new(Mutex::new(writer)),
        }
    }

    /// The log whose topics can be named, if there is one.
    pub(crate) fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// How many changes the catalogue has seen.
    pub fn version(&self) -> u64 {
        self.writer().version
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fold(&self) -> RwLockReadGuard<'_, Fold> {
        self.fold.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects as they are now.
    pub(crate) fn snapshot(&self) -> Arc<Objects> {
        Arc::clone(&self.fold().objects)
    }

    /// All objects, by name.
    pub fn objects(&self) -> Vec<Arc<Object>> {
        self.snapshot().values().cloned().collect()
    }

    /// All jobs, by name.
    pub fn jobs(&self) -> Vec<Arc<Job>> {
        self.fold().jobs.values().cloned().collect()
    }

    /// The job of this name.
    pub fn job(&self, name: &str) -> Option<Arc<Job>> {
        self.fold().jobs.get(name).cloned()
    }

    /// Applies a change, durably if there is a log.
    ///
    /// # Errors
    /// `Conflict` if another writer changed the catalogue in between; `Unavailable`.
    pub fn apply(&self, definition: &Definition) -> Result<()> {
        if definition.no_op {
            return Ok(());
        }
        let change = match definition.drop {
            true => Change::DropObject(&definition.object),
            false => Change::Object(&definition.object),
        };
        let mut writer = self.writer();
        let commit = self.write(&mut writer, &change)?;
        let mut object = definition.object.clone();
        object.commit = commit;
        self.edit_objects(|objects| {
            match definition.drop {
                true => objects.remove(&object.name),
                false => objects.insert(object.name.clone(), Arc::new(object)),
            };
        });
        Ok(())
    }

    /// Keeps a job, durably if there is a log and it is not temporary.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn keep_job(&self, job: Job) -> Result<()> {
        let mut writer = self.writer();
        self.put_job(&mut writer, job)
    }

    fn put_job(&self, writer: &mut Writer, job: Job) -> Result<()> {
        if !job.is_temporary {
            self.write(writer, &Change::Job(&job))?;
        }
        let mut fold = self.fold.write().unwrap_or_else(PoisonError::into_inner);
        fold.jobs.insert(job.name.clone(), Arc::new(job));
        Ok(())
    }

    /// Forgets a job.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); `NotFound`.
    pub fn drop_job(&self, name: &str) -> Result<()> {
        let mut writer = self.writer();
        let job = self.expect_job(name)?;
        if !job.is_temporary {
            self.write(&mut writer, &Change::DropJob(name))?;
        }
        let mut fold = self.fold.write().unwrap_or_else(PoisonError::into_inner);
        fold.jobs.remove(name);
        Ok(())
    }

    /// Notes that a job or materialised view waits to be resumed, or does not any more.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); `NotFound`.
    pub fn suspend(&self, name: &str, is_suspended: bool) -> Result<()> {
        let mut writer = self.writer();
        if let Some(object) = self.snapshot().get(name) {
            let mut object = (**object).clone();
            object.is_suspended = is_suspended;
            object.commit = self.write(&mut writer, &Change::Object(&object))?;
            self.edit_objects(|objects| drop(objects.insert(name.to_owned(), Arc::new(object))));
            return Ok(());
        }
        let mut job = (*self.expect_job(name)?).clone();
        job.is_suspended = is_suspended;
        self.put_job(&mut writer, job)
    }

    fn expect_job(&self, name: &str) -> Result<Arc<Job>> {
        self.job(name)
            .ok_or_else(|| SqlError::not_found(format!("job '{name}' not found")))
    }

    fn edit_objects(&self, edit: impl FnOnce(&mut Objects)) {
        let mut fold = self.fold.write().unwrap_or_else(PoisonError::into_inner);
        edit(Arc::make_mut(&mut fold.objects));
    }

    /// Makes a change durable; the number of its commit.
    fn write(&self, writer: &mut Writer, change: &Change<'_>) -> Result<u64> {
        let commit = match &self.log {
            Some(log) if writer.is_durable => record::write(log, change, writer.version)?,
            _ => 0,
        };
        writer.version += 1;
        Ok(commit)
    }
}
