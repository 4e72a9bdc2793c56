//! `SHOW` and `DESCRIBE`.

use super::Session;
use super::planned::Planned;
use crate::error::Result;
use crate::planner::{Planner, describe};
use crate::secrets::masked;
use crate::statement::{Name, ObjectKind, Show, type_name};

impl Session {
    pub(crate) fn show(&self, show: &Show) -> Result<Planned> {
        Ok(match show {
            Show::Tables => self.show_objects(|_| true),
            Show::Views => self.show_objects(|kind| kind != ObjectKind::Table),
            Show::MaterializedViews => {
                self.show_objects(|kind| kind == ObjectKind::MaterializedView)
            }
            Show::Jobs => Planned::ShowJobs,
            Show::Topics => Planned::ShowTopics,
            Show::Functions => names("function", crate::functions::functions().names()),
            Show::Connectors => names("connector", self.registry().connectors().map(|c| c.name())),
            Show::Formats => names("format", self.registry().formats().map(|f| f.name())),
            Show::Create(name) => self.show_create(name)?,
            Show::Columns(name) => self.describe(name)?,
        })
    }

    fn show_objects(&self, is_shown: impl Fn(ObjectKind) -> bool) -> Planned {
        let objects = self.all_objects();
        let shown = objects
            .iter()
            .filter(|o| is_shown(o.kind))
            .map(|o| vec![o.name.clone(), o.kind.as_sql().to_lowercase()]);
        Planned::Rows(vec!["name".to_owned(), "kind".to_owned()], shown.collect())
    }

    fn show_create(&self, name: &Name) -> Result<Planned> {
        let object = self.expect_object(name)?;
        let rows = vec![vec![format!("{};", masked(&object.sql))]];
        Ok(Planned::Rows(vec!["statement".to_owned()], rows))
    }

    pub(crate) fn describe(&self, name: &Name) -> Result<Planned> {
        let object = self.expect_object(name)?;
        let header = ["name", "type", "null", "extra"]
            .map(str::to_owned)
            .to_vec();
        if let Some(table) = &object.table {
            let rows = describe(table).into_iter().map(|r| r.to_vec()).collect();
            return Ok(Planned::Rows(header, rows));
        }
        let Some(query) = &object.query else {
            return Ok(Planned::Rows(header, Vec::new()));
        };
        let plan =
            self.with_names(|names| Planner::new(names).batch().view(query, &object.columns))?;
        let rows = plan.schema().fields().iter().map(|f| {
            let null = if f.is_nullable() { "YES" } else { "NO" };
            vec![
                f.name().clone(),
                type_name(f.data_type()),
                null.to_owned(),
                String::new(),
            ]
        });
        Ok(Planned::Rows(header, rows.collect()))
    }
}

fn names<'a>(title: &str, names: impl IntoIterator<Item = &'a str>) -> Planned {
    let rows = names.into_iter().map(|n| vec![n.to_owned()]).collect();
    Planned::Rows(vec![title.to_owned()], rows)
}
