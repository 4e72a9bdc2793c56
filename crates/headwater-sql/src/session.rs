//! A session: turns parsed statements into what is to be done, against the catalogue and its own temporary objects.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion_expr::LogicalPlan;
use headwater_flow::connector::Registry;
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};

use crate::catalogue::{Catalogue, Definition, Object, implicit_table};
use crate::error::{Result, SqlError, SqlErrorKind, suggestion};
use crate::options;
use crate::planner::{
    Names, Planner, Relation, define_table, insert_plan, relations, unrepeatable,
};
use crate::show::not_found;
use crate::statement::{
    CreateTable, CreateView, Emit, Insert, Name, ObjectKind, ParsedStatement, Query, Statement,
};

/// What a statement asks for, checked and planned.
#[derive(Debug, Clone)]
pub enum Planned {
    /// Tell the catalogue: [`Session::apply`].
    Define(Definition),
    /// Start a pipeline.
    Pipeline(PlannedPipeline),
    /// Answer a query: a batch over what is durable, or, with `EMIT`, a stream.
    Query(PlannedQuery),
    /// Write the rows of a `VALUES` once.
    InsertValues(PlannedOutput),
    /// Show the plan.
    Explain {
        /// With measured figures.
        analyze: bool,
        /// What would be done.
        planned: Box<Planned>,
        /// The statement as written.
        text: String,
    },
    /// Show a table of texts: names of the columns and rows.
    Rows(Vec<String>, Vec<Vec<String>>),
    /// Show the running jobs.
    ShowJobs,
    /// Show the topics of the log.
    ShowTopics,
    /// Stop a job.
    StopJob(String),
    /// Suspend (`false`) or resume (`true`) a job or materialised view.
    Alter(String, bool),
    /// Nothing is left to do.
    Done,
}

/// A continuous job.
#[derive(Debug, Clone)]
pub struct PlannedPipeline {
    /// A name that is the same whenever the statement is run again.
    pub name: String,
    /// The statement as written.
    pub text: String,
    /// Its outputs; inputs that they share are read once.
    pub outputs: Vec<PlannedOutput>,
    /// What is to be told to the catalogue before it starts.
    pub definition: Option<Definition>,
}

/// One output of a pipeline.
#[derive(Debug, Clone)]
pub struct PlannedOutput {
    /// The table, or the changelog table of the materialised view.
    pub target: Arc<TableDef>,
    /// Whether the target is a materialised view.
    pub is_view: bool,
    /// Rows of exactly the columns that the target writes.
    pub plan: LogicalPlan,
    /// `EMIT …`, if it was written.
    pub emit: Option<Emit>,
}

/// A query to be answered.
#[derive(Debug, Clone)]
pub struct PlannedQuery {
    /// The unoptimised plan, views expanded.
    pub plan: LogicalPlan,
    /// With `EMIT` the query is a stream.
    pub emit: Option<Emit>,
}

/// A session of SQL.
pub struct Session {
    catalogue: Catalogue,
    registry: Registry,
    temporary: BTreeMap<String, Arc<Object>>,
    settings: BTreeMap<String, String>,
}

/// The names of a session at one moment.
struct SessionNames<'a> {
    session: &'a Session,
    shared: Arc<BTreeMap<String, Arc<Object>>>,
    /// Topics that were looked at.
    topics: RefCell<BTreeMap<String, Option<Arc<Object>>>>,
}

impl Names for SessionNames<'_> {
    fn relation(&self, name: &str) -> Option<Relation> {
        self.object(name)?.relation()
    }

    fn relation_names(&self) -> Vec<String> {
        let temporary = self.session.temporary.keys();
        let mut names: Vec<String> = temporary.chain(self.shared.keys()).cloned().collect();
        if let Some(log) = self.session.catalogue.log() {
            let topics = log.topics().into_iter().filter(|t| !t.config.internal);
            names.extend(topics.map(|t| t.name));
        }
        names.sort();
        names.dedup();
        names
    }
}

