//! What is said of columns and changes.

use std::str::FromStr;

use headwater_log::{Error, ErrorKind, Result};

use super::pattern::Pattern;
use super::rule::{Rule, Treatment, no_text};

/// What of rows and their changes is taken over. Patterns are about whole names: `schema.table.column`, or `database.table.column`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// The columns that are taken over, besides those that identify rows; empty: all.
    pub included: Vec<Pattern>,
    /// Columns that are not taken over.
    pub excluded: Vec<Pattern>,
    /// Columns whose texts are others; the first that matches counts.
    pub treatments: Vec<(Pattern, Treatment)>,
    /// Changes that are not taken over.
    pub skipped: Operations,
    /// The columns that records have as their key, in this order, in place of those that identify rows; a table without such columns has its own key.
    /// They too must identify rows, and what a change was before must tell them.
    pub keyed: Vec<Pattern>,
}

/// What of a column matters for what is done to its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnOf<'a> {
    /// The table, with its schema or database.
    pub(crate) table: &'a str,
    /// The column.
    pub(crate) name: &'a str,
    /// Whether it identifies rows.
    pub(crate) is_key: bool,
    /// Whether its values are texts.
    pub(crate) is_text: bool,
    /// How many characters it has at most, if that is said.
    pub(crate) length: Option<usize>,
}

impl Filters {
    /// Whether it matters how long texts of a column are at most.
    pub(crate) fn ask_lengths(&self) -> bool {
        let mut treatments = self.treatments.iter().map(|(_, treatment)| treatment);
        treatments.any(|t| matches!(t, Treatment::Hash(hash) if hash.is_shortened))
    }

    /// The columns of a table that are wanted as its key, in the order of the patterns; none: its own key is.
    pub(crate) fn key<'a>(
        &self,
        table: &str,
        columns: impl Iterator<Item = &'a str> + Clone,
    ) -> Vec<String> {
        let mut key = Vec::new();
        for pattern in &self.keyed {
            for column in columns.clone() {
                let is_new = !key.iter().any(|known| known == column);
                if is_new && pattern.matches(&format!("{table}.{column}")) {
                    key.push(column.to_owned());
                }
            }
        }
        key
    }

    /// What is done to the values of a column.
    ///
    /// # Errors
    /// `Invalid` if it identifies rows and is to be left out or treated, `Unsupported` if it is to be treated and has no texts.
    pub(crate) fn rule(&self, column: ColumnOf<'_>) -> Result<Rule> {
        let (name, is_key) = (format!("{}.{}", column.table, column.name), column.is_key);
        let is_among = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(&name));
        let treatment = self.treatments.iter().find(|(p, _)| p.matches(&name));
        let rule = match treatment {
            _ if is_among(&self.excluded) => Rule::LeaveOut,
            Some(_) if !column.is_text && !is_key => return Err(no_text(&name)),
            Some((_, treatment)) => Rule::Treat(treatment.clone(), column.length),
            None if is_key || self.included.is_empty() || is_among(&self.included) => Rule::Keep,
            None => Rule::LeaveOut,
        };
        match is_key && rule != Rule::Keep {
            false => Ok(rule),
            true => {
                let text = format!("column '{name}' identifies rows: it is taken over as it is");
                Err(Error::new(ErrorKind::Invalid, text)
                    .with_hint("write patterns that do not match it"))
            }
        }
    }
}

/// Kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations {
    /// New rows: `c`.
    pub created: bool,
    /// Rows that are others now: `u`.
    pub updated: bool,
    /// Rows that are gone: `d`.
    pub deleted: bool,
    /// Tables that are emptied: `t`.
    pub truncated: bool,
}

impl FromStr for Operations {
    type Err = Error;

    /// As Debezium's `skipped.operations`: `c,u,d,t`, or `none`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut operations = Self::default();
        for word in text.split(',').map(str::trim) {
            match word {
                "c" => operations.created = true,
                "u" => operations.updated = true,
                "d" => operations.deleted = true,
                "t" => operations.truncated = true,
                "none" | "" => {}
                _ => {
                    let text = format!("'{word}' is not a kind of changes");
                    return Err(Error::new(ErrorKind::Invalid, text).with_hint(
                        "there are c (created), u (updated), d (deleted), t (truncated)",
                    ));
                }
            }
        }
        Ok(operations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn each_column_has_one_rule() {
        let mask = Treatment::Mask(4);
        let filters = Filters {
            included: patterns(&[r"public\.users\..*", r".*\.n"]),
            excluded: patterns(&[r".*\.password"]),
            treatments: vec![(r".*\.(mail|password)".parse().unwrap(), mask.clone())],
            ..Filters::default()
        };
        let of = |table, name, is_key| ColumnOf {
            table,
            name,
            is_key,
            is_text: name != "n",
            length: Some(9),
        };
        let rule = |table, column| filters.rule(of(table, column, false)).unwrap();
        assert_eq!(rule("public.users", "name"), Rule::Keep);
        assert_eq!(rule("public.users", "password"), Rule::LeaveOut);
        assert_eq!(rule("public.users", "mail"), Rule::Treat(mask, Some(9)));
        assert_eq!(rule("public.other", "name"), Rule::LeaveOut);
        assert_eq!(rule("public.other", "n"), Rule::Keep);
        let key = |column| filters.rule(of("public.other", column, true));
        assert_eq!(key("id").unwrap(), Rule::Keep);
        let error = key("mail").unwrap_err();
        assert!(error.message().contains("'public.other.mail'"), "{error}");
        let usual = Filters::default().rule(of("a.b", "c", false)).unwrap();
        assert_eq!(usual, Rule::Keep);
        let of_number = Filters {
            treatments: vec![(".*".parse().unwrap(), Treatment::Mask(1))],
            ..Filters::default()
        };
        let error = of_number.rule(of("a.b", "n", false)).unwrap_err();
        assert!(error.message().contains("'a.b.n'"), "{error}");
    }

    #[test]
    fn keys_are_the_columns_that_match_in_the_order_of_the_patterns() {
        let filters = Filters {
            keyed: patterns(&[r"shop\.orders\.b", r".*\.(A|c)"]),
            ..Filters::default()
        };
        let key = |table, columns: &[&'static str]| filters.key(table, columns.iter().copied());
        assert_eq!(key("shop.orders", &["a", "b", "n"]), ["b", "a"]);
        assert_eq!(key("shop.lines", &["c", "b", "a"]), ["c", "a"]);
        assert!(key("shop.lines", &["b", "n"]).is_empty());
    }

    #[test]
    fn operations_are_letters() {
        let found: Operations = "c, t".parse().unwrap();
        assert!(found.created && found.truncated && !found.updated && !found.deleted);
        assert_eq!("none".parse::<Operations>().unwrap(), Operations::default());
        let error = "c,x".parse::<Operations>().unwrap_err();
        assert!(error.message().contains("'x'"), "{error}");
    }
}
