//! Inputs of steps: JSON in which a text that begins with `$.` stands for a value of the saga.

use std::collections::HashSet;

use serde_json::{Map, Value};

/// What the paths of a template are looked up in.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) saga: &'a str,
    pub(super) input: &'a Value,
    /// What steps gave.
    pub(super) steps: Vec<(&'a str, &'a Value)>,
}

/// The template with its values, or the path that leads nowhere.
pub(super) fn render(template: &Value, context: &Context<'_>) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) if text.starts_with("$.") => {
            look_up(text, context).ok_or_else(|| text.clone())?
        }
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| render(item, context)).collect();
            Value::Array(items?)
        }
        Value::Object(fields) => {
            let mut rendered = Map::new();
            for (key, value) in fields {
                rendered.insert(key.clone(), render(value, context)?);
            }
            Value::Object(rendered)
        }
        plain => plain.clone(),
    })
}

fn look_up(path: &str, context: &Context<'_>) -> Option<Value> {
    let mut parts = path[2..].split('.');
    let mut at = match parts.next()? {
        "saga" => return Some(context.saga.into()),
        "input" => context.input,
        "steps" => {
            let step = parts.next()?;
            context.steps.iter().find(|(name, _)| *name == step)?.1
        }
        _ => return None,
    };
    for part in parts {
        at = match at {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            other => other.get(part)?,
        };
    }
    Some(at.clone())
}

/// Whether every path can lead somewhere when only `earlier` steps are done; else the one that cannot.
pub(super) fn check(template: &Value, earlier: &HashSet<&str>) -> Result<(), String> {
    match template {
        Value::String(text) if text.starts_with("$.") => {
            let mut parts = text[2..].split('.');
            let known = match parts.next() {
                Some("saga" | "input") => true,
                Some("steps") => parts.next().is_some_and(|step| earlier.contains(step)),
                _ => false,
            };
            if known { Ok(()) } else { Err(text.clone()) }
        }
        Value::Array(items) => items.iter().try_for_each(|item| check(item, earlier)),
        Value::Object(fields) => fields.values().try_for_each(|value| check(value, earlier)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_replaced_by_what_they_lead_to() {
        let input = json!({"items": [{"sku": "a"}], "total": 12});
        let reserved = json!({"id": 7});
        let context = Context {
            saga: "s1",
            input: &input,
            steps: vec![("reserve", &reserved)],
        };
        let template = json!({
            "of": "$.saga", "first": "$.input.items.0.sku", "all": ["$.steps.reserve.id", "$plain", 1]
        });
        let expected = json!({"of": "s1", "first": "a", "all": [7, "$plain", 1]});
        assert_eq!(render(&template, &context), Ok(expected));
        let nowhere = json!(["$.input.none"]);
        assert_eq!(render(&nowhere, &context), Err("$.input.none".to_owned()));
        assert!(check(&template, &HashSet::from(["reserve"])).is_ok());
        assert_eq!(
            check(&template, &HashSet::new()),
            Err("$.steps.reserve.id".to_owned())
        );
    }
}
