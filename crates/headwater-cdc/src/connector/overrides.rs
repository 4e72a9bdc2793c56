//! Which rows a connector reads at first: the statements that it has in place of its own.

use headwater_log::{Error, ErrorKind, Result};
use serde_json::Value;

use super::keys::put_plain;
use super::said::Said;

const KEY: &str = "snapshot.select.statement.overrides";
/// What may come behind a condition, or be put into it, and is no part of it.
const WORDS: [&str; 14] = [
    "select",
    "from",
    "where",
    "join",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "limit",
    "offset",
    "fetch",
    "for",
];

/// The part `backfill-where`; `check` says whether a condition is one that the server's kind has.
///
/// # Errors
/// `Invalid` for a table without its statement, `Unsupported` for a statement that there is nothing for.
pub(super) fn overrides(
    said: &Said,
    check: impl Fn(&str) -> Result<()>,
    out: &mut String,
) -> Result<()> {
    let tables = said.get(KEY).unwrap_or_default().split(',');
    let tables = tables.map(|table| table.trim().replace("\\.", "."));
    let mut is_first = true;
    for table in tables.filter(|table| !table.is_empty()) {
        let key = format!("{KEY}.{table}");
        let statement = said.need(&key)?;
        let refused = || refused(&key);
        let Some(condition) = condition(statement, &table).ok_or_else(refused)? else {
            continue;
        };
        check(condition).map_err(|e| refused().with_source(e))?;
        if std::mem::take(&mut is_first) {
            out.push_str("[backfill-where]\n");
        }
        let table = Value::from(table).to_string();
        put_plain(out, &table, Value::from(condition));
    }
    Ok(())
}

fn refused(key: &str) -> Error {
    let text = format!("there is nothing for this value of the connector's key '{key}'");
    Error::new(ErrorKind::Unsupported, text).with_hint(
        "it can be SELECT * FROM table WHERE condition, perhaps with ORDER BY and columns: without joins, other clauses and other names of the table; \
         of MariaDB and MySQL the condition is one of the guide",
    )
}

/// The condition of `SELECT * FROM table WHERE condition ORDER BY columns`; inside `None`: it has none. `None`: it is another statement.
fn condition<'a>(statement: &'a str, table: &str) -> Option<Option<&'a str>> {
    let statement = statement.trim().trim_end_matches(';').trim_end();
    let rest = after_word(statement, "select")?;
    let at = rest.find('*')?;
    let from = rest[..at].trim();
    if !from.is_empty() && !is_table(from.strip_suffix('.')?, table) {
        return None;
    }
    let rest = after_word(&rest[at + 1..], "from")?.trim_start();
    let words = words(rest)?;
    let find = |word: &str| words.iter().position(|(_, w)| w.eq_ignore_ascii_case(word));
    let (wheres, orders) = (find("where"), find("order"));
    let end = |at: Option<usize>| at.map_or(rest.len(), |at| words[at].0);
    if !is_table(rest[..end(wheres).min(end(orders))].trim(), table) {
        return None;
    }
    if let Some(at) = orders {
        let by = after_word(after_word(&rest[words[at].0..], "order")?, "by")?;
        let is_plain = |c: char| c.is_alphanumeric() || "_\"`., ".contains(c);
        by.chars().all(is_plain).then_some(())?;
    }
    let Some(at) = wheres else {
        return Some(None);
    };
    let condition = after_word(&rest[words[at].0..end(orders).max(words[at].0)], "where")?.trim();
    let inside = words.iter().enumerate();
    let mut inside = inside.filter(|(place, _)| *place > at && orders.is_none_or(|o| *place < o));
    let is_more = inside.any(|(_, (_, word))| WORDS.iter().any(|w| w.eq_ignore_ascii_case(word)));
    (!is_more && !condition.is_empty()).then_some(Some(condition))
}

/// What comes after this word.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (first, rest) = text.split_at_checked(word.len())?;
    let is_whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (is_whole && first.eq_ignore_ascii_case(word)).then_some(rest)
}

/// Whether this names the table, with its schema or database or without.
fn is_table(text: &str, table: &str) -> bool {
    let plain = text.replace(['"', '`'], "");
    let bare = table.split_once('.').map_or(table, |(_, name)| name);
    plain.eq_ignore_ascii_case(table) || plain.eq_ignore_ascii_case(bare)
}

/// Where its words begin that are not within quotes or brackets; `None`: these do not end, or there are comments or several statements.
fn words(text: &str) -> Option<Vec<(usize, &str)>> {
    let (mut words, mut depth, mut quote, mut start) = (Vec::new(), 0_usize, None, None);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_word = c.is_alphanumeric() || c == '_';
        if !is_word && let Some(start) = start.take() {
            words.push((start, &text[start..at]));
        }
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (Some(_), '\\') => return None,
            (Some(_), _) => {}
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.checked_sub(1)?,
            (None, ';' | '#' | '$') => return None,
            (None, '-' | '/') if matches!(chars.peek(), Some((_, '-' | '*'))) => return None,
            (None, _) if is_word && depth == 0 && start.is_none() => start = Some(at),
            (None, _) => {}
        }
    }
    if let Some(start) = start {
        words.push((start, &text[start..]));
    }
    (depth == 0 && quote.is_none()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_what_stands_behind_where() {
        for (statement, want) in [
            ("SELECT * FROM public.orders WHERE n > 1", Some("n > 1")),
            (
                "select orders.* from \"public\".\"orders\" where name = 'where limit' and (n > 1 OR m IS NULL) order by id desc, n;",
                Some("name = 'where limit' and (n > 1 OR m IS NULL)"),
            ),
            (
                "SELECT * FROM Orders\n  WHERE n IN (SELECT 1)",
                Some("n IN (SELECT 1)"),
            ),
            ("SELECT * FROM orders", None),
            ("SELECT * FROM orders ORDER BY id", None),
        ] {
            assert_eq!(
                condition(statement, "public.orders"),
                Some(want),
                "{statement}"
            );
        }
    }

    #[test]
    fn another_statement_is_none() {
        for statement in [
            "",
            "SELECT",
            "SELECT id FROM orders WHERE n > 1",
            "SELECT o.* FROM orders o WHERE o.n > 1",
            "SELECT * FROM lines WHERE n > 1",
            "SELECT * FROM orders JOIN lines ON true WHERE n > 1",
            "SELECT * FROM orders, lines WHERE n > 1",
            "SELECT * FROM orders WHERE",
            "SELECT * FROM orders WHERE n > 1 LIMIT 5",
            "SELECT * FROM orders WHERE n > 1 UNION SELECT * FROM orders",
            "SELECT * FROM orders WHERE n > 1 ORDER BY id LIMIT 5 OFFSET (1)",
            "SELECT * FROM orders WHERE n > 1; DROP TABLE orders",
            "SELECT * FROM orders WHERE n > 1 -- ; ",
            "SELECT * FROM orders WHERE n > 1 /* */",
            "SELECT * FROM orders WHERE name = 'it",
            "SELECT * FROM orders WHERE n > 1)",
            "SELECT * FROM orders GROUP BY n",
            "DELETE FROM orders WHERE n > 1",
        ] {
            assert_eq!(condition(statement, "public.orders"), None, "{statement}");
        }
    }
}
