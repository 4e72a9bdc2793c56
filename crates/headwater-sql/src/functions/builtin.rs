//! The engine's scalar functions, and those of the clock, as DataFusion sees them.

use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use headwater_flow::functions::Spec;

/// A [`Spec`] as DataFusion sees it.
pub(super) struct Builtin {
    spec: &'static Spec,
    aliases: Vec<String>,
    signature: Signature,
}

impl Builtin {
    pub(super) fn new(spec: &'static Spec, volatility: Volatility) -> Self {
        let takes = |types: &[DataType]| (spec.coerce)(types).is_some();
        let signature = match (takes(&[]), takes(&[DataType::Int64])) {
            (true, false) => Signature::nullary(volatility),
            (true, true) => Signature::one_of(
                vec![TypeSignature::Nullary, TypeSignature::UserDefined],
                volatility,
            ),
            (false, _) => Signature::user_defined(volatility),
        };
        Self {
            spec,
            aliases: spec.aliases.iter().map(|a| (*a).to_owned()).collect(),
            signature,
        }
    }
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.spec.name)
    }
}

impl PartialEq for Builtin {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for Builtin {}

impl Hash for Builtin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for Builtin {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok((self.spec.returns)(arg_types))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.spec.coerce)(arg_types) {
            Some(types) => Ok(types),
            None => {
                let given: Vec<String> =
                    arg_types.iter().map(crate::statement::type_name).collect();
                plan_err!(
                    "{} does not take ({}): use {}",
                    self.spec.name.to_uppercase(),
                    given.join(", "),
                    self.spec.usage
                )
            }
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        (self.spec.invoke)(&args)
    }
}
