//! The code of `docs/guides/projections.md`.

use std::sync::{Arc, Mutex};

use headwater_events::{
    BoxError, Delivery, Expected, Filter, HandlerView, NewEvent, Position, ProjectionId, Projector,
    Recorded, block_on, swap,
};

use crate::support::store;

#[derive(Clone, Default)]
struct Mailer(Arc<Mutex<Vec<Position>>>);

impl Mailer {
    fn send(&self, key: &str, event: &Recorded) -> Result<(), BoxError> {
        assert!(!key.is_empty());
        self.0.lock().unwrap().push(event.position);
        Ok(())
    }
}

fn place() -> NewEvent {
    NewEvent::new("order.placed", "{}")
}

#[test]
fn a_mail_is_sent_once_an_order_by_the_old_version_or_the_new_one() {
    let (store, sent) = (store(), Mailer::default());
    let mailer = sent.clone();
    let told: headwater_events::Result<()> = block_on(async {
        let id = ProjectionId::new("mail");
        let view = HandlerView::new(
            store.clone(),
            id.clone(),
            move |event: &Recorded, delivery: &Delivery| {
                if delivery.live {
                    mailer.send(&delivery.key, event)?;
                }
                Ok(())
            },
        );
        let running = Projector::new(
            store.clone(),
            id.clone(),
            Filter::all().types(["order.placed"]),
            view,
        )
        .spawn()?;

        let done = store.append_to("order-7", Expected::Any, [place()]).await?;
        running.progress().wait(done.position.unwrap()).await?;

        let mailer = sent.clone();
        let new_view = HandlerView::new(
            store.clone(),
            id.clone().version(2),
            move |event: &Recorded, delivery: &Delivery| {
                if delivery.live {
                    mailer.send(&delivery.key, event)?;
                }
                Ok(())
            },
        );
        let filter = Filter::all().types(["order.placed"]);
        let mut new = Projector::new(store.clone(), id.version(2), filter, new_view);
        let mut old = running.stop()?;
        swap(&mut old, &mut new).await?;
        let running = new.spawn()?;

        let done = store.append_to("order-8", Expected::Any, [place()]).await?;
        running.progress().wait(done.position.unwrap()).await?;
        Ok(())
    });
    told.unwrap();
    assert_eq!(*sent.0.lock().unwrap(), [Position(0), Position(1)]);
}
