//! What of a table is taken over: the options that all kinds of servers have.

use headwater_cdc::{Filters, Hash, Pattern, Treatment};
use headwater_flow::connector::{OptionKind, OptionSpec, Options};
use headwater_flow::{Error, ErrorKind, Result};

use super::database::{Environment, fill};

const FILTER: &str = "scan.filter";
const SKIPPED: &str = "scan.skipped.operations";
const EXCLUDED: &str = "scan.columns.exclude";
const MASK: &str = "scan.columns.mask";
const TRUNCATE: &str = "scan.columns.truncate";
const HASH: &str = "scan.columns.hash";
const SALT: &str = "scan.columns.hash.salt";

/// The options.
pub(crate) const FILTER_OPTIONS: [OptionSpec; 7] = [
    OptionSpec::new(
        FILTER,
        OptionKind::Text,
        "Which rows the table has, as a condition on its columns: PostgreSQL asks it (15 or later); of MariaDB and MySQL it is evaluated here, and compares a column with numbers, texts and times. A row that comes to hold is inserted, one that ceases to is deleted.",
    ),
    OptionSpec::new(
        SKIPPED,
        OptionKind::Text,
        "Kinds of changes that are not taken over, of c(reated), u(pdated), d(eleted) and t(runcated): 'd,t' (default: none).",
    ),
    OptionSpec::new(
        EXCLUDED,
        OptionKind::Text,
        "Columns that are not taken over, between commas; they are null where the table names them.",
    ),
    OptionSpec::new(
        MASK,
        OptionKind::Text,
        "Columns in place of whose texts there are so many asterisks: 'mail=5, phone=3'.",
    ),
    OptionSpec::new(
        TRUNCATE,
        OptionKind::Text,
        "Columns whose texts are cut to so many characters: 'note=100'.",
    ),
    OptionSpec::new(
        HASH,
        OptionKind::Text,
        "Columns in place of whose texts there are SHA-256 of a salt and these, between commas.",
    ),
    OptionSpec::new(
        SALT,
        OptionKind::Text,
        "The salt of hashes; `${env:NAME}` stands for a variable of the environment.",
    ),
];

/// Which rows the table has.
pub(crate) fn condition(options: &Options) -> Option<String> {
    options.get(FILTER).map(str::to_owned)
}

/// What of a table of this name is taken over.
///
/// # Errors
/// `Invalid` for a wrong option, `NotFound` for a variable that is not set.
pub(crate) fn filters(
    options: &Options,
    table: &str,
    environment: &Environment,
) -> Result<Filters> {
    let pattern = |column: &str| Pattern::literal(&format!("{table}.{column}"));
    let mut treatments = Vec::new();
    for (column, length) in lengths(options, MASK)? {
        treatments.push((pattern(&column), Treatment::Mask(length)));
    }
    let hashed = names(options, HASH);
    match options.get(SALT) {
        Some(salt) if !hashed.is_empty() => {
            let hash = Hash::new(fill(SALT, salt, environment)?);
            let hashed = hashed
                .iter()
                .map(|name| (pattern(name), Treatment::Hash(hash.clone())));
            treatments.extend(hashed);
        }
        None if hashed.is_empty() => {}
        _ => {
            let text = format!("the options '{HASH}' and '{SALT}' come together");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
    }
    for (column, length) in lengths(options, TRUNCATE)? {
        treatments.push((pattern(&column), Treatment::Truncate(length)));
    }
    let skipped = options.get(SKIPPED).map(str::parse).transpose();
    let skipped = skipped.map_err(|error: headwater_cdc::Error| {
        let hint = error.hint().unwrap_or_default().to_owned();
        Error::new(ErrorKind::Invalid, format!("option '{SKIPPED}': {error}")).with_hint(hint)
    })?;
    let excluded = names(options, EXCLUDED);
    Ok(Filters {
        excluded: excluded.iter().map(|name| pattern(name)).collect(),
        treatments,
        skipped: skipped.unwrap_or_default(),
        ..Filters::default()
    })
}

/// Whether a column of the database is among those of the table, unless that says which.
pub(crate) fn has_column(filters: &Filters, table: &str, column: &str) -> bool {
    let name = format!("{table}.{column}");
    !filters
        .excluded
        .iter()
        .any(|pattern| pattern.matches(&name))
}

fn names(options: &Options, option: &str) -> Vec<String> {
    let names = options.get(option).unwrap_or_default().split(',');
    let names = names.map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// Names, each with a number.
fn lengths(options: &Options, option: &str) -> Result<Vec<(String, usize)>> {
    let one = |text: String| {
        let parts = text.rsplit_once('=');
        let parts =
            parts.and_then(|(name, n)| Some((name.trim().to_owned(), n.trim().parse().ok()?)));
        parts.ok_or_else(|| {
            let text = format!("option '{option}': '{text}' is no column with a number");
            Error::new(ErrorKind::Invalid, text).with_hint("write column=5, other=9")
        })
    };
    names(options, option).into_iter().map(one).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn found(pairs: &[(&str, &str)]) -> Result<Filters> {
        let environment: Environment = Arc::new(|name| (name == "SALT").then(|| "s".to_owned()));
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        filters(&Options::new(pairs), "shop.Users", &environment)
    }

    #[test]
    fn columns_are_named_as_they_are() {
        assert_eq!(found(&[]).unwrap(), Filters::default());
        let found = found(&[
            (EXCLUDED, "password, a.b"),
            (MASK, "mail=5 , phone=3"),
            (TRUNCATE, "note=100"),
            (HASH, "card"),
            (SALT, "${env:SALT}"),
            (SKIPPED, "d,t"),
        ])
        .unwrap();
        assert!(!has_column(&found, "shop.Users", "password"));
        assert!(!has_column(&found, "shop.Users", "a.b"));
        assert!(has_column(&found, "shop.Users", "aXb"));
        assert!(found.skipped.deleted && found.skipped.truncated && !found.skipped.updated);
        let kinds: Vec<&Treatment> = found.treatments.iter().map(|(_, t)| t).collect();
        let hash = Treatment::Hash(Hash::new("s"));
        let (five, three, cut) = (
            Treatment::Mask(5),
            Treatment::Mask(3),
            Treatment::Truncate(100),
        );
        assert_eq!(kinds, [&five, &three, &hash, &cut]);
        assert!(found.treatments[3].0.matches("shop.users.note"));
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        for (option, value) in [
            (MASK, "mail"),
            (TRUNCATE, "note=x"),
            (HASH, "card"),
            (SALT, "s"),
            (SKIPPED, "x"),
        ] {
            let error = found(&[(option, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert!(error.message().contains(option), "{error}");
        }
        let error = found(&[(HASH, "card"), (SALT, "${env:NONE}")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}
