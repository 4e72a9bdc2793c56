//! The state of a session, and which statement goes where.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_flow::connector::Registry;
use headwater_flow::plan::TableDef;
use headwater_log::Clock;

use super::names::SessionNames;
use super::planned::{Planned, PlannedQuery};
use crate::catalogue::{Catalogue, Definition, Object, kept_base};
use crate::error::Result;
use crate::planner::{Names, Planner};
use crate::statement::{Name, ParsedStatement, Query, Statement};

/// A session of SQL.
pub struct Session {
    pub(super) catalogue: Catalogue,
    pub(super) registry: Registry,
    pub(super) temporary: BTreeMap<String, Arc<Object>>,
    pub(super) settings: BTreeMap<String, String>,
    /// What is created may be there already.
    pub(super) is_replanning: bool,
    clock: Option<Arc<dyn Clock>>,
    /// Tables of the process, such as `system.jobs`, by name.
    pub(super) system: BTreeMap<String, Arc<TableDef>>,
}

impl Session {
    /// A session over a catalogue and the connectors of the process.
    pub fn new(catalogue: Catalogue, registry: Registry) -> Self {
        Self {
            catalogue,
            registry,
            temporary: BTreeMap::new(),
            settings: BTreeMap::new(),
            is_replanning: false,
            clock: None,
            system: BTreeMap::new(),
        }
    }

    /// The session with tables of the process, whose names begin with `system.`: they can be asked like others, by whoever
    /// gives their rows.
    #[must_use]
    pub fn with_system_tables(mut self, tables: Vec<Arc<TableDef>>) -> Self {
        self.system = tables.into_iter().map(|t| (t.name.clone(), t)).collect();
        self
    }

    /// The session with a clock, without which it is 1970.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    pub(super) fn now(&self) -> i64 {
        let clock = self.clock.as_ref();
        clock.map_or(0, |c| c.now().0.saturating_mul(1_000))
    }

    /// A session that knows what this one knows; what it is told stays with it.
    #[must_use]
    pub fn scratch(&self) -> Self {
        Self {
            catalogue: self.catalogue.scratch(),
            registry: self.registry.clone(),
            temporary: self.temporary.clone(),
            settings: self.settings.clone(),
            is_replanning: self.is_replanning,
            clock: self.clock.clone(),
            system: self.system.clone(),
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

    /// All objects by their names, temporary ones in place of those that they hide.
    pub fn all_objects(&self) -> Vec<Arc<Object>> {
        let mut all: BTreeMap<String, Arc<Object>> = (*self.catalogue.snapshot()).clone();
        all.extend(self.temporary.clone());
        all.into_values().collect()
    }

    /// Whether this is the name of a topic for late or damaged records that does not exist, but may once.
    pub fn may_be_kept(&self, topic: &str) -> bool {
        kept_base(topic).is_some() && self.names().find_exact(topic)
    }

    pub(crate) fn expect_object(&self, name: &Name) -> Result<Arc<Object>> {
        self.names().expect(name, "table")
    }

    pub(crate) fn with_names<T>(&self, use_names: impl FnOnce(&dyn Names) -> T) -> T {
        use_names(&self.names())
    }

    pub(super) fn names(&self) -> SessionNames<'_> {
        SessionNames::new(self)
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
            Statement::Alter { name, resume } => Ok(Planned::Alter(self.pipeline(name)?, *resume)),
            Statement::StopJob(name) => Ok(Planned::StopJob(self.job(name)?)),
            Statement::Show(show) => self.show(show),
            Statement::Describe(name) => self.describe(name),
            Statement::Set(pair) => self.set(pair.as_ref()),
            Statement::Reset(key) => self.reset(key.as_ref()),
        }
    }

    /// Plans a statement that was planned before, whatever it creates being there: what is to run again because of it.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn replan(&self, statement: &ParsedStatement) -> Result<Planned> {
        let mut again = self.scratch();
        again.is_replanning = true;
        again.plan(statement)
    }

    fn query(&self, query: &Query) -> Result<Planned> {
        let names = self.names();
        let planner = match query.emit {
            Some(_) => Planner::new(&names),
            None => Planner::new(&names).batch(),
        };
        let plan = match query.emit {
            Some(_) => planner.optimized(query)?,
            None => planner.query(query)?,
        };
        Ok(Planned::Query(PlannedQuery {
            plan,
            emit: query.emit,
            place: self.place_of(query),
            canonical: planner.canonical(query)?,
        }))
    }
}
