//! Secrets come from the environment: `${env:NAME}` in a text stands for a variable.

use headwater_log::{Error, ErrorKind, Result};

/// A text with the variables that it names, which `environment` knows.
///
/// # Errors
/// `Invalid` for an open bracket, `NotFound` for a variable that is not set. The text itself is not shown.
pub fn filled(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${env:") {
        let Some((name, after)) = after.split_once('}') else {
            return Err(Error::new(ErrorKind::Invalid, "${env: without its }"));
        };
        let value = environment(name).ok_or_else(|| {
            let text = format!("variable '{name}' is not set");
            Error::new(ErrorKind::NotFound, text).with_hint(format!("set it: export {name}=…"))
        })?;
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in() {
        let environment = |name: &str| (name == "A").then(|| "${env:A}".to_owned());
        assert_eq!(filled("x${env:A}y", &environment).unwrap(), "x${env:A}y");
        assert_eq!(filled("$x {env:B}", &environment).unwrap(), "$x {env:B}");
        let error = filled("secret${env:B}", &environment).unwrap_err();
        assert_eq!(error.to_string(), "variable 'B' is not set");
        assert!(filled("${env:A", &environment).is_err());
    }
}