impl SessionNames<'_> {
    fn object(&self, name: &str) -> Option<Arc<Object>> {
        self.declared(name).or_else(|| self.topic(name))
    }

    fn declared(&self, name: &str) -> Option<Arc<Object>> {
        let temporary = self.session.temporary.get(name);
        temporary.or_else(|| self.shared.get(name)).cloned()
    }

    /// A topic without DDL.
    fn topic(&self, name: &str) -> Option<Arc<Object>> {
        if let Some(known) = self.topics.borrow().get(name) {
            return known.clone();
        }
        let log = self.session.catalogue.log()?;
        let found = implicit_table(&log, &self.session.registry, name).map(Arc::new);
        self.topics
            .borrow_mut()
            .insert(name.to_owned(), found.clone());
        found
    }

    /// By the case rule.
    fn find(&self, name: &Name) -> Option<Arc<Object>> {
        if let Some(found) = self.object(&name.value) {
            return Some(found);
        }
        let names = self.relation_names();
        let mut near = names
            .iter()
            .filter(|n| !name.quoted && n.eq_ignore_ascii_case(&name.value));
        let only = near.next().filter(|_| near.next().is_none())?;
        self.object(only)
    }

    fn expect(&self, name: &Name, what: &str) -> Result<Arc<Object>> {
        self.find(name).ok_or_else(|| not_found(name, what, self))
    }
}

impl Session {
    /// A session over a catalogue and the connectors of the process.
    pub fn new(catalogue: Catalogue, registry: Registry) -> Self {
        Self {
            catalogue,
            registry,
            temporary: BTreeMap::new(),
            settings: BTreeMap::new(),
        }
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The connectors and formats.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The value of a setting (`SET 'key' = 'value'`).
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// The object called `name`, temporary ones first.
    pub fn object(&self, name: &str) -> Option<Arc<Object>> {
        self.names().declared(name)
    }

    pub(crate) fn all_objects(&self) -> Vec<Arc<Object>> {
        let mut all: BTreeMap<String, Arc<Object>> = (*self.catalogue.snapshot()).clone();
        all.extend(self.temporary.clone());
        all.into_values().collect()
    }

    pub(crate) fn expect_object(&self, name: &Name) -> Result<Arc<Object>> {
        self.names().expect(name, "table")
    }

    pub(crate) fn with_names<T>(&self, use_names: impl FnOnce(&dyn Names) -> T) -> T {
        use_names(&self.names())
    }

    fn names(&self) -> SessionNames<'_> {
        SessionNames {
            session: self,
            shared: self.catalogue.snapshot(),
            topics: RefCell::default(),
        }
    }

    /// Tells the catalogue, or this session if the object is temporary.
    ///
    /// # Errors
    /// `Conflict` if another writer was faster; `Unavailable` if the log cannot be written.
    pub fn apply(&mut self, definition: &Definition) -> Result<()> {
        if definition.no_op {
            return Ok(());
        }
        let name = &definition.object.name;
        match (definition.temporary, definition.drop) {
            (true, true) => drop(self.temporary.remove(name)),
            (true, false) => {
                let object = Arc::new(definition.object.clone());
                self.temporary.insert(name.clone(), object);
            }
            (false, _) => self.catalogue.apply(definition)?,
        }
        Ok(())
    }

    /// Plans a statement. Nothing is changed but settings.
    ///
    /// # Errors
    /// With the place in the text: `NotFound`, `Invalid`, `Unsupported`, `Conflict`.
    pub fn plan(&mut self, statement: &ParsedStatement) -> Result<Planned> {
        let text = &statement.text;
        match &statement.statement {
            Statement::CreateTable(create) => self.create_table(create, text),
            Statement::CreateView(create) => self.create_view(create, text),
            Statement::Drop {
                kind,
                name,
                if_exists,
            } => self.drop_object(*kind, name, *if_exists),
            Statement::Insert(insert) => self.insert(insert, text),
            Statement::StatementSet(inserts) => self.statement_set(inserts, text),
            Statement::Query(query) => self.query(query),
            Statement::Explain { analyze, statement } => Ok(Planned::Explain {
                analyze: *analyze,
                planned: Box::new(self.plan(statement)?),
                text: statement.text.clone(),
            }),
            Statement::Alter { name, resume } => Ok(Planned::Alter(name.value.clone(), *resume)),
            Statement::StopJob(name) => Ok(Planned::StopJob(name.value.clone())),
            Statement::Show(show) => self.show(show),
            Statement::Describe(name) => self.describe(name),
            Statement::Set(pair) => Ok(self.set(pair.as_ref())),
            Statement::Reset(key) => Ok(self.reset(key.as_deref())),
        }
    }

