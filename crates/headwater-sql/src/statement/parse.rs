//! Which statement a text is, by its first words.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::create::{create_table, create_view, option_key, sql_option};
use super::cursor::Cursor;
use super::hint::{self, TableHint};
use super::lexer::{self, Source, StatementTokens};
use super::query::{insert, query, starts_query};
use super::{Insert, Name, ObjectKind, ParsedStatement, Show, Statement, TableOption};
use crate::error::{Result, SqlError, suggestion};

const FIRST_WORDS: [&str; 17] = [
    "SELECT",
    "WITH",
    "VALUES",
    "CREATE",
    "DROP",
    "ALTER",
    "INSERT",
    "EXECUTE",
    "BEGIN",
    "EXPLAIN",
    "SHOW",
    "DESCRIBE",
    "DESC",
    "STOP",
    "SET",
    "RESET",
    "SUBSCRIBE",
];

/// How databases begin statements that have no place here, and what does.
const OF_DATABASES: [(&str, &str); 11] = [
    ("UPDATE", KEYED),
    ("DELETE", KEYED),
    ("MERGE", KEYED),
    (
        "TRUNCATE",
        "headwater topic delete forgets the records of a topic",
    ),
    (
        "BEGIN",
        "a statement is one commit; several INSERTs are one job: EXECUTE STATEMENT SET BEGIN … END",
    ),
    ("COMMIT", "a statement is one commit"),
    ("ROLLBACK", "a statement is one commit, or nothing"),
    (
        "USE",
        "there is one catalogue and one database: write the name of the table alone",
    ),
    (
        "CALL",
        "jobs are ended by STOP JOB and changed by ALTER JOB",
    ),
    ("ANALYZE", "there are no statistics to gather"),
    (
        "COPY",
        "declare the files as a table with the connector filesystem",
    ),
];

const KEYED: &str = "INSERT INTO a table with a PRIMARY KEY replaces the row that has the same key";

/// Parses a text of any number of statements.
///
/// # Errors
/// `Syntax` at the first place that does not parse; `Unsupported` for statements of later versions.
pub fn parse(sql: &str) -> Result<Vec<ParsedStatement>> {
    let source = Source::new(sql);
    lexer::split(&source)?
        .iter()
        .map(|tokens| parsed(tokens, &source))
        .collect()
}

fn parsed(tokens: &StatementTokens, sql: &Source<'_>) -> Result<ParsedStatement> {
    let parser = StatementParser {
        sql,
        hints: hint::hints(&tokens.hints)?,
    };
    let statement = parser.statement(&tokens.tokens)?;
    parser.check_hints(&statement)?;
    Ok(ParsedStatement {
        statement,
        text: tokens.text.clone(),
        line: tokens.tokens[0].span.start.line,
    })
}

/// What the parsers of one statement know of it.
pub(crate) struct StatementParser<'a> {
    sql: &'a Source<'a>,
    hints: Vec<TableHint>,
}

