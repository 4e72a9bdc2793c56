//! Names and texts as they stand in statements.

/// A quoted identifier.
pub fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A quoted text, for sessions of ours: their `sql_mode` lets backslashes escape.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_nothing() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(literal(r"it's \'"), r"'it''s \\'''");
    }
}
