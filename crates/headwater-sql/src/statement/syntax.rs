//! What statements say: the tree that the parsers make and the session reads.

use arrow::datatypes::DataType;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::hint::TableHint;
use super::lexer::fingerprint;
use super::parse::parse;

/// A statement with its text.
#[derive(Debug, Clone)]
pub struct ParsedStatement {
    /// What it says.
    pub statement: Statement,
    /// As written, without the semicolon.
    pub text: String,
    /// Line of its first token, from 1.
    pub line: u64,
}

impl ParsedStatement {
    /// Whether it says what `sql` says; space and comments make no difference.
    pub fn says(&self, sql: &str) -> bool {
        let (own, other) = (fingerprint(&self.text), fingerprint(sql));
        matches!((own, other), (Ok(own), Ok(other)) if own == other) || self.is_completed_by(sql)
    }

    /// Whether it is a table without columns, and `sql` the same one with those that its connector found.
    fn is_completed_by(&self, sql: &str) -> bool {
        let Statement::CreateTable(own) = &self.statement else {
            return false;
        };
        let leaves_out = own.columns.is_empty() && own.like.is_none() && own.query.is_none();
        if !leaves_out {
            return false;
        }
        let other = parse(sql).ok().and_then(|mut all| all.pop());
        let Some(Statement::CreateTable(other)) = other.map(|o| o.statement) else {
            return false;
        };
        let pairs = |table: &CreateTable| -> Vec<(String, String)> {
            let options = table.options.iter().filter(|o| !o.is_format);
            options.map(|o| (o.key.clone(), o.value.clone())).collect()
        };
        let facts = |t: &CreateTable| (t.or_replace, t.temporary, t.if_not_exists);
        own.name.value == other.name.value
            && own.comment == other.comment
            && facts(own) == facts(&other)
            && pairs(own) == pairs(&other)
    }
}

/// A name with its place.
#[derive(Debug, Clone)]
pub struct Name {
    /// As written, without quotes.
    pub value: String,
    /// Whether it was quoted and so must be found with its case.
    pub quoted: bool,
    pub(crate) span: Span,
}

/// One statement.
#[derive(Debug, Clone)]
pub enum Statement {
    /// `CREATE TABLE`, `CREATE SOURCE`, `CREATE SINK`.
    CreateTable(Box<CreateTable>),
    /// `CREATE VIEW`, `CREATE MATERIALIZED VIEW`, `CREATE MATERIALIZED TABLE`.
    CreateView(Box<CreateView>),
    /// `ALTER … SUSPEND | RESUME`.
    Alter {
        /// What it alters.
        name: Name,
        /// `true`: RESUME.
        resume: bool,
    },
    /// `DROP …`.
    Drop {
        /// What kind of object.
        kind: ObjectKind,
        /// Which.
        name: Name,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `INSERT INTO`.
    Insert(Box<Insert>),
    /// `EXECUTE STATEMENT SET BEGIN … END`.
    StatementSet(Vec<Insert>),
    /// `SELECT …`.
    Query(Query),
    /// `EXPLAIN [ANALYZE]`.
    Explain {
        /// With measured figures.
        analyze: bool,
        /// What is explained.
        statement: Box<ParsedStatement>,
    },
    /// `SHOW …`.
    Show(Show),
    /// `DESCRIBE t`.
    Describe(Name),
    /// `STOP JOB j`.
    StopJob(Name),
    /// `SET 'key' = 'value'`; without a pair, all settings are shown.
    Set(Option<TableOption>),
    /// `RESET ['key']`.
    Reset(Option<Name>),
}

/// What a `DROP` or `SHOW CREATE` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A table, source or sink.
    Table,
    /// A view.
    View,
    /// A materialised view.
    MaterializedView,
}

impl ObjectKind {
    /// As in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
        }
    }

    /// As in a statement.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::MaterializedView => "MATERIALIZED VIEW",
        }
    }
}

/// `SHOW …`.
#[derive(Debug, Clone)]
pub enum Show {
    /// `SHOW TABLES`.
    Tables,
    /// `SHOW VIEWS`.
    Views,
    /// `SHOW MATERIALIZED VIEWS`.
    MaterializedViews,
    /// `SHOW JOBS`.
    Jobs,
    /// `SHOW TOPICS`.
    Topics,
    /// `SHOW FUNCTIONS`.
    Functions,
    /// `SHOW CONNECTORS`.
    Connectors,
    /// `SHOW FORMATS`.
    Formats,
    /// `SHOW CREATE TABLE | VIEW | MATERIALIZED VIEW t`.
    Create(Name),
    /// `SHOW COLUMNS FROM t`.
    Columns(Name),
}

