//! CQRS: orders are placed on the write side, and read from tables of PostgreSQL (`cargo run -p headwater-events --features postgres
//! --example shop -- postgres://user:password@host/database`). The guide is `docs/guides/cqrs.md`.
#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use headwater_events::postgres::tokio_postgres::Transaction;
use headwater_events::postgres::{Postgres, PostgresOptions, PostgresView, Tables};
use headwater_events::{
    Batch, Decide, Event, ExecuteError, Filter, Position, ProjectionId, Projector, Recorded,
    Running, State, Store, Task, block_on,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum ShopEvent {
    Delivered { product: String, count: i64 },
    Placed(Placed),
    Taken { product: String, count: i64 },
    Shipped { order: String },
}
impl Event for ShopEvent {}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Placed {
    order: String,
    customer: String,
    product: String,
    count: i64,
    amount: i64,
    day: String,
}

/// How many of a product there are.
struct Stock {
    count: i64,
}

impl State for Stock {
    const NAME: &'static str = "stock";
    type Event = ShopEvent;

    fn initial(_: &str) -> Self {
        Self { count: 0 }
    }

    fn evolve(&mut self, event: &ShopEvent) {
        match event {
            ShopEvent::Delivered { count, .. } => self.count += count,
            ShopEvent::Taken { count, .. } => self.count -= count,
            ShopEvent::Placed(_) | ShopEvent::Shipped { .. } => {}
        }
    }
}

#[derive(PartialEq)]
enum Order {
    New,
    Placed,
    Shipped,
}

impl State for Order {
    const NAME: &'static str = "order";
    type Event = ShopEvent;

    fn initial(_: &str) -> Self {
        Self::New
    }

    fn evolve(&mut self, event: &ShopEvent) {
        match event {
            ShopEvent::Placed(_) => *self = Self::Placed,
            ShopEvent::Shipped { .. } => *self = Self::Shipped,
            ShopEvent::Delivered { .. } | ShopEvent::Taken { .. } => {}
        }
    }
}

struct Deliver(String, i64);

impl Decide for Deliver {
    type State = Stock;
    type Event = ShopEvent;
    type Error = Refused;

    fn decide(&self, _: &Stock) -> Result<Vec<ShopEvent>, Refused> {
        let (product, count) = (self.0.clone(), self.1);
        Ok(vec![ShopEvent::Delivered { product, count }])
    }
}

/// Decided from the order and the stock together: two orders never get the same lamp.
struct PlaceOrder(Placed);

#[derive(Debug, PartialEq, thiserror::Error)]
enum Refused {
    #[error("an order is of something, for somebody")]
    Incomplete,
    #[error("the order was placed before")]
    Again,
    #[error("there are only {0}")]
    TooFew(i64),
    #[error("there is nothing to ship")]
    Nothing,
}

impl Decide for PlaceOrder {
    type State = (Order, Stock);
    type Event = ShopEvent;
    type Error = Refused;

    fn decide(&self, (order, stock): &(Order, Stock)) -> Result<Vec<ShopEvent>, Refused> {
        let placed = &self.0;
        if placed.count <= 0 || placed.customer.is_empty() {
            return Err(Refused::Incomplete);
        }
        if *order != Order::New {
            return Err(Refused::Again);
        }
        if stock.count < placed.count {
            return Err(Refused::TooFew(stock.count));
        }
        let (product, count) = (placed.product.clone(), placed.count);
        Ok(vec![
            ShopEvent::Placed(placed.clone()),
            ShopEvent::Taken { product, count },
        ])
    }

    fn stream(&self, event: &ShopEvent) -> Option<String> {
        match event {
            ShopEvent::Taken { product, .. } => Some(format!("stock-{product}")),
            _ => None,
        }
    }
}

struct Ship(String);

impl Decide for Ship {
    type State = Order;
    type Event = ShopEvent;
    type Error = Refused;

    fn decide(&self, order: &Order) -> Result<Vec<ShopEvent>, Refused> {
        let order = (*order == Order::Placed).then(|| self.0.clone());
        let order = order.ok_or(Refused::Nothing)?;
        Ok(vec![ShopEvent::Shipped { order }])
    }
}

/// What people look at: a document for each order, sales per day, an inventory.
struct Views;

impl Tables for Views {
    fn create(&self) -> String {
        "CREATE TABLE orders (id text PRIMARY KEY, day date NOT NULL, amount bigint NOT NULL, document jsonb NOT NULL);
         CREATE VIEW sales_per_day AS
             SELECT day, count(*) AS orders, sum(amount)::bigint AS amount FROM orders GROUP BY day;
         CREATE TABLE inventory (product text PRIMARY KEY, count bigint NOT NULL)"
            .to_owned()
    }

    fn apply<'a>(&'a mut self, to: &'a Transaction<'a>, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(async move {
            for event in &batch.events {
                apply(to, event).await?;
            }
            Ok(())
        })
    }
}

async fn apply(to: &Transaction<'_>, event: &Recorded) -> headwater_events::Result<()> {
    const PLACED: &str = "INSERT INTO orders VALUES ($1, $2::text::date, $3, $4::text::jsonb)";
    const SHIPPED: &str =
        r#"UPDATE orders SET document = document || '{"state": "shipped"}' WHERE id = $1"#;
    const COUNTED: &str = "INSERT INTO inventory VALUES ($1, $2)
        ON CONFLICT (product) DO UPDATE SET count = inventory.count + excluded.count";
    match ShopEvent::decode(event)? {
        ShopEvent::Placed(placed) => {
            let document = json!({
                "customer": placed.customer, "state": "placed",
                "lines": [{"product": placed.product, "count": placed.count}],
            });
            let document = document.to_string();
            to.execute(
                PLACED,
                &[&placed.order, &placed.day, &placed.amount, &document],
            )
            .await?;
        }
        ShopEvent::Shipped { order } => {
            to.execute(SHIPPED, &[&order]).await?;
        }
        ShopEvent::Delivered { product, count } => {
            to.execute(COUNTED, &[&product, &count]).await?;
        }
        ShopEvent::Taken { product, count } => {
            to.execute(COUNTED, &[&product, &-count]).await?;
        }
    }
    Ok(())
}

