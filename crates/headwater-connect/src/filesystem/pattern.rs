//! Patterns over paths: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{a,b}`, and `**` for any number of folders.

/// Whether a path contains anything that makes it a pattern.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Whether one name of a path matches one part of a pattern.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    alternatives(pattern).iter().any(|p| {
        let pattern: Vec<char> = p.chars().collect();
        let name: Vec<char> = name.chars().collect();
        wild(&pattern, &name)
    })
}

/// `a{b,c}d` as `abd` and `acd`; braces do not nest.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let Some((inside, after)) = rest.split_once('}') else {
        return vec![pattern.to_owned()];
    };
    let tails = alternatives(after);
    let each = |choice: &str| {
        let with_tail = |tail: &String| format!("{before}{choice}{tail}");
        tails.iter().map(with_tail).collect::<Vec<_>>()
    };
    inside.split(',').flat_map(each).collect()
}

/// The usual two-finger match: on a mismatch the last star takes one character more.
fn wild(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(next) = one(pattern, p, name[n]) {
            p = next;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            n = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Matches one character; the place in the pattern after what it matched.
fn one(pattern: &[char], at: usize, character: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => match pattern[at..].iter().skip(2).position(|c| *c == ']') {
            Some(length) => {
                let end = at + 2 + length;
                class(&pattern[at + 1..end], character).then_some(end + 1)
            }
            None => (character == '[').then_some(at + 1),
        },
        other => (*other == character).then_some(at + 1),
    }
}

fn class(members: &[char], character: char) -> bool {
    let (negated, members) = match members {
        ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
        _ => (false, members),
    };
    let mut rest = members;
    let mut found = false;
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', last, after @ ..] => {
                found |= (*first..=*last).contains(&character);
                rest = after;
            }
            _ => {
                found |= *first == character;
                rest = after;
            }
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (pattern, name, want) in [
            ("*.json", "a.json", true),
            ("*.json", "a.json.gz", false),
            ("a*b*c", "a1b2b3c", true),
            ("?", "ä", true),
            ("?", "", false),
            ("part-[0-9][!a].{csv,json}", "part-1b.json", true),
            ("part-[0-9][!a].{csv,json}", "part-1a.json", false),
            ("[x", "[x", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }
}
