//! Lines of statements as errors show them: without the passwords in them.

/// A line in which the values of options whose names tell of a password or secret are stars, as many as there were
/// letters, so that what is pointed at stays where it is.
pub(crate) fn hidden(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = chars.clone();
    let mut at = 0;
    let mut is_secret = false;
    while let Some(next) = chars.get(at) {
        if *next != '\'' {
            // Only an equals sign stands between the name and its value.
            is_secret &= next.is_whitespace() || *next == '=';
            at += 1;
            continue;
        }
        let end = literal_end(&chars, at + 1);
        if is_secret {
            out[at + 1..end].fill('*');
            is_secret = false;
        } else {
            let name: String = chars[at + 1..end].iter().collect();
            let name = name.to_ascii_lowercase();
            is_secret = name.contains("password") || name.contains("secret");
        }
        at = end + 1;
    }
    out.into_iter().collect()
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
}