/// When a query emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Emit {
    /// `EMIT ON WINDOW CLOSE` or `EMIT FINAL`: once, when the watermark has closed the window.
    OnWindowClose,
    /// `EMIT CHANGES`: every change.
    Changes,
}

/// A query with its emission.
#[derive(Debug, Clone)]
pub struct Query {
    /// The query as sqlparser read it.
    pub ast: Box<ast::Query>,
    /// `EMIT …`, if it was written.
    pub emit: Option<Emit>,
    /// The query as written, without `EMIT`.
    pub text: String,
    /// Options that its tables have in this query only.
    pub hints: Vec<TableHint>,
    pub(crate) span: Span,
}

impl Query {
    /// A query that was made, not written.
    pub(crate) fn of_ast(ast: ast::Query, span: Span) -> Self {
        Self {
            ast: Box::new(ast),
            emit: None,
            text: String::new(),
            hints: Vec::new(),
            span,
        }
    }
}

/// `CREATE [OR REPLACE] [TEMPORARY] TABLE | SOURCE | SINK`.
#[derive(Debug, Clone)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `TEMPORARY`: known in this session only.
    pub temporary: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// The columns.
    pub columns: Vec<TableColumn>,
    /// `WATERMARK FOR … AS …`.
    pub watermark: Option<Watermark>,
    /// The columns of the primary key.
    pub primary_key: Vec<Name>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// `PARTITIONED BY`.
    pub partitioned_by: Vec<Name>,
    /// `WITH (…)` and `FORMAT … ENCODE …`, in written order.
    pub options: Vec<TableOption>,
    /// `LIKE other (…)`.
    pub like: Option<Like>,
    /// `AS query`, `FROM v`: what is inserted into it.
    pub query: Option<Query>,
}

/// A column of a `CREATE TABLE`.
#[derive(Debug, Clone)]
pub struct TableColumn {
    /// Its name.
    pub name: Name,
    /// Where it comes from.
    pub source: ColumnSource,
    /// `COMMENT`.
    pub comment: Option<String>,
}

/// Where a declared column comes from.
#[derive(Debug, Clone)]
pub enum ColumnSource {
    /// `col type [NOT NULL]`.
    Physical {
        /// Its type.
        data_type: DataType,
        /// Without `NOT NULL`.
        nullable: bool,
    },
    /// `col type METADATA [FROM 'key'] [VIRTUAL]`.
    Metadata {
        /// Its type.
        data_type: DataType,
        /// `FROM 'key'`.
        key: Option<String>,
        /// `VIRTUAL`.
        is_virtual: bool,
    },
    /// `col AS expr`.
    Computed {
        /// The expression.
        expr: Box<ast::Expr>,
        /// As written.
        text: String,
    },
}

/// `WATERMARK FOR column AS expr`.
#[derive(Debug, Clone)]
pub struct Watermark {
    /// The event-time column.
    pub column: Name,
    /// The watermark after a row.
    pub expr: Box<ast::Expr>,
    /// As written.
    pub text: String,
}

/// `'key' = 'value'`.
#[derive(Debug, Clone)]
pub struct TableOption {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Said by `FORMAT … ENCODE …`, which RisingWave wants also where there is nothing to encode.
    pub(crate) is_format: bool,
    pub(crate) span: Span,
}

/// `LIKE other (INCLUDING … EXCLUDING … OVERWRITING …)`.
#[derive(Debug, Clone)]
pub struct Like {
    /// The table whose definition is copied.
    pub table: Name,
    /// Pairs such as (`EXCLUDING`, `OPTIONS`), in upper case.
    pub rules: Vec<(String, String)>,
}

/// `CREATE [OR REPLACE] [TEMPORARY] [MATERIALIZED] VIEW`.
#[derive(Debug, Clone)]
pub struct CreateView {
    /// Its name.
    pub name: Name,
    /// Kept up to date.
    pub materialized: bool,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `TEMPORARY`.
    pub temporary: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Names for the columns, or none.
    pub columns: Vec<Name>,
    /// `PRIMARY KEY (…)` of a materialised table.
    pub primary_key: Vec<Name>,
    /// `COMMENT`.
    pub comment: Option<String>,
    /// `WITH (…)`.
    pub options: Vec<TableOption>,
    /// `AS query`.
    pub query: Query,
}

/// `INSERT INTO table [(columns)] query`.
#[derive(Debug, Clone)]
pub struct Insert {
    /// Into what.
    pub table: Name,
    /// Options that the table has in this statement only.
    pub options: Vec<TableOption>,
    /// Which columns; empty: all that can be written, in declared order.
    pub columns: Vec<Name>,
    /// What.
    pub query: Query,
    /// Whether the query is a bare `VALUES`.
    pub is_values: bool,
    /// As written.
    pub text: String,
}
