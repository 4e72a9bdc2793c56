//! `SHOW JOBS` and `SHOW TOPICS`.

use headwater_flow::driver::Status;
use headwater_sql::masked;
use headwater_sql::statement::ObjectKind;

use super::answer::{Answer, texts};
use super::{Headwater, JobInfo};
use crate::error::Result;

impl Headwater {
    /// The jobs and materialised views, and their figures in this process.
    pub fn jobs(&self) -> Vec<JobInfo> {
        let mut jobs = self.0.jobs.list();
        let mut add = |name: &str, text: &str, is_suspended: bool| match jobs
            .iter_mut()
            .find(|j| j.name == name)
        {
            Some(job) => job.is_suspended = is_suspended,
            None => jobs.push(JobInfo {
                name: name.to_owned(),
                text: text.to_owned(),
                status: None,
                is_suspended,
            }),
        };
        for object in self.0.catalogue.objects() {
            if object.kind == ObjectKind::MaterializedView {
                add(&object.name, &object.sql, object.is_suspended);
            }
        }
        for job in self.0.catalogue.jobs() {
            add(&job.name, &job.sql, job.is_suspended);
        }
        jobs.sort_by(|a, b| a.name.cmp(&b.name));
        jobs
    }

    pub(super) fn show_jobs(&self) -> Result<Answer> {
        let names = [
            "job",
            "state",
            "epoch",
            "rows_in",
            "rows_out",
            "late",
            "rejected",
            "watermark",
            "statement",
        ];
        let row = |job: JobInfo| {
            let figures = match &job.status {
                Some(s) => figures(s),
                None => Default::default(),
            };
            let statement: Vec<&str> = job.text.split_whitespace().collect();
            let statement = masked(&statement.join(" "));
            [
                vec![job.name.clone(), state(&job)],
                figures.to_vec(),
                vec![statement],
            ]
            .concat()
        };
        let rows: Vec<Vec<String>> = self.jobs().into_iter().map(row).collect();
        texts(&names, &rows)
    }

    pub(super) fn show_topics(&self) -> Result<Answer> {
        let topics = self.log().topics().into_iter();
        let topics = topics.filter(|t| !t.config.internal);
        let rows = topics.map(|t| vec![t.name, t.config.partitions.to_string()]);
        texts(&["topic", "partitions"], &rows.collect::<Vec<_>>())
    }
}

fn figures(status: &Status) -> [String; 6] {
    let counts = [
        status.epoch,
        status.rows_in,
        status.rows_out,
        status.late,
        status.rejected,
    ];
    let [epoch, rows_in, rows_out, late, rejected] = counts.map(|n| n.to_string());
    let watermark = status.watermark.map(time).unwrap_or_default();
    [epoch, rows_in, rows_out, late, rejected, watermark]
}

/// A point in event time; none before the first row, and after the last.
pub(super) fn time(micros: i64) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(at) => at.to_string(),
        Err(_) if micros > 0 => "the end".to_owned(),
        Err(_) => String::new(),
    }
}

fn state(job: &JobInfo) -> String {
    let Some(status) = &job.status else {
        let state = if job.is_suspended {
            "suspended"
        } else {
            "not running"
        };
        return state.to_owned();
    };
    status.describe()
}
