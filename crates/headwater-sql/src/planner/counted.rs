//! Views whose rows nothing identifies: each distinct row is a record, with how often it is there.

use headwater_flow::plan::{Changes, ColumnDef, TableDef};

/// Makes of a view's table one whose records are keyed by all columns and say how often their row is there.
pub fn count_rows(table: &mut TableDef) {
    table.changes = Changes::Upsert;
    table.primary_key = table.columns.iter().map(|c| c.name.clone()).collect();
    table.columns.push(ColumnDef::count());
    // The columns are in the key; the value is the count.
    table.options.set("value.fields-include", "EXCEPT_KEY");
}
