//! Who answers what.

use super::{Asked, Client, Server};
use crate::cli::exit::Outcome;
use crate::cli::request::{Replies, Reply, Request};

fn lasting() -> Request {
    Request::Run {
        file: "f.sql".to_owned(),
        text: String::new(),
    }
}

fn answer(request: Request, replies: Replies<'_>) -> Outcome {
    match request {
        Request::Names => replies(Reply::Line("names".to_owned())),
        _ => replies(Reply::Line("ran".to_owned())),
    }
}

#[test]
fn what_lasts_is_not_served_by_a_process_that_is_about_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), answer).unwrap();
    let ask = |request: &Request| {
        let mut client = Client::connect(dir.path()).unwrap().unwrap();
        let mut lines = 0;
        let asked = client.ask(request, &mut |_| {
            lines += 1;
            Ok(())
        });
        (asked.unwrap(), lines, client.is_spent())
    };
    assert_eq!(ask(&lasting()), (Asked::Declined, 0, true));
    assert_eq!(ask(&Request::Names), (Asked::Answered, 1, false));
    // What its own command does lasts: from then on it does for others too.
    let mut own = Client::over(server.connect().unwrap()).unwrap();
    let asked = own.ask(&lasting(), &mut |_| Ok(())).unwrap();
    assert_eq!(asked, Asked::Answered);
    assert_eq!(ask(&lasting()), (Asked::Answered, 1, false));
}

#[test]
fn a_process_that_says_that_it_lasts_serves_what_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), answer).unwrap();
    server.last();
    let mut client = Client::connect(dir.path()).unwrap().unwrap();
    let asked = client.ask(&lasting(), &mut |_| Ok(())).unwrap();
    assert_eq!(asked, Asked::Answered);
}
