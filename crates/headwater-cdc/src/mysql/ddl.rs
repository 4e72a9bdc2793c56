//! What a statement of the log does to whole tables: which it empties, which it makes others, which it may have given other columns.
//!
//! | statement | table | what happens |
//! |---|---|---|
//! | `TRUNCATE`, `DROP TABLE`, `CREATE OR REPLACE TABLE` | the named | emptied |
//! | `DROP DATABASE` | all of it | emptied |
//! | `RENAME TABLE a TO b`, `ALTER TABLE a RENAME b` | `a`, `b` | emptied, replaced |
//! | `ALTER TABLE` that drops, empties, exchanges or converts partitions, imports a tablespace, or is `IGNORE` | all named | replaced |
//! | anything else | all named | altered |
//!
//! What is altered is compared with the catalogue, so that a name too many does no harm. Temporary tables are nobody's.

use super::statement::Statement;
use super::words::{Token, tokens};

/// What happens to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// It may have other columns.
    Altered,
    /// All rows are gone.
    Emptied,
    /// It has rows that nobody knows.
    Replaced,
}

/// A table or a database that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) database: String,
    /// `None`: all tables of the database.
    pub(crate) table: Option<String>,
    pub(crate) effect: Effect,
}

impl Statement {
    /// The tables that it names, each once, with what happens to them.
    pub(crate) fn effects(&self) -> Vec<Named> {
        let tokens = tokens(&self.sql);
        let mut named = Words {
            database: &self.database,
            tokens: &tokens,
        }
        .effects();
        // Of two effects on one table the later one counts; that it is named says the least.
        named.reverse();
        let mut once: Vec<Named> = Vec::new();
        for found in named {
            let is_same = |n: &Named| n.database == found.database && n.table == found.table;
            match once.iter_mut().find(|n| is_same(n)) {
                Some(known) if known.effect == Effect::Altered => known.effect = found.effect,
                Some(_) => {}
                None => once.push(found),
            }
        }
        once
    }
}

/// The words of a statement.
struct Words<'a> {
    database: &'a str,
    tokens: &'a [Token],
}

