//! Just enough of Rust's lexical structure to tell code from comments and literals.

/// What the scanner is inside of.
enum Inside {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

/// The same text with the contents of comments and literals replaced by spaces; lines and columns stay.
pub(super) fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut inside = Inside::Code;
    let mut i = 0;
    while i < chars.len() {
        let rest = &chars[i..];
        let (next, width, keep) = match inside {
            Inside::Code => code(rest, out.chars().next_back()),
            Inside::LineComment if rest[0] == '\n' => (Inside::Code, 1, false),
            Inside::LineComment => (Inside::LineComment, 1, false),
            Inside::BlockComment(depth) => block_comment(rest, depth),
            Inside::Text => quoted(rest),
            Inside::RawText(hashes) => raw_text(rest, hashes),
        };
        for c in &rest[..width.min(rest.len())] {
            out.push(if keep || *c == '\n' { *c } else { ' ' });
        }
        inside = next;
        i += width;
    }
    out
}

fn code(rest: &[char], before: Option<char>) -> (Inside, usize, bool) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest {
        ['/', '/', ..] => (Inside::LineComment, 2, false),
        ['/', '*', ..] => (Inside::BlockComment(1), 2, false),
        ['"', ..] => (Inside::Text, 1, true),
        ['r', '"' | '#', ..] if !in_word => raw_start(rest, 1),
        ['b', 'r', '"' | '#', ..] if !in_word => raw_start(rest, 2),
        ['\'', ..] => (Inside::Code, char_literal(rest), false),
        _ => (Inside::Code, 1, true),
    }
}

fn raw_start(rest: &[char], prefix: usize) -> (Inside, usize, bool) {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    match rest.get(prefix + hashes) {
        Some('"') => (Inside::RawText(hashes), prefix + hashes + 1, true),
        _ => (Inside::Code, 1, true),
    }
}

fn raw_text(rest: &[char], hashes: usize) -> (Inside, usize, bool) {
    let closes = rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes;
    if closes {
        (Inside::Code, 1 + hashes, true)
    } else {
        (Inside::RawText(hashes), 1, false)
    }
}

fn quoted(rest: &[char]) -> (Inside, usize, bool) {
    match rest {
        ['\\', _, ..] => (Inside::Text, 2, false),
        ['"', ..] => (Inside::Code, 1, true),
        _ => (Inside::Text, 1, false),
    }
}

fn block_comment(rest: &[char], depth: usize) -> (Inside, usize, bool) {
    match rest {
        ['/', '*', ..] => (Inside::BlockComment(depth + 1), 2, false),
        ['*', '/', ..] if depth == 1 => (Inside::Code, 2, false),
        ['*', '/', ..] => (Inside::BlockComment(depth - 1), 2, false),
        _ => (Inside::BlockComment(depth), 1, false),
    }
}

/// The length of the character literal at the start, or 1 for the tick of a lifetime.
fn char_literal(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', ..] => {
            let close = rest.iter().skip(3).position(|c| *c == '\'');
            close.map_or(1, |at| at + 4)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// The line of its `fn`, from 1.
    pub(super) line: usize,
    /// Lines from `fn` to its closing brace.
    pub(super) lines: usize,
}

/// The functions with bodies in blanked code, nested ones too.
pub(super) fn functions(code: &str) -> Vec<Function> {
    let bytes = code.as_bytes();
    let line_of = |at: usize| 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let after = code[at + 2..].trim_start();
        let name: String = after
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() {
            continue;
        }
        if let Some(end) = body_end(bytes, at) {
            let line = line_of(at);
            let lines = line_of(end) - line + 1;
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// Where the body of the item that starts at `at` ends; `None` if it has none.
pub(super) fn body_end(code: &[u8], at: usize) -> Option<usize> {
    let mut round = 0_i32;
    let mut curly = 0_i32;
    for (i, byte) in code.iter().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round -= 1,
            b';' if curly == 0 && round == 0 => return None,
            b'{' => curly += 1,
            b'}' => {
                curly -= 1;
                if curly == 0 && round == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where `word` stands alone in `code`.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let alone = !before.is_some_and(part) && !after.is_some_and(part);
        alone.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        let code = blank(
            "let a = \"fn x() {\"; // fn y() {\nlet b = '{'; let c: &'static str = r#\"}\"#;",
        );
        assert!(!code.contains("fn"));
        assert!(!code.contains('{') && !code.contains('}'));
        assert!(code.contains("'static") || code.contains(" static"));
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn functions_are_measured_from_fn_to_their_last_brace() {
        let code = blank(
            "fn a() {\n    b(|| {\n    });\n}\n\ntrait T {\n    fn c(&self);\n}\nfn d() {}\n",
        );
        let found = functions(&code);
        let shape: Vec<_> = found.iter().map(|f| (&*f.name, f.line, f.lines)).collect();
        assert_eq!(shape, [("a", 1, 4), ("d", 9, 1)]);
    }
}