struct Shop {
    store: Store,
    views: Running<PostgresView<Views>>,
}

type Done<T = ()> = Result<T, ExecuteError<Refused>>;

impl Shop {
    fn open(address: &str, schema: &str) -> headwater_events::Result<Self> {
        let options = PostgresOptions::schema(schema);
        let postgres = block_on(Postgres::connect(address, options))?;
        let (store, id) = (
            postgres.store(),
            ProjectionId::new(format!("{schema}_views")),
        );
        let view = postgres.view(id.clone(), Views)?;
        let views = Projector::new(store.clone(), id, Filter::all(), view).spawn()?;
        Ok(Self { store, views })
    }

    /// Waits until what was just done can be read.
    fn see(&self, done: Option<Position>) -> Done {
        match done {
            Some(position) => Ok(block_on(self.views.progress().wait(position))?),
            None => Ok(()),
        }
    }

    fn deliver(&self, product: &str, count: i64) -> Done {
        let deliver = Deliver(product.to_owned(), count);
        let done = block_on(self.store.execute(product, deliver).into_future())?;
        self.see(done.position)
    }

    fn place(&self, order: &str, product: &str, count: i64, day: &str) -> Done {
        let placed = Placed {
            order: order.to_owned(),
            customer: "ada".to_owned(),
            product: product.to_owned(),
            count,
            amount: 20 * count,
            day: day.to_owned(),
        };
        let execute = self.store.execute((order, product), PlaceOrder(placed));
        let done = block_on(execute.into_future())?;
        self.see(done.position)
    }

    fn ship(&self, order: &str) -> Done {
        let ship = Ship(order.to_owned());
        let done = block_on(self.store.execute(order, ship).into_future())?;
        self.see(done.position)
    }
}

fn tell(shop: &Shop) -> Done {
    shop.deliver("lamp", 5)?;
    shop.place("o1", "lamp", 2, "2024-05-01")?;
    shop.place("o2", "lamp", 1, "2024-05-01")?;
    shop.place("o3", "lamp", 1, "2024-05-02")?;
    shop.ship("o1")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("which database?")?;
    let shop = Shop::open(&address, "shop")?;
    match tell(&shop) {
        Err(ExecuteError::Domain(refused)) => println!("{refused}"),
        done => done?,
    }
    println!("SELECT * FROM shop_views.orders, shop_views.sales_per_day or shop_views.inventory");
    Ok(())
}

#[cfg(test)]
#[path = "../tests/postgres/server.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "tests; other tests use the rest"
)]
mod server;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use headwater_events::postgres::tokio_postgres::{NoTls, connect};

    use super::*;

    /// The rows of a query, as text.
    fn rows(address: &str, query: &str) -> Vec<String> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (client, connection) = connect(address, NoTls).await.unwrap();
            tokio::spawn(connection);
            let query = format!("SELECT row_to_json(r)::text FROM ({query}) r");
            let rows = client.query(&query, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    #[test]
    fn what_is_ordered_is_in_the_tables_at_once() {
        let Some(server) = server::Server::start(&["fsync = off"]) else {
            return;
        };
        let address = server.url("postgres");
        let shop = Shop::open(&address, "shop").unwrap();
        tell(&shop).unwrap();
        let days = rows(
            &address,
            "SELECT * FROM shop_views.sales_per_day ORDER BY day",
        );
        let expected = [
            r#"{"day":"2024-05-01","orders":2,"amount":60}"#,
            r#"{"day":"2024-05-02","orders":1,"amount":20}"#,
        ];
        assert_eq!(days, expected);
        let inventory = rows(&address, "SELECT * FROM shop_views.inventory");
        assert_eq!(inventory, [r#"{"product":"lamp","count":1}"#]);
        let states = "SELECT id, document->>'state' AS state FROM shop_views.orders ORDER BY id";
        let states = rows(&address, states);
        assert_eq!(states[0], r#"{"id":"o1","state":"shipped"}"#);
        assert_eq!(states[1], r#"{"id":"o2","state":"placed"}"#);
    }

    #[test]
    fn what_cannot_be_ordered_is_refused_and_changes_nothing() {
        let Some(server) = server::Server::start(&["fsync = off"]) else {
            return;
        };
        let address = server.url("postgres");
        let shop = Shop::open(&address, "shop").unwrap();
        shop.deliver("lamp", 2).unwrap();
        shop.place("o1", "lamp", 1, "2024-05-01").unwrap();
        let refused = |done: Done| match done {
            Err(ExecuteError::Domain(refused)) => refused,
            other => panic!("{other:?}"),
        };
        let place = |order, count| refused(shop.place(order, "lamp", count, "2024-05-01"));
        assert_eq!(place("o1", 1), Refused::Again);
        assert_eq!(place("o2", 2), Refused::TooFew(1));
        assert_eq!(place("o2", 0), Refused::Incomplete);
        assert_eq!(refused(shop.ship("o9")), Refused::Nothing);
        assert_eq!(rows(&address, "SELECT id FROM shop_views.orders").len(), 1);
    }
}
