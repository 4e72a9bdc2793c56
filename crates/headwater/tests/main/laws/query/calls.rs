//! Random aggregates.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::ident;
use crate::laws::table::{Column, TIME, Table};
use crate::laws::value::Type;

/// A result column: as Headwater computes it, and as the oracle does.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) stream: String,
    pub(super) oracle: String,
    /// Its items have no order.
    pub(super) is_list: bool,
}

impl Call {
    /// The name of the result column.
    pub(super) fn name(&self) -> String {
        self.oracle
            .rsplit(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

/// Which rows a result is made of: no two sets of rows have the same sum, nearly.
pub(super) fn uid_sum() -> Call {
    Call {
        stream: "sum(uid) AS u".to_owned(),
        oracle: "sum(\"uid\") AS u".to_owned(),
        is_list: false,
    }
}

const FUNCTIONS: [&str; 18] = [
    "count",
    "count(*)",
    "sum",
    "avg",
    "min",
    "max",
    "stddev",
    "stddev_pop",
    "var_samp",
    "var_pop",
    "bool_and",
    "bool_or",
    "array_agg",
    "string_agg",
    "first_value",
    "last_value",
    "approx_distinct",
    "count",
];

/// An aggregate over some column that it can take; `ordered`: rows come to it in the order of their offsets.
pub(super) fn random_call(rng: &mut StdRng, table: &Table, ordered: bool) -> Call {
    loop {
        let function = *FUNCTIONS.choose(rng).unwrap();
        let column = table.columns[TIME..].choose(rng).unwrap();
        if takes(function, &column.ty) {
            return call(rng, function, column, ordered);
        }
    }
}

fn takes(function: &str, ty: &Type) -> bool {
    match function {
        "sum" | "avg" => ty.is_number(),
        "stddev" | "stddev_pop" | "var_samp" | "var_pop" => ty.is_integer() || *ty == Type::Double,
        "min" | "max" => !ty.is_nested(),
        "bool_and" | "bool_or" => *ty == Type::Bool,
        "string_agg" => *ty == Type::Text,
        "approx_distinct" => ty.is_integer() || *ty == Type::Text,
        _ => true,
    }
}

fn call(rng: &mut StdRng, function: &str, column: &Column, ordered: bool) -> Call {
    let name = format!("r{}", rng.random_range(0..1_000_000));
    let filter = match rng.random_range(0..5) {
        0 => " FILTER (WHERE uid % 2 = 0)",
        _ => "",
    };
    let oracle_filter = filter.replace("uid", "\"uid\"");
    let (stream, oracle) = (column.quoted(), ident(&column.name));
    if function == "count(*)" {
        return Call {
            stream: format!("count(*){filter} AS {name}"),
            oracle: format!("count(*){oracle_filter} AS {name}"),
            is_list: false,
        };
    }
    let by_place = matches!(function, "first_value" | "last_value");
    let is_list = matches!(function, "array_agg" | "string_agg");
    let sorts =
        (is_list && rng.random_bool(0.4)) || (by_place && (!ordered || rng.random_bool(0.5)));
    let direction = if rng.random_bool(0.5) { " DESC" } else { "" };
    let order = match sorts {
        true => format!(" ORDER BY uid{direction}"),
        false => String::new(),
    };
    let can_be_distinct =
        !sorts && !column.ty.is_nested() && matches!(function, "count" | "sum" | "array_agg");
    let distinct = if can_be_distinct && rng.random_bool(0.4) {
        "DISTINCT "
    } else {
        ""
    };
    let extra = if function == "string_agg" {
        ", '|'"
    } else {
        ""
    };
    // What has no order is taken in that of its arrival.
    let oracle_order = match order.is_empty() && by_place {
        true => " ORDER BY __at".to_owned(),
        false => order.replace("uid", "\"uid\""),
    };
    let (oracle_function, oracle_distinct) = match function {
        "approx_distinct" => ("count", "DISTINCT "),
        other => (other, distinct),
    };
    Call {
        stream: format!("{function}({distinct}{stream}{extra}{order}){filter} AS {name}"),
        oracle: format!(
            "{oracle_function}({oracle_distinct}{oracle}{extra}{oracle_order}){oracle_filter} AS {name}"
        ),
        is_list: is_list && !sorts,
    }
}
