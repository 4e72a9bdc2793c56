//! The code of `docs/guides/sagas.md` that the example `checkout` has not.

use headwater_events::kit::SagaDesk;
use headwater_events::{Answer, Definition, Mode, Operation, Sagas, Step, block_on};
use serde_json::json;

use crate::support::{clock, store};

fn definition() -> Definition {
    Definition::new("order", 1)
        .step(Step::new("reserve", "stock", "reserve").undo("release"))
        .step(Step::new("pay", "bank", "charge").undo("refund"))
}

#[test]
fn a_payment_that_is_refused_gives_back_what_was_reserved() {
    let definition = definition();
    let desk = SagaDesk::new(definition);
    desk.start("o1", json!({"item": "lamp"}));
    desk.expect("reserve", Answer::Done(json!({"id": 7})));
    desk.expect("charge", Answer::Refused("no money".into()));
    desk.expect("release", Answer::Done(json!(null)));
    assert_eq!(desk.call(), None);
    assert_eq!(desk.show("o1").mode, Mode::Compensated);
}

#[test]
fn a_person_takes_a_saga_back() {
    let sagas = Sagas::new(store(), clock());
    let told: headwater_events::Result<()> = block_on(async {
        sagas.define(definition()).await?;
        sagas.start("order", "order-7", json!({})).await?;
        let reason = "the customer has called".to_owned();
        sagas
            .operate("order-7", Operation::Compensate { reason })
            .await?;
        let saga = sagas.show("order-7").await?;
        assert_eq!(saga.mode, Mode::Backward);
        assert_eq!(saga.reason.as_deref(), Some("the customer has called"));
        Ok(())
    });
    told.unwrap();
}