impl StatementParser<'_> {
    /// The text of tokens, as written.
    pub(crate) fn source(&self, tokens: &[TokenWithSpan]) -> String {
        match (tokens.first(), tokens.last()) {
            (Some(a), Some(b)) => self.sql.slice(a.span.start, b.span.end).to_owned(),
            _ => String::new(),
        }
    }

    /// The hints that stand within tokens.
    pub(crate) fn hints_within(&self, tokens: &[TokenWithSpan]) -> Vec<TableHint> {
        match (tokens.first(), tokens.last()) {
            (Some(a), Some(b)) => hint::within(&self.hints, a.span.start, b.span.end),
            _ => Vec::new(),
        }
    }

    /// The options that a hint gives the table of this name.
    pub(crate) fn options_of(&self, name: &Name) -> Vec<TableOption> {
        let of_it = self.hints.iter().filter(|h| h.table == name.span);
        of_it.flat_map(|h| h.options.clone()).collect()
    }

    /// Every hint stands after the name of a table that the statement reads or writes.
    fn check_hints(&self, statement: &Statement) -> Result<()> {
        if self.hints.is_empty() {
            return Ok(());
        }
        let mut tables = Vec::new();
        super::tables::of_statement(statement, &mut tables);
        match self.hints.iter().find(|h| !tables.contains(&h.table)) {
            Some(stray) => Err(hint::misplaced(stray.span)),
            None => Ok(()),
        }
    }

    fn statement(&self, tokens: &[TokenWithSpan]) -> Result<Statement> {
        let mut cursor = Cursor::new(tokens);
        if starts_query(cursor.peek()) {
            let end = cursor.span();
            return Ok(Statement::Query(query(self, cursor.rest(), end)?));
        }
        let statement = match () {
            () if cursor.eat(&["CREATE"]) => return self.create(&mut cursor),
            () if cursor.eat(&["INSERT"]) => {
                let text = self.source(tokens);
                return Ok(Statement::Insert(Box::new(insert(
                    self,
                    &mut cursor,
                    text,
                )?)));
            }
            () if cursor.eat(&["EXECUTE", "STATEMENT", "SET"])
                || cursor.eat(&["BEGIN", "STATEMENT", "SET"]) =>
            {
                self.statement_set(&mut cursor)?
            }
            () if cursor.eat(&["EXPLAIN"]) => return self.explain(&mut cursor),
            () if cursor.eat(&["DROP"]) => drop_object(&mut cursor)?,
            () if cursor.eat(&["ALTER"]) => alter(&mut cursor)?,
            () if cursor.eat(&["SHOW"]) => Statement::Show(show(&mut cursor)?),
            () if cursor.eat(&["DESCRIBE"]) || cursor.eat(&["DESC"]) => {
                cursor.eat(&["TABLE"]);
                cursor.eat(&["EXTENDED"]);
                Statement::Describe(cursor.object_name("the name of a table")?)
            }
            () if cursor.eat(&["STOP", "JOB"]) => Statement::StopJob(job_name(&mut cursor)?),
            () if cursor.eat(&["SET"]) => set(&mut cursor)?,
            () if cursor.eat(&["RESET"]) => reset(&mut cursor)?,
            () => return Err(unknown_statement(&cursor)),
        };
        cursor.expect_end()?;
        Ok(statement)
    }

    fn create(&self, cursor: &mut Cursor<'_>) -> Result<Statement> {
        let or_replace = cursor.eat(&["OR", "REPLACE"]) || cursor.eat(&["OR", "ALTER"]);
        let temporary = cursor.eat(&["TEMPORARY"]) || cursor.eat(&["TEMP"]);
        if cursor.eat(&["TABLE"]) || cursor.eat(&["SOURCE"]) {
            cursor.eat(&["TABLE"]);
            let table = create_table(self, cursor, or_replace, temporary, false)?;
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        if cursor.eat(&["SINK"]) {
            let table = create_table(self, cursor, or_replace, temporary, true)?;
            return Ok(Statement::CreateTable(Box::new(table)));
        }
        let materialized = cursor.eat(&["MATERIALIZED"]);
        if cursor.eat(&["VIEW"]) || (materialized && cursor.eat(&["TABLE"])) {
            let view = create_view(self, cursor, or_replace, temporary, materialized)?;
            return Ok(Statement::CreateView(Box::new(view)));
        }
        for later in [
            "FUNCTION",
            "SECRET",
            "INDEX",
            "CONNECTION",
            "DATABASE",
            "CATALOG",
        ] {
            if cursor.sees(&[later]) {
                return Err(
                    SqlError::unsupported(format!("CREATE {later} is not supported yet"))
                        .at(cursor.span()),
                );
            }
        }
        Err(cursor.unexpected("TABLE, SOURCE, SINK, VIEW or MATERIALIZED VIEW"))
    }

    fn statement_set(&self, cursor: &mut Cursor<'_>) -> Result<Statement> {
        let begin = cursor.span();
        cursor.eat(&["BEGIN"]);
        cursor.eat_token(&Token::SemiColon);
        let mut inserts: Vec<Insert> = Vec::new();
        while !cursor.eat(&["END"]) {
            let tokens = cursor.until(|t| t.token == Token::SemiColon);
            let mut inner = Cursor::new(tokens);
            if tokens.is_empty() {
                return Err(cursor.unexpected("INSERT or END"));
            }
            inner.expect(&["INSERT"])?;
            let text = self.source(tokens);
            inserts.push(insert(self, &mut inner, text)?);
            if !cursor.eat_token(&Token::SemiColon) {
                return Err(cursor.unexpected("';' after the INSERT"));
            }
        }
        if inserts.is_empty() {
            return Err(SqlError::invalid("a statement set needs at least one INSERT").at(begin));
        }
        Ok(Statement::StatementSet(inserts))
    }

    fn explain(&self, cursor: &mut Cursor<'_>) -> Result<Statement> {
        let analyze = cursor.eat(&["ANALYZE"]);
        cursor.eat(&["PLAN", "FOR"]);
        for detail in ["CHANGELOG_MODE", "ESTIMATED_COST", "JSON_EXECUTION_PLAN"] {
            cursor.eat(&[detail]);
            cursor.eat_token(&Token::Comma);
        }
        if cursor.is_done() {
            return Err(cursor.unexpected("a statement"));
        }
        let rest = cursor.rest();
        let statement = ParsedStatement {
            statement: self.statement(rest)?,
            text: self.source(rest),
            line: rest[0].span.start.line,
        };
        Ok(Statement::Explain {
            analyze,
            statement: Box::new(statement),
        })
    }
}

