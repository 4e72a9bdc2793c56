//! The Nexmark queries parse and plan.

use arrow::datatypes::DataType;
use headwater_flow::plan::{Emit, OutputPlan, PlanOptions, lower};
use headwater_sql::Planned;

use crate::support::{plan, run, session};

fn text(name: &str) -> String {
    let path = format!(
        "{}/../../examples/nexmark/{name}.sql",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

fn query(name: &str) -> String {
    plan(&mut session(&text("tables")), &text(name))
}

#[test]
fn q0_reads_only_the_fields_of_a_bid() {
    insta::assert_snapshot!(query("q0"), @r#"
    Projection: bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, bid.extra AS extra
      SubqueryAlias: bid
        Projection: get_field(nexmark.bid, Utf8("auction")) AS auction, get_field(nexmark.bid, Utf8("bidder")) AS bidder, get_field(nexmark.bid, Utf8("price")) AS price, nexmark.dateTime, get_field(nexmark.bid, Utf8("extra")) AS extra
          Filter: nexmark.event_type = Int32(2)
            TableScan: nexmark projection=[event_type, bid, dateTime]
    "#);
}

#[test]
fn q1_prices_stay_decimal() {
    let shown = query("q1");
    assert!(shown.contains("Decimal128(0.908,3,3)"), "{shown}");
}

#[test]
fn q11_sessions_of_the_old_syntax_have_the_keys_of_the_group() {
    insta::assert_snapshot!(query("q11"), @r#"
    Projection: B.bidder AS bidder, count(Int64(1)) AS bid_count, B.window_start AS starttime, B.window_end AS endtime
      Aggregate: groupBy=[[B.bidder, B.window_start, B.window_end]], aggr=[[count(Int64(1))]]
        Projection: B.bidder, B.window_start, B.window_end
          Window: SESSION(GAP 10 s) on B.dateTime by B.bidder
            SubqueryAlias: B
              SubqueryAlias: bid
                Projection: get_field(nexmark.bid, Utf8("bidder")) AS bidder, nexmark.dateTime
                  Filter: nexmark.event_type = Int32(2)
                    TableScan: nexmark projection=[event_type, bid, dateTime]
    "#);
}

#[test]
fn all_queries_plan_or_say_what_is_missing() {
    for q in 0..=22 {
        let shown = query(&format!("q{q}"));
        match q {
            0..=2 | 11 | 12 | 14..=17 | 21 | 22 => {
                assert!(!shown.contains("error"), "q{q}: {shown}");
            }
            _ => assert!(shown.contains("not supported"), "q{q}: {shown}"),
        }
    }
}

#[test]
fn queries_of_this_version_are_lowered_with_rows_as_they_are_decoded() {
    for q in [0, 1, 2, 11, 14, 15, 16, 17, 21, 22] {
        let planned = run(&mut session(&text("tables")), &text(&format!("q{q}"))).unwrap();
        let Some(Planned::Pipeline(pipeline)) = planned.last() else {
            panic!("q{q} is a pipeline");
        };
        let outputs = pipeline.outputs.iter().map(|o| OutputPlan {
            name: o.target.name.clone(),
            plan: o.plan.clone(),
            emit: Emit::OnClose,
            view: false,
            has_key: false,
            required: Vec::new(),
            fails: true,
        });
        let options = PlanOptions {
            shards: 2,
            pool: None,
        };
        let lowered = lower(&outputs.collect::<Vec<_>>(), &options);
        let lowered = lowered.unwrap_or_else(|e| panic!("q{q}: {e}"));
        let input = &lowered.inputs[0];
        let decoded = input.schema.field_with_name("bid").unwrap().data_type();
        let mut structs = input.rows.fields().iter().map(|f| f.data_type());
        // The pruned column that a computed one reads too is handed on whole.
        let kept = structs.find(|t| matches!(t, DataType::Struct(f) if f.find("price").is_some()));
        assert!(kept.is_none_or(|t| t == decoded), "q{q}");
    }
}