    fn create_table(&self, create: &CreateTable, text: &str) -> Result<Planned> {
        let names = self.names();
        if let Some(column) = create.partitioned_by.first() {
            return Err(
                SqlError::unsupported("PARTITIONED BY is not supported yet").at(column.span)
            );
        }
        let no_op = self.check_new(&create.name, create.or_replace, create.if_not_exists)?;
        let derived = match &create.query {
            Some(query) => Some(Planner::new(&names).optimized(query)?),
            None => None,
        };
        let schema = derived.as_ref().map(|p| p.schema().inner());
        let table = Arc::new(define_table(create, &names, schema.map(|s| &**s))?);
        options::check(&self.registry, create, &table)?;
        let definition = Definition {
            object: Object {
                name: table.name.clone(),
                kind: ObjectKind::Table,
                sql: text.to_owned(),
                table: Some(Arc::clone(&table)),
                query: None,
                columns: Vec::new(),
                commit: 0,
            },
            drop: false,
            replace: create.or_replace,
            temporary: create.temporary,
            no_op,
        };
        let Some(query) = &create.query else {
            return Ok(Planned::Define(definition));
        };
        let insert = Insert {
            table: create.name.clone(),
            columns: Vec::new(),
            query: query.clone(),
            is_values: false,
            text: text.to_owned(),
        };
        let plan = insert_plan(&insert, &table, &names)?;
        check_repeatable(&plan, query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: table.name.clone(),
            text: text.to_owned(),
            outputs: vec![PlannedOutput {
                target: table,
                is_view: false,
                plan,
                emit: query.emit,
            }],
            definition: Some(definition),
        }))
    }

    /// Whether the statement does nothing because the object exists.
    fn check_new(&self, name: &Name, replace: bool, if_not_exists: bool) -> Result<bool> {
        match self.names().declared(&name.value) {
            None => Ok(false),
            Some(_) if replace => Ok(false),
            Some(_) if if_not_exists => Ok(true),
            Some(object) => Err(SqlError::new(
                SqlErrorKind::Conflict,
                format!("'{}' exists already", object.name),
            )
            .at(name.span)
            .with_hint("use CREATE OR REPLACE, or IF NOT EXISTS")),
        }
    }

    fn create_view(&self, create: &CreateView, text: &str) -> Result<Planned> {
        let names = self.names();
        let no_op = self.check_new(&create.name, create.or_replace, create.if_not_exists)?;
        let columns: Vec<String> = create.columns.iter().map(|c| c.value.clone()).collect();
        let plan = Planner::new(&names).view(&create.query, &columns)?;
        let table = create
            .materialized
            .then(|| view_table(create, &plan).map(Arc::new))
            .transpose()?;
        let definition = Definition {
            object: Object {
                name: create.name.value.clone(),
                kind: if create.materialized {
                    ObjectKind::MaterializedView
                } else {
                    ObjectKind::View
                },
                sql: text.to_owned(),
                table: table.clone(),
                query: Some(Arc::new(create.query.clone())),
                columns,
                commit: 0,
            },
            drop: false,
            replace: create.or_replace,
            temporary: create.temporary,
            no_op,
        };
        let Some(target) = table else {
            return Ok(Planned::Define(definition));
        };
        check_repeatable(&plan, &create.query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: target.name.clone(),
            text: text.to_owned(),
            outputs: vec![PlannedOutput {
                target,
                is_view: true,
                plan,
                emit: create.query.emit,
            }],
            definition: Some(definition),
        }))
    }

    fn drop_object(&self, kind: ObjectKind, name: &Name, if_exists: bool) -> Result<Planned> {
        let names = self.names();
        let declared = names
            .find(name)
            .filter(|o| names.declared(&o.name).is_some());
        let Some(object) = declared else {
            if if_exists {
                return Ok(Planned::Done);
            }
            return Err(not_found(name, kind_name(kind), &names));
        };
        if object.kind != kind {
            return Err(SqlError::invalid(format!(
                "'{}' is a {}, not a {}",
                object.name,
                kind_name(object.kind),
                kind_name(kind)
            ))
            .at(name.span)
            .with_hint(format!("use DROP {}", object.kind.as_sql())));
        }
        check_unused(&object, name, &self.all_objects())?;
        Ok(Planned::Define(Definition {
            object: (*object).clone(),
            drop: true,
            replace: false,
            temporary: self.temporary.contains_key(&object.name),
            no_op: false,
        }))
    }

    fn output(&self, insert: &Insert) -> Result<PlannedOutput> {
        let names = self.names();
        let object = names.expect(&insert.table, "table")?;
        let target = match (&object.table, object.kind) {
            (Some(table), ObjectKind::Table) => Arc::clone(table),
            _ => {
                return Err(SqlError::invalid(format!(
                    "'{}' is a {} and cannot be inserted into",
                    object.name,
                    kind_name(object.kind)
                ))
                .at(insert.table.span));
            }
        };
        Ok(PlannedOutput {
            plan: insert_plan(insert, &target, &names)?,
            target,
            is_view: false,
            emit: insert.query.emit,
        })
    }

    fn insert(&self, insert: &Insert, text: &str) -> Result<Planned> {
        let output = self.output(insert)?;
        if insert.is_values {
            return Ok(Planned::InsertValues(output));
        }
        check_repeatable(&output.plan, &insert.query)?;
        Ok(Planned::Pipeline(PlannedPipeline {
            name: format!("insert-into-{}", output.target.name),
            text: text.to_owned(),
            outputs: vec![output],
            definition: None,
        }))
    }

    fn statement_set(&self, inserts: &[Insert], text: &str) -> Result<Planned> {
        let outputs: Vec<PlannedOutput> = inserts
            .iter()
            .map(|i| self.output(i))
            .collect::<Result<_>>()?;
        let targets: Vec<&str> = outputs.iter().map(|o| o.target.name.as_str()).collect();
        Ok(Planned::Pipeline(PlannedPipeline {
            name: format!("insert-into-{}", targets.join("-")),
            text: text.to_owned(),
            outputs,
            definition: None,
        }))
    }

    fn query(&self, query: &Query) -> Result<Planned> {
        let names = self.names();
        let planner = Planner::new(&names);
        let plan = if query.emit.is_some() {
            planner.optimized(query)?
        } else {
            planner.query(query)?
        };
        Ok(Planned::Query(PlannedQuery {
            plan,
            emit: query.emit,
        }))
    }

    fn set(&mut self, pair: Option<&(String, String)>) -> Planned {
        if let Some((key, value)) = pair {
            self.settings.insert(key.clone(), value.clone());
            return Planned::Done;
        }
        let rows = self
            .settings
            .iter()
            .map(|(k, v)| vec![k.clone(), v.clone()])
            .collect();
        Planned::Rows(vec!["key".to_owned(), "value".to_owned()], rows)
    }

    fn reset(&mut self, key: Option<&str>) -> Planned {
        match key {
            Some(key) => drop(self.settings.remove(key)),
            None => self.settings.clear(),
        }
        Planned::Done
    }
}

