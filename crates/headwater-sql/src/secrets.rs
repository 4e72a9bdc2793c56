//! Statements as they are shown: without the passwords in them.

use std::ops::Range;

/// A line in which the values of options whose names tell of a password or secret are stars, as many as there were
/// letters, so that what is pointed at stays where it is.
pub(crate) fn hidden(line: &str) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    for secret in secrets(&chars) {
        chars[secret].fill('*');
    }
    chars.into_iter().collect()
}

/// A statement in which such values are four stars.
pub fn masked(statement: &str) -> String {
    let mut chars: Vec<char> = statement.chars().collect();
    for secret in secrets(&chars).into_iter().rev() {
        chars.splice(secret, ['*'; 4]);
    }
    chars.into_iter().collect()
}

/// Where the values of such options stand; a value that stands elsewhere (`${env:NAME}`) is no secret.
fn secrets(chars: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut is_secret = false;
    while let Some(next) = chars.get(at) {
        if *next != '\'' {
            // Only an equals sign stands between the name and its value.
            is_secret &= next.is_whitespace() || *next == '=';
            at += 1;
            continue;
        }
        let end = literal_end(chars, at + 1);
        let literal: String = chars[at + 1..end].iter().collect();
        if is_secret {
            if !(literal.starts_with("${") && literal.ends_with('}')) {
                found.push(at + 1..end);
            }
            is_secret = false;
        } else {
            let name = literal.to_ascii_lowercase();
            is_secret = name.contains("password") || name.contains("secret");
        }
        at = end + 1;
    }
    found
}

/// Where the quote is that ends a literal, or the end of the line.
fn literal_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('\'', Some('\'')) => at += 2,
            ('\'', _) => return at,
            _ => at += 1,
        }
    }
    chars.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_stars() {
        let line = "WITH ('password' = 'it''s', 'x' = 'y', 'ssl.SECRET'='ü')";
        let want = "WITH ('password' = '*****', 'x' = 'y', 'ssl.SECRET'='*')";
        assert_eq!(hidden(line), want);
        assert_eq!(hidden("'password' = 'torn"), "'password' = '****");
        assert_eq!(
            hidden("SELECT 'password', 'shown'"),
            "SELECT 'password', 'shown'"
        );
        assert_eq!(hidden("'"), "'");
    }

    #[test]
    fn a_statement_tells_neither_passwords_nor_their_lengths() {
        let statement =
            "WITH (\n  'password' = 'it''s',\n  'token.secret' = '${env:TOKEN}', 'x' = 'y')";
        let want = "WITH (\n  'password' = '****',\n  'token.secret' = '${env:TOKEN}', 'x' = 'y')";
        assert_eq!(masked(statement), want);
        assert_eq!(masked("'password' = ''"), "'password' = '****'");
    }
}
