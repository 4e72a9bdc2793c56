//! [`LookUp`]: asks the server for everything that a decision over some appends is made from.

use tokio_postgres::Row;

use super::facts::{Facts, Order, Wanted, position};
use super::names;
use crate::error::Result;
use crate::postgres::failure::bug;
use crate::postgres::question::{Question, Range, positions};
use crate::postgres::session::{Reply, Session, flight};
use crate::postgres::sql::Sql;
use crate::store::{Append, Condition};

/// Statements of a turn are planned once: planning them for each turn would take longer than running them.
pub(super) const PLANS_ONCE: &str = "SET plan_cache_mode TO force_generic_plan";
/// Questions over types and tags may be looked up in one index or another, by how frequent these are.
const PLANS_BY_VALUE: &str = "SET plan_cache_mode TO auto";

/// What is asked.
#[derive(Debug)]
pub(super) struct LookUp<'a> {
    sql: &'a Sql,
    names: Vec<String>,
    wanted: Wanted,
    /// What each condition of each append asks, if it is one over a query.
    questions: Vec<Vec<Option<Question>>>,
}

impl<'a> LookUp<'a> {
    pub(super) fn new(sql: &'a Sql, appends: &[&Append]) -> Self {
        let appends = appends.iter().copied();
        Self {
            sql,
            names: names::names(appends.clone()).into_iter().collect(),
            wanted: Wanted::of(appends.clone()),
            questions: appends.map(|append| questions(sql, append)).collect(),
        }
    }

    /// The statements that are to be prepared, those that write among them.
    pub(super) fn texts(&self) -> Vec<&str> {
        let questions = self.questions.iter().flatten().flatten();
        let questions = questions.filter(|q| !q.plan_anew).map(|q| q.text.as_str());
        self.sql.of_turn().into_iter().chain(questions).collect()
    }

    /// Begins a transaction, takes the lock of the order and as many of the names as can be had, and asks.
    pub(super) async fn take_off(&self, session: &Session) -> Result<(Order, Facts)> {
        let begin = session.command(&self.sql.begin);
        let names = session.send(&self.sql.names, vec![&self.names])?;
        let mut replies = vec![begin, names];
        replies.extend(self.replies(session)?);
        let mut said = Said::of(flight(replies).await)?;
        said.next()?;
        let busy = said.next()?;
        let (order, mut facts) = self.read(said)?;
        facts.read_busy(&busy)?;
        Ok((order, facts))
    }

    /// Asks once more in the same transaction.
    pub(super) async fn again(&self, session: &Session) -> Result<(Order, Facts)> {
        self.read(Said::of(flight(self.replies(session)?).await)?)
    }

    fn replies<'s>(&'s self, session: &'s Session) -> Result<Vec<Reply<'s>>> {
        let mut replies = vec![
            session.send(&self.sql.order, vec![])?,
            session.send(&self.sql.heads, vec![&self.wanted.streams])?,
            session.send(&self.sql.tagged, vec![&self.wanted.tags])?,
        ];
        if !self.wanted.owners.is_empty() {
            replies.push(session.send(&self.sql.owners, vec![&self.wanted.owners])?);
        }
        let mut questions = self.questions.iter().flatten().flatten().peekable();
        if questions.peek().is_some() {
            replies.push(session.command(PLANS_BY_VALUE));
            for question in questions {
                replies.push(session.ask(question)?);
            }
            replies.push(session.command(PLANS_ONCE));
        }
        Ok(replies)
    }

    fn read(&self, mut said: Said) -> Result<(Order, Facts)> {
        let order = said.next()?;
        let order = Order::read(order.first().ok_or_else(|| bug("the order has no end"))?)?;
        let mut facts = Facts::default();
        facts.read_heads(&said.next()?)?;
        facts.read_tagged(&said.next()?)?;
        if !self.wanted.owners.is_empty() {
            facts.read_owners(&said.next()?)?;
        }
        if self.questions.iter().flatten().any(Option::is_some) {
            said.next()?; // that plans may depend on values
        }
        for append in &self.questions {
            let mut found = Vec::with_capacity(append.len());
            for question in append {
                let rows = match question {
                    Some(_) => said.next()?,
                    None => Vec::new(),
                };
                found.push(rows.first().map_or(Ok(None), |row| position(row, 0))?);
            }
            facts.found.push(found);
        }
        Ok((order, facts))
    }
}

/// What each condition of an append asks.
fn questions(sql: &Sql, append: &Append) -> Vec<Option<Question>> {
    let question = |condition: &Condition| match condition {
        Condition::NoneSince { query, from } if !query.items.is_empty() => {
            let range = Range {
                from: i64::try_from(from.0).unwrap_or(i64::MAX),
                to: i64::MAX,
                limit: 1,
            };
            Some(positions(&sql.schema, query, range))
        }
        _ => None,
    };
    append.conditions.iter().map(question).collect()
}

/// Replies, in the order in which they were asked for.
struct Said(std::vec::IntoIter<Vec<Row>>);

impl Said {
    /// # Errors
    /// The first error: those after it only say that there was one.
    fn of(replies: Vec<Result<Vec<Row>, tokio_postgres::Error>>) -> Result<Self> {
        let rows: Result<Vec<_>, _> = replies.into_iter().collect();
        Ok(Self(rows?.into_iter()))
    }

    fn next(&mut self) -> Result<Vec<Row>> {
        self.0.next().ok_or_else(|| bug("a statement has no reply"))
    }
}
