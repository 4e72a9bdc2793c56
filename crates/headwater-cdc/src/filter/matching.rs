//! Which tables are captured because of their names.

use super::pattern::Pattern;

/// Tables that are captured because their names match, also those that are made later. Patterns of tables are about `schema.table` or
/// `database.table`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// The schemas or databases that they are in; empty: any.
    pub scopes: Vec<Pattern>,
    /// The tables; empty: all.
    pub included: Vec<Pattern>,
    /// Tables that are not captured.
    pub excluded: Vec<Pattern>,
    /// What their topics begin with, which is followed by the name of the table.
    pub topic_prefix: String,
}

impl Matching {
    /// Whether a table is captured.
    pub(crate) fn takes(&self, scope: &str, table: &str) -> bool {
        let name = format!("{scope}.{table}");
        let is_among = |patterns: &[Pattern], name: &str| patterns.iter().any(|p| p.matches(name));
        (self.scopes.is_empty() || is_among(&self.scopes, scope))
            && (self.included.is_empty() || is_among(&self.included, &name))
            && !is_among(&self.excluded, &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_in_a_scope_included_and_not_excluded() {
        let patterns = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        let matching = Matching {
            scopes: patterns(&["sales", "hr_.*"]),
            included: patterns(&[r"sales\..*", r".*\.staff"]),
            excluded: patterns(&[r".*\.old_.*"]),
            topic_prefix: String::new(),
        };
        assert!(matching.takes("sales", "lines") && matching.takes("hr_eu", "staff"));
        assert!(!matching.takes("sales", "old_lines") && !matching.takes("hr_eu", "pay"));
        assert!(!matching.takes("public", "staff") && !matching.takes("presales", "lines"));
        assert!(Matching::default().takes("any", "table"));
    }
}
