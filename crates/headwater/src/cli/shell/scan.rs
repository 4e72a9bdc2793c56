//! Just enough of SQL's lexical structure for an editor: where statements end, and which word stands at the cursor.

/// Whether a text ends inside something, between statements, or within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Only space and comments since the last semicolon.
    Between,
    /// A statement has begun and no semicolon has ended it.
    Within,
    /// A literal, quoted name or block comment is open.
    Open,
}

/// How a text ends.
pub(super) fn state(text: &str) -> State {
    let mut state = State::Between;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let Some(width) = token(rest) else {
            return State::Open;
        };
        let is_comment = rest.starts_with("--") || rest.starts_with("/*");
        state = match c {
            ';' => State::Between,
            _ if is_comment || c.is_whitespace() => state,
            _ => State::Within,
        };
        rest = &rest[width..];
    }
    state
}

/// The length of the token at the start; `None`: it is not closed.
fn token(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if text.starts_with("--") {
        return Some(text.find('\n').map_or(text.len(), |at| at + 1));
    }
    if let Some(inside) = text.strip_prefix("/*") {
        return Some(2 + inside.find("*/")? + 2);
    }
    let rest = chars.as_str();
    match first {
        '\'' | '"' | '`' => Some(1 + rest.find(first)? + 1),
        _ => Some(first.len_utf8()),
    }
}

/// The start of the word that ends at `at`.
pub(super) fn word_start(text: &str, at: usize) -> usize {
    let before = &text[..at];
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    before.rfind(|c| !is_part(c)).map_or(0, |i| {
        i + before[i..].chars().next().map_or(1, char::len_utf8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        for done in [
            "",
            "  ",
            "select 1;",
            "select ';';",
            "select 1; -- more",
            "select 'it''s';",
            "/* ; */ select 1;",
        ] {
            assert_eq!(state(done), State::Between, "{done}");
        }
        for within in [
            "select 1",
            "select 1; select 2",
            "select 1 -- ;",
            "select `a;b`",
        ] {
            assert_eq!(state(within), State::Within, "{within}");
        }
        for open in ["select 'a;", "select \"a;", "select /* ;", "select 'it''"] {
            assert_eq!(state(open), State::Open, "{open}");
        }
    }

    #[test]
    fn words_begin_after_what_is_no_part_of_them() {
        assert_eq!(word_start("select fl", 9), 7);
        assert_eq!(word_start("f.ori", 5), 2);
        assert_eq!(word_start("ü,ori", 6), 3);
        assert_eq!(word_start("sel", 3), 0);
        assert_eq!(word_start("", 0), 0);
    }
}
