//! `DROP`.

use super::Session;
use super::names::not_found;
use super::planned::Planned;
use crate::catalogue::Definition;
use crate::error::{Result, SqlError};
use crate::statement::{Name, ObjectKind};

impl Session {
    pub(super) fn drop_object(
        &self,
        kind: ObjectKind,
        name: &Name,
        if_exists: bool,
    ) -> Result<Planned> {
        let names = self.names();
        let declared = names
            .find(name)
            .filter(|o| names.declared(&o.name).is_some());
        let Some(object) = declared else {
            if if_exists {
                return Ok(Planned::Done);
            }
            return Err(not_found(name, kind.name(), &names));
        };
        if object.kind != kind {
            return Err(SqlError::invalid(format!(
                "'{}' is a {}, not a {}",
                object.name,
                object.kind.name(),
                kind.name()
            ))
            .at(name.span)
            .with_hint(format!("use DROP {}", object.kind.as_sql())));
        }
        self.check_unused(&object, name)?;
        Ok(Planned::Define(Definition {
            object: (*object).clone(),
            drop: true,
            replace: false,
            temporary: self.temporary.contains_key(&object.name),
            no_op: false,
        }))
    }
}
