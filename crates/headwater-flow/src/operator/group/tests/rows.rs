//! Random rows of all types, with NULLs.

use super::*;

pub(super) const KEY: usize = 0;
pub(super) const FILTER: usize = 7;

pub(super) fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("k", DataType::Int64),
        field("i", DataType::Int64),
        field("f", DataType::Float64),
        field("d", DataType::Decimal128(10, 2)),
        field("s", DataType::Utf8),
        field("b", DataType::Boolean),
        field("t", DataType::Timestamp(TimeUnit::Millisecond, None)),
        field("p", DataType::Boolean),
    ]))
}

fn some<T>(rng: &mut StdRng, value: T) -> Option<T> {
    rng.random_bool(0.9).then_some(value)
}

pub(super) fn random_rows(rng: &mut StdRng, count: usize) -> RecordBatch {
    let mut of = |f: &mut dyn FnMut(&mut StdRng) -> i64| -> Vec<i64> {
        (0..count).map(|_| f(rng)).collect()
    };
    let keys = of(&mut |r| r.random_range(0..6));
    let ints = of(&mut |r| r.random_range(-9..9));
    let times = of(&mut |r| r.random_range(0..50) * 1000);
    let decimals = of(&mut |r| r.random_range(-500..500));
    let texts = of(&mut |r| r.random_range(0..12));
    let ints: Int64Array = ints.into_iter().map(|x| some(rng, x)).collect();
    let floats: Float64Array = (0..count)
        .map(|_| {
            let scale = 10_f64.powi(rng.random_range(-3..9));
            let x = rng.random_range(-1.0..1.0) * scale;
            some(rng, x)
        })
        .collect();
    let decimals: Decimal128Array = decimals
        .into_iter()
        .map(|x| some(rng, i128::from(x)))
        .collect();
    let texts: StringArray = texts
        .into_iter()
        .map(|x| some(rng, format!("text {x}")))
        .collect();
    let bools: BooleanArray = (0..count)
        .map(|_| {
            let b = rng.random_bool(0.5);
            some(rng, b)
        })
        .collect();
    let passes: BooleanArray = (0..count)
        .map(|_| {
            let b = rng.random_bool(0.5);
            some(rng, b)
        })
        .collect();
    let decimals = decimals
        .with_precision_and_scale(10, 2)
        .expect("fits its precision");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(keys)),
        Arc::new(ints),
        Arc::new(floats),
        Arc::new(decimals),
        Arc::new(texts),
        Arc::new(bools),
        Arc::new(TimestampMillisecondArray::from(times)),
        Arc::new(passes),
    ];
    RecordBatch::try_new(schema(), columns).expect("fits the schema")
}
