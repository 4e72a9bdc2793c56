//! Names of jobs: those that statements mean, and those that new jobs get.

use super::Session;
use super::settings::PIPELINE_NAME;
use crate::error::{Result, SqlError, suggestion};
use crate::statement::{Name, ObjectKind};

/// The longest part of a job's name that is made of its tables' names.
const TARGETS_LENGTH_MAX: usize = 80;

impl Session {
    /// The job or materialised view that is called so.
    pub(super) fn pipeline(&self, name: &Name) -> Result<String> {
        if self.catalogue.job(&name.value).is_some() {
            return Ok(name.value.clone());
        }
        let names = self.names();
        match names
            .find(name)
            .filter(|o| names.declared(&o.name).is_some())
        {
            Some(object) if object.kind == ObjectKind::MaterializedView => Ok(object.name.clone()),
            Some(object) => Err(SqlError::invalid(format!(
                "'{}' is a {}: nothing runs for it",
                object.name,
                object.kind.name()
            ))
            .at(name.span)
            .with_hint("SHOW JOBS shows what runs")),
            None => Err(self.no_job(name)),
        }
    }

    /// The job that is called so.
    pub(super) fn job(&self, name: &Name) -> Result<String> {
        if self.catalogue.job(&name.value).is_some() {
            return Ok(name.value.clone());
        }
        match self.pipeline(name) {
            Ok(view) => Err(SqlError::invalid(format!(
                "'{view}' is a materialized view, not a job"
            ))
            .at(name.span)
            .with_hint(format!(
                "use DROP MATERIALIZED VIEW {view}, or ALTER MATERIALIZED VIEW {view} SUSPEND"
            ))),
            Err(error) => Err(error),
        }
    }

    fn no_job(&self, name: &Name) -> SqlError {
        let jobs = self.catalogue.jobs().into_iter().map(|j| j.name.clone());
        let views = self.all_objects().into_iter();
        let views = views.filter(|o| o.kind == ObjectKind::MaterializedView);
        let known: Vec<String> = jobs.chain(views.map(|o| o.name.clone())).collect();
        let near = suggestion(&name.value, known.iter().map(String::as_str));
        let hint = near.unwrap_or_else(|| "SHOW JOBS shows what runs".to_owned());
        SqlError::not_found(format!("job '{}' not found", name.value))
            .at(name.span)
            .with_hint(hint)
    }

    /// The name of a job that writes into `targets`: the one that was set, else one made of theirs.
    pub(super) fn job_name(&self, targets: &[&str]) -> String {
        if let Some(name) = self.setting(PIPELINE_NAME) {
            return name.to_owned();
        }
        let mut names: Vec<String> = Vec::new();
        for target in targets {
            let plain = |c: char| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '-'
                }
            };
            let name: String = target.chars().map(plain).collect();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let joined = names.join("-");
        let shown = match names.first() {
            Some(first) if joined.chars().count() > TARGETS_LENGTH_MAX => {
                let first: String = first.chars().take(TARGETS_LENGTH_MAX).collect();
                format!("{first}-and-{}-more", names.len() - 1)
            }
            _ => joined,
        };
        format!("insert-into-{shown}")
    }
}