fn unknown_statement(cursor: &Cursor<'_>) -> SqlError {
    let word = cursor.peek().map(|t| t.token.to_string());
    let word = word.unwrap_or_default();
    if cursor.sees(&["SUBSCRIBE"]) {
        return SqlError::unsupported("SUBSCRIBE is not supported yet")
            .at(cursor.span())
            .with_hint("use SELECT … EMIT CHANGES");
    }
    let of_databases = OF_DATABASES.iter().find(|(first, _)| cursor.sees(&[first]));
    if let Some((first, instead)) = of_databases {
        return SqlError::unsupported(format!("{first} is not supported"))
            .at(cursor.span())
            .with_hint(*instead);
    }
    SqlError::syntax(format!("'{word}' does not begin a statement"))
        .at(cursor.span())
        .with_hint_opt(suggestion(&word, FIRST_WORDS))
}

fn object_kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    let materialized = cursor.eat(&["MATERIALIZED"]);
    if cursor.eat(&["VIEW"]) || (materialized && cursor.eat(&["TABLE"])) {
        return Some(if materialized {
            ObjectKind::MaterializedView
        } else {
            ObjectKind::View
        });
    }
    let table = cursor.eat(&["TABLE"]) || cursor.eat(&["SOURCE"]) || cursor.eat(&["SINK"]);
    table.then_some(ObjectKind::Table)
}

fn drop_object(cursor: &mut Cursor<'_>) -> Result<Statement> {
    cursor.eat(&["TEMPORARY"]);
    let Some(kind) = object_kind(cursor) else {
        return Err(cursor.unexpected("TABLE, SOURCE, SINK, VIEW or MATERIALIZED VIEW"));
    };
    let if_exists = cursor.eat(&["IF", "EXISTS"]);
    let name = cursor.object_name("the name of what is to be dropped")?;
    Ok(Statement::Drop {
        kind,
        name,
        if_exists,
    })
}

fn alter(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if object_kind(cursor).is_none() && !cursor.eat(&["JOB"]) {
        return Err(cursor.unexpected("TABLE, VIEW, MATERIALIZED VIEW or JOB"));
    }
    let name = job_name(cursor)?;
    let resume = cursor.eat(&["RESUME"]);
    if !resume && !cursor.eat(&["SUSPEND"]) {
        return Err(cursor.unexpected("SUSPEND or RESUME"));
    }
    Ok(Statement::Alter { name, resume })
}

fn job_name(cursor: &mut Cursor<'_>) -> Result<Name> {
    let span = cursor.span();
    if let Some(Token::SingleQuotedString(value)) = cursor.peek().map(|t| &t.token) {
        let value = value.clone();
        cursor.next();
        return Ok(Name {
            value,
            quoted: true,
            span,
        });
    }
    cursor.object_name("the name of a job")
}

fn show(cursor: &mut Cursor<'_>) -> Result<Show> {
    let plain = [
        ("TABLES", Show::Tables),
        ("VIEWS", Show::Views),
        ("JOBS", Show::Jobs),
        ("TOPICS", Show::Topics),
        ("FUNCTIONS", Show::Functions),
        ("CONNECTORS", Show::Connectors),
        ("FORMATS", Show::Formats),
    ];
    for (word, show) in plain {
        if cursor.eat(&[word]) {
            return Ok(show);
        }
    }
    if cursor.eat(&["MATERIALIZED", "VIEWS"]) || cursor.eat(&["MATERIALIZED", "TABLES"]) {
        return Ok(Show::MaterializedViews);
    }
    if cursor.eat(&["CREATE"]) {
        object_kind(cursor);
        return Ok(Show::Create(cursor.object_name("the name of a table")?));
    }
    if cursor.eat(&["COLUMNS"]) {
        if !cursor.eat(&["FROM"]) {
            cursor.expect(&["IN"])?;
        }
        return Ok(Show::Columns(cursor.object_name("the name of a table")?));
    }
    Err(cursor.unexpected(
        "TABLES, VIEWS, MATERIALIZED VIEWS, JOBS, TOPICS, FUNCTIONS, CONNECTORS, FORMATS, COLUMNS or CREATE",
    ))
}

fn set(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if cursor.is_done() {
        return Ok(Statement::Set(None));
    }
    Ok(Statement::Set(Some(sql_option(cursor)?)))
}

fn reset(cursor: &mut Cursor<'_>) -> Result<Statement> {
    if cursor.is_done() {
        return Ok(Statement::Reset(None));
    }
    let (value, span) = option_key(cursor)?;
    Ok(Statement::Reset(Some(Name {
        value,
        quoted: true,
        span,
    })))
}