/// What other views read cannot be dropped.
fn check_unused(object: &Object, name: &Name, all: &[Arc<Object>]) -> Result<()> {
    let user = all.iter().find(|o| {
        let query = o.query.as_ref().filter(|_| o.name != object.name);
        query.is_some_and(|q| relations(q).contains(&object.name))
    });
    let Some(user) = user else { return Ok(()) };
    Err(SqlError::new(
        SqlErrorKind::Conflict,
        format!(
            "'{}' is read by {} '{}'",
            object.name,
            kind_name(user.kind),
            user.name
        ),
    )
    .at(name.span)
    .with_hint(format!("DROP {} {} first", user.kind.as_sql(), user.name)))
}

/// A pipeline's epochs can be run again with the same result.
fn check_repeatable(plan: &LogicalPlan, query: &Query) -> Result<()> {
    let Some(name) = unrepeatable(plan) else {
        return Ok(());
    };
    Err(SqlError::unsupported(format!(
        "{}() would give another result when an epoch is run again after a restart",
        name.to_uppercase()
    ))
    .at(query.span)
    .with_hint("compute the value where the rows are produced"))
}

fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
    }
}

/// The changelog of a materialised view as a table.
fn view_table(create: &CreateView, plan: &LogicalPlan) -> Result<TableDef> {
    let columns: Vec<ColumnDef> = plan
        .schema()
        .fields()
        .iter()
        .map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: crate::planner::plain(f.data_type()),
            nullable: f.is_nullable(),
            kind: ColumnKind::Physical,
        })
        .collect();
    let key = &create.primary_key;
    for name in key {
        if !columns.iter().any(|c| c.name == name.value) {
            let known = columns.iter().map(|c| c.name.as_str());
            return Err(
                SqlError::not_found(format!("column '{}' not found", name.value))
                    .at(name.span)
                    .with_hint_opt(suggestion(&name.value, known)),
            );
        }
    }
    let options = create.options.iter();
    Ok(TableDef {
        name: create.name.value.clone(),
        columns,
        watermark: None,
        primary_key: key.iter().map(|n| n.value.clone()).collect(),
        changes: Changes::Upsert,
        connector: crate::planner::DEFAULT_CONNECTOR.to_owned(),
        options: headwater_flow::connector::Options::new(
            options.map(|o| (o.key.clone(), o.value.clone())),
        ),
    })
}