impl Words<'_> {
    fn effects(&self) -> Vec<Named> {
        let first = |word: &str| self.tokens.first().is_some_and(|token| token.is(word));
        let has = |word: &str| self.head().iter().any(|token| token.is(word));
        let is_table = has("TABLE") || has("TABLES");
        match () {
            () if has("TEMPORARY") && (first("CREATE") || first("DROP")) => Vec::new(),
            () if first("TRUNCATE") => self.listed(1, Effect::Emptied),
            () if first("DROP") && is_table => self.listed(0, Effect::Emptied),
            () if first("DROP") && (has("DATABASE") || has("SCHEMA")) => self.database(),
            () if first("CREATE") && has("REPLACE") && is_table => {
                let mut all = self.all(Effect::Altered);
                let made = self.table_at(self.after_head(0));
                all.extend(made.map(|(table, _)| self.named(table, Effect::Emptied)));
                all
            }
            () if first("RENAME") && is_table => self.renamed(),
            () if first("ALTER") && is_table => self.altered(),
            () => self.all(Effect::Altered),
        }
    }

    /// Up to the word that says what is made, dropped or altered; it comes early or not at all.
    fn head(&self) -> &[Token] {
        const WORDS_MAX: usize = 5;
        const THINGS: [&str; 4] = ["TABLE", "TABLES", "DATABASE", "SCHEMA"];
        let head = &self.tokens[..self.tokens.len().min(WORDS_MAX)];
        let is_thing = |token: &Token| THINGS.iter().any(|thing| token.is(thing));
        let end = head.iter().position(is_thing).map_or(0, |at| at + 1);
        &head[..end]
    }

    /// Where names begin; if there is no such word, at `otherwise`.
    fn after_head(&self, otherwise: usize) -> usize {
        let at = match self.head().len() {
            0 => otherwise.min(self.tokens.len()),
            length => length,
        };
        let is_filler = |t: &&Token| t.is("IF") || t.is("NOT") || t.is("EXISTS");
        at + self.tokens[at..].iter().take_while(is_filler).count()
    }

    /// The tables of a list.
    fn listed(&self, otherwise: usize, effect: Effect) -> Vec<Named> {
        let parts = self.parts(otherwise);
        let tables = parts.iter().filter_map(|part| part.table_at(0));
        tables.map(|(table, _)| self.named(table, effect)).collect()
    }

    /// What stands between commas.
    fn parts(&self, otherwise: usize) -> Vec<Words<'_>> {
        let names = &self.tokens[self.after_head(otherwise)..];
        let parts = names.split(|token| *token == Token::Sign(','));
        let words = parts.map(|tokens| Words {
            database: self.database,
            tokens,
        });
        words.collect()
    }

    /// Everything that may be the name of a table.
    fn all(&self, effect: Effect) -> Vec<Named> {
        let mut all = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match self.table_at(at) {
                Some((table, after)) => {
                    all.push(self.named(table, effect));
                    at = after;
                }
                None => at += 1,
            }
        }
        all
    }

    fn database(&self) -> Vec<Named> {
        let name = self.tokens.get(self.after_head(0)).and_then(Token::name);
        let named = name.map(|name| Named {
            database: name.to_owned(),
            table: None,
            effect: Effect::Emptied,
        });
        named.into_iter().collect()
    }

    /// `a TO b, c TO d`.
    fn renamed(&self) -> Vec<Named> {
        let mut all = Vec::new();
        for part in self.parts(0) {
            let from = part.table_at(0);
            let to = part.tokens.iter().position(|token| token.is("TO"));
            let to = to.and_then(|at| part.table_at(at + 1));
            all.extend(from.map(|(table, _)| self.named(table, Effect::Emptied)));
            all.extend(to.map(|(table, _)| self.named(table, Effect::Replaced)));
        }
        all
    }

    fn altered(&self) -> Vec<Named> {
        let has = |word: &str| self.tokens.iter().any(|token| token.is(word));
        let any = |words: &[&str]| words.iter().any(|word| has(word));
        let moves_partitions =
            has("PARTITION") && any(&["DROP", "TRUNCATE", "EXCHANGE", "IMPORT", "CONVERT"]);
        let moves_space = has("TABLESPACE") && any(&["IMPORT", "DISCARD"]);
        if moves_partitions || moves_space || has("IGNORE") {
            return self.all(Effect::Replaced);
        }
        let mut all = self.all(Effect::Altered);
        for (at, token) in self.tokens.iter().enumerate() {
            let after = self.tokens.get(at + 1);
            let is_part = ["COLUMN", "INDEX", "KEY", "CONSTRAINT", "PARTITION"];
            let of_part = |t: &Token| is_part.iter().any(|word| t.is(word));
            if !token.is("RENAME") || after.is_none_or(of_part) {
                continue;
            }
            let is_filler = |t: &&Token| t.is("TO") || t.is("AS") || **t == Token::Sign('=');
            let fillers = self.tokens[at + 1..].iter().take_while(is_filler).count();
            let to = self.table_at(at + 1 + fillers);
            let of = self.table_at(self.after_head(0));
            all.extend(of.map(|(table, _)| self.named(table, Effect::Emptied)));
            all.extend(to.map(|(table, _)| self.named(table, Effect::Replaced)));
        }
        all
    }

    /// `name` or `database.name` at a place, and the place after it.
    fn table_at(&self, at: usize) -> Option<((Option<&str>, &str), usize)> {
        let first = self.tokens.get(at)?.name()?;
        let second = match self.tokens.get(at + 1) {
            Some(Token::Sign('.')) => self.tokens.get(at + 2).and_then(Token::name),
            _ => None,
        };
        Some(match second {
            Some(second) => ((Some(first), second), at + 3),
            None => ((None, first), at + 1),
        })
    }

    fn named(&self, (database, table): (Option<&str>, &str), effect: Effect) -> Named {
        Named {
            database: database.unwrap_or(self.database).to_owned(),
            table: Some(table.to_owned()),
            effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of one letter are looked at, and those with spaces: the words of statements are longer.
    fn check(sql: &str, want: &[&str]) {
        let statement = Statement {
            database: "shop".to_owned(),
            sql: sql.to_owned(),
        };
        let mut got = Vec::new();
        for Named {
            database,
            table,
            effect,
        } in statement.effects()
        {
            let table = table.unwrap_or_else(|| "*".to_owned());
            if table.chars().count() == 1 || table.contains(' ') {
                got.push(format!("{effect:?} {database}.{table}"));
            }
        }
        got.sort_unstable();
        assert_eq!(got, want, "{sql}");
    }

    #[test]
    fn tables_are_emptied() {
        check("TRUNCATE t", &["Emptied shop.t"]);
        check("truncate table `a b`.`c d`", &["Emptied a b.c d"]);
        check(
            "TRUNCATE TABLE `m` /* generated by server */",
            &["Emptied shop.m"],
        );
        check(
            "DROP TABLE IF EXISTS x.t, `u` /* c */",
            &["Emptied shop.u", "Emptied x.t"],
        );
        check("/* c */ DROP -- d\n TABLE # e\n t", &["Emptied shop.t"]);
        check("/*!40000 DROP TABLE */ t", &["Emptied shop.t"]);
        check("DROP DATABASE IF EXISTS `x`", &["Emptied x.*"]);
        check("drop schema x", &["Emptied x.*"]);
        check(
            "CREATE OR REPLACE TABLE t (i INT)",
            &["Altered shop.i", "Emptied shop.t"],
        );
    }

    #[test]
    fn tables_get_other_names() {
        let both = ["Emptied shop.t", "Replaced shop.u"];
        check("RENAME TABLE t TO u", &both);
        check("RENAME TABLES IF EXISTS t WAIT 5 TO `u`", &both);
        check("ALTER TABLE t RENAME TO u", &both);
        check("ALTER TABLE t ADD x1 INT, RENAME u", &both);
        check(
            "ALTER TABLE t RENAME AS x.u",
            &["Emptied shop.t", "Replaced x.u"],
        );
        // As tools that change tables online do in the end.
        check(
            "RENAME TABLE t TO x.o, n TO t",
            &["Emptied shop.n", "Replaced shop.t", "Replaced x.o"],
        );
    }

    #[test]
    fn rows_come_and_go_with_partitions() {
        for sql in [
            "ALTER TABLE t DROP PARTITION p0",
            "alter table t truncate partition all",
            "ALTER IGNORE TABLE t ADD UNIQUE (i1)",
            "ALTER TABLE t IMPORT TABLESPACE",
        ] {
            check(sql, &["Replaced shop.t"]);
        }
        check(
            "ALTER TABLE t EXCHANGE PARTITION p0 WITH TABLE x.u",
            &["Replaced shop.t", "Replaced x.u"],
        );
    }

    #[test]
    fn other_statements_may_alter_what_they_name() {
        for sql in [
            "ALTER TABLE t DROP COLUMN i1",
            "ALTER TABLE t RENAME COLUMN i1 TO i2",
            "ALTER TABLE t RENAME INDEX i1 TO i2",
            "ALTER TABLE t ADD PARTITION (PARTITION p1 VALUES LESS THAN (99))",
            "ALTER TABLE t COMMENT 'DROP PARTITION p, RENAME u'",
            "ALTER TABLE t COMMENT \"it\\\"s\" , ALGORITHM = COPY",
            "CREATE TABLE t (id INT)",
            "CREATE INDEX i1 ON t (id)",
        ] {
            check(sql, &["Altered shop.t"]);
        }
    }

    #[test]
    fn temporary_tables_are_nobodys() {
        check("CREATE TEMPORARY TABLE t (i INT)", &[]);
        check("DROP /*!40005 TEMPORARY */ TABLE IF EXISTS `t`", &[]);
        check("DROP TABLE temporary, t", &["Emptied shop.t"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(
            words in proptest::collection::vec("[`'\"/*!.,#\\\\ -]|ALTER|TABLE|RENAME|TO|DROP|t|\u{e9}", 0..12)
        ) {
            let statement = Statement { database: String::new(), sql: words.join(" ") };
            drop(statement.effects());
            let statement = Statement { database: String::new(), sql: words.concat() };
            drop(statement.effects());
        }
    }
}
