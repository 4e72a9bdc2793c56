//! How an application puts an event into the outbox: in the transaction that changes what the event is about.
//!
//! A [`Statement`] is text with parameters that are texts, so that any driver runs it in any transaction.

use crate::json;
use crate::postgres::TableName;

/// An event of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its id, a UUID; `None`: the server makes one.
    pub id: Option<&'a str>,
    /// The kind of thing that it is about: which topic it goes to.
    pub aggregate_type: &'a str,
    /// Which of them: the key. Events of one key keep their order.
    pub aggregate_id: &'a str,
    /// What happened.
    pub kind: &'a str,
    /// Its content, JSON; `None`: nothing.
    pub payload: Option<&'a str>,
}

/// A statement and its parameters, `$1` first, which are all texts or null.
///
/// With `sqlx` they are bound one after the other. With `tokio-postgres`:
///
/// ```no_run
/// # async fn place(client: &mut tokio_postgres::Client) -> Result<(), tokio_postgres::Error> {
/// use headwater_cdc::{outbox::Event, postgres::TableName};
/// use tokio_postgres::types::ToSql;
///
/// let transaction = client.transaction().await?;
/// transaction.execute("INSERT INTO orders VALUES (42, 12.50)", &[]).await?;
/// let event = Event {
///     id: None,
///     aggregate_type: "order",
///     aggregate_id: "42",
///     kind: "OrderPlaced",
///     payload: Some(r#"{"amount":12.50}"#),
/// };
/// let insert = event.insert(&TableName::new("public", "outbox"));
/// let parameters: Vec<&(dyn ToSql + Sync)> = insert.parameters.iter().map(|p| p as _).collect();
/// transaction.execute(&insert.sql, &parameters).await?;
/// transaction.commit().await
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// The parameters.
    pub parameters: Vec<Option<String>>,
}

impl Event<'_> {
    /// The statement that puts it into an outbox table with the columns that [`create_table`](super::create_table) makes.
    ///
    /// ```
    /// use headwater_cdc::outbox::Event;
    /// use headwater_cdc::postgres::TableName;
    ///
    /// let event = Event {
    ///     id: None,
    ///     aggregate_type: "order",
    ///     aggregate_id: "42",
    ///     kind: "OrderPlaced",
    ///     payload: Some(r#"{"amount":12.50}"#),
    /// };
    /// let insert = event.insert(&TableName::new("public", "outbox"));
    /// assert!(insert.sql.starts_with(r#"INSERT INTO "public"."outbox""#));
    /// assert_eq!(insert.parameters[2].as_deref(), Some("42"));
    /// ```
    pub fn insert(&self, table: &TableName) -> Statement {
        let sql = format!(
            "INSERT INTO {} (id, aggregatetype, aggregateid, type, payload) \
             VALUES (coalesce($1::text::uuid, gen_random_uuid()), $2::text, $3::text, $4::text, $5::text::jsonb)",
            table.quoted()
        );
        Statement {
            sql,
            parameters: vec![
                self.id.map(str::to_owned),
                Some(self.aggregate_type.to_owned()),
                Some(self.aggregate_id.to_owned()),
                Some(self.kind.to_owned()),
                self.payload.map(str::to_owned),
            ],
        }
    }

    /// The statement that writes it into the server's log alone, without a table.
    pub fn message(&self, prefix: &str) -> Statement {
        let mut content = b"{\"id\":".to_vec();
        member(self.id, &mut content);
        for (name, value) in [
            (",\"aggregatetype\":", Some(self.aggregate_type)),
            (",\"aggregateid\":", Some(self.aggregate_id)),
            (",\"type\":", Some(self.kind)),
            (",\"payload\":", self.payload),
        ] {
            content.extend_from_slice(name.as_bytes());
            member(value, &mut content);
        }
        content.push(b'}');
        let content = String::from_utf8_lossy(&content).into_owned();
        Statement {
            sql: "SELECT pg_logical_emit_message(true, $1::text, $2::text)".to_owned(),
            parameters: vec![Some(prefix.to_owned()), Some(content)],
        }
    }
}

fn member(value: Option<&str>, out: &mut Vec<u8>) {
    match value {
        Some(text) => json::string(text.as_bytes(), out),
        None => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_object_of_texts() {
        let event = Event {
            id: None,
            aggregate_type: "order",
            aggregate_id: "a\"b",
            kind: "Placed",
            payload: Some(r#"{"n":1.50}"#),
        };
        let message = event.message("outbox");
        let want = r#"{"id":null,"aggregatetype":"order","aggregateid":"a\"b","type":"Placed","payload":"{\"n\":1.50}"}"#;
        assert_eq!(
            message.parameters,
            [Some("outbox".to_owned()), Some(want.to_owned())]
        );
    }
}
