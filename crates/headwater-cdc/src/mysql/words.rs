//! The words of statements, as far as names and keywords matter.

/// A word, a name in quotes, or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Name(String),
    Sign(char),
}

impl Token {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }

    /// As the name of something.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// The words of a statement: without comments, except those that the server runs, and without strings, except such that may be names.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '#' => after_line(rest),
            '-' if is_line_comment(rest) => after_line(rest),
            '/' if rest.starts_with("/*") => after_comment(rest),
            '*' if rest.starts_with("*/") => &rest[2..],
            '`' | '"' => {
                let (name, after) = quoted(rest, first);
                tokens.push(Token::Name(name));
                after
            }
            '\'' => quoted(rest, first).1,
            c if is_of_word(c) => {
                let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                &rest[end..]
            }
            c => {
                tokens.push(Token::Sign(c));
                &rest[c.len_utf8()..]
            }
        }
        .trim_start();
    }
    tokens
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn is_line_comment(sql: &str) -> bool {
    let after = sql.strip_prefix("--");
    after.is_some_and(|after| after.is_empty() || after.starts_with(char::is_whitespace))
}

fn after_line(sql: &str) -> &str {
    sql.split_once('\n').map_or("", |(_, after)| after)
}

/// What comes after a comment; into one that the server runs.
fn after_comment(sql: &str) -> &str {
    let inner = &sql[2..];
    let run = inner.strip_prefix("M!").or_else(|| inner.strip_prefix('!'));
    match run {
        Some(run) => run.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => inner.split_once("*/").map_or("", |(_, after)| after),
    }
}

/// What stands between two marks, doubled ones in it being one, and what comes after.
fn quoted(sql: &str, mark: char) -> (String, &str) {
    let mut text = String::new();
    let mut letters = sql.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && mark != '`' {
            text.extend(letters.next().map(|(_, letter)| letter));
            continue;
        }
        if letter != mark {
            text.push(letter);
            continue;
        }
        match letters.peek() {
            Some((_, next)) if *next == mark => {
                text.push(mark);
                letters.next();
            }
            _ => return (text, &sql[at + mark.len_utf8()..]),
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_names_and_signs_are_told_apart() {
        let words =
            tokens("a/*b*/`c``d`.\"e\\\"f\"-- g\n'h''i' #j\n/*!50000 k*/,/*M!l */\u{e9}--1");
        let word = |text: &str| Token::Word(text.to_owned());
        let name = |text: &str| Token::Name(text.to_owned());
        let want = [
            word("a"),
            name("c`d"),
            Token::Sign('.'),
            name("e\"f"),
            word("k"),
            Token::Sign(','),
            word("l"),
            word("\u{e9}"),
            Token::Sign('-'),
            Token::Sign('-'),
            word("1"),
        ];
        assert_eq!(words, want);
    }
}
