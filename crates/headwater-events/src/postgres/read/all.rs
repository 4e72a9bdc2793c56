//! Reading all events by a filter.

use super::row::{COLUMNS, event};
use crate::error::Result;
use crate::event::Position;
use crate::postgres::append::position;
use crate::postgres::database::Ask;
use crate::postgres::question::{Range, events, is_scan};
use crate::postgres::session::{Session, flight};
use crate::postgres::sql::Sql;
use crate::store::{Page, ReadAll};

/// Places that are gone through for one page, however few events are found.
const SCAN: u64 = 65_536;
/// The most events of a page.
const PAGE_MAX: usize = 16_384;

impl Ask for ReadAll {
    type Answer = Page;

    async fn ask(&self, session: &mut Session, sql: &Sql) -> Result<Page> {
        let filter = &self.filter;
        let limit = self.limit.min(PAGE_MAX);
        let to = match is_scan(&filter.query, &filter.prefixes) {
            true => self.from.0.saturating_add(SCAN),
            false => u64::MAX,
        };
        let number = |position: u64| i64::try_from(position).unwrap_or(i64::MAX);
        let range = Range {
            from: number(self.from.0),
            to: number(to),
            limit: number(limit as u64),
        };
        let question = events(&sql.schema, COLUMNS, &filter.query, &filter.prefixes, range);
        let mut texts = vec![sql.end.as_str()];
        texts.extend((!question.plan_anew).then_some(question.text.as_str()));
        session.prepare(&texts).await?;
        // The end is asked for first: what is before it is visible to the statement that follows.
        let mut replies = vec![session.send(&sql.end, vec![])?];
        if limit > 0 {
            replies.push(session.ask(&question)?);
        }
        let said: Result<Vec<_>, _> = flight(replies).await.into_iter().collect();
        let said = said?;
        let end = said[0].first().map_or(Ok(None), |row| position(row, 0))?;
        let found = said.get(1).map(|rows| rows.iter().map(event).collect());
        let found: Vec<_> = found.unwrap_or_else(|| Ok(Vec::new()))?;
        let last = found.last().map(|event| event.position.next());
        let next = match found.len() == limit {
            true => last.unwrap_or(self.from),
            false => Position(to).min(end.unwrap_or_default()).max(self.from),
        };
        Ok(Page {
            next: next.max(last.unwrap_or_default()),
            end: end.max(last).unwrap_or_default(),
            events: found,
        })
    }
}
