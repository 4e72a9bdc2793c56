//! The oracle: sessions write at random while the process that captures is killed and the server crashes; what the topics add
//! up to is what the tables are.

use std::sync::atomic::AtomicBool;

use headwater_cdc::mysql::{Address, Session, Settings, TableName};
use headwater_cdc::{Capture, Filters, Hash, Treatment};

use super::capturing::{LONG, catch_up, memory, open, records, settings};
use super::reshaping::{end_prepared, reshape};
use super::server::Server;
use super::sums::{CHOSEN, check_emptied, check_order, check_tables};
use super::whole_log::WholeLog;
use super::writers::{WRITERS_MAX, Written, commit_of, create, write};
use crate::faults::{Faults, Hurt, SILENCE_S, capture, parts, rounds, tell};
use crate::oracle::{Random, StopsAtEnd, check_ledger, seed};
use crate::process::told;
use crate::proxy::Proxy;

const TEST: &str = "mysql::killed::nothing_is_lost_or_doubled_whatever_happens";
const TABLES: [&str; 5] = ["ledger", "pairs", "emptied", "altered", "people"];

impl Hurt for Server {
    fn crash(&self) {
        Self::crash(self);
        self.resume();
    }

    fn terminate(&self) {
        let mut session = Session::connect(&self.address()).unwrap();
        let sql = "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'";
        for id in session.query(sql).unwrap().into_iter().flatten().flatten() {
            // It may be gone by now.
            drop(session.execute(&format!("KILL CONNECTION {id}")));
        }
    }
}

/// Tables are cut into pieces, which several sessions read side by side.
fn of_all(address: &Address) -> Settings {
    let name = |name: &str| TableName::new("shop", name);
    let pattern = |column: &str| format!(r"shop\.people\.{column}").parse().unwrap();
    Settings {
        readers: 3,
        conditions: vec![
            (name("pairs"), CHOSEN.to_owned()),
            (name("people"), "n >= 0".to_owned()),
        ],
        filters: Filters {
            excluded: vec![pattern("secret")],
            treatments: vec![
                (pattern("name"), Treatment::Mask(3)),
                (pattern("phone"), Treatment::Hash(Hash::new("salt"))),
                (pattern("note"), Treatment::Truncate(3)),
            ],
            ..Filters::default()
        },
        ..settings(address, &TABLES)
    }
}

#[test]
fn nothing_is_lost_or_doubled_whatever_happens() {
    if let Some(told) = told() {
        let (dir, url, _) = parts(&told);
        return capture(&dir, of_all(&url.parse().unwrap()));
    }
    for server in Server::each(&[]) {
        let seed = seed();
        create(&mut server.session("shop"));
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let address = server.address();
        // The ledger has been read when the writing begins, so that each of its rows comes from the stream alone.
        catch_up(&open(dir), &settings(&address, &TABLES[..1]));
        let (stop, written) = (AtomicBool::new(false), Written::default());
        let writers = 1 + Random(seed | 1).below(WRITERS_MAX);
        let proxy = Proxy::start(address.port);
        let url = format!(
            "mysql://{}:{}@127.0.0.1:{}/?silence={SILENCE_S}",
            address.user,
            address.password,
            proxy.port()
        );
        let mut faults = Faults::new(TEST, tell(dir, &url, ""), (&proxy, &server), seed);
        let reshaped = std::thread::scope(|scope| {
            let stops = StopsAtEnd(&stop);
            for writer in 0..writers {
                let (server, stop, written) = (&server, &stop, &written);
                scope.spawn(move || write(server, (seed, writer), stop, written));
            }
            let reshaping = scope.spawn(|| reshape(&server, &stop, &written));
            for round in 0..rounds() {
                faults.round(round);
            }
            drop(stops);
            reshaping.join().unwrap()
        });
        eprintln!("{writers} writers, {:?}", faults.end());
        let mut session = server.session("shop");
        end_prepared(&mut session, commit_of).unwrap();
        let log = open(dir);
        catch_up(&log, &of_all(&address));
        check_tables(&log, &mut session);
        let whole = WholeLog::read(&server, &mut session);
        check_emptied(&log, (&mut session, server.product()), &whole, &written);
        let (transactions, has_gone) = check_ledger(records(&log, "ledger"));
        // Tables are read anew for an orphan alone.
        let orphans = whole.orphans;
        assert!(orphans > 0 || !has_gone, "a row of the ledger is gone");
        check_order(&log, &whole);
        let done = written.done();
        eprintln!(
            "{transactions} of {done} transactions, {orphans} orphans, {reshaped} times other columns"
        );
        assert!(reshaped > 3, "{reshaped} times other columns");
        assert!(
            transactions > 100 || orphans > 0,
            "{transactions} transactions"
        );
    }
}

/// Writers go on only as long as tables are read, so that no later change hides what was put in wrongly.
#[test]
fn a_backfill_by_several_sessions_beside_writers_is_what_the_tables_are() {
    for server in Server::each(&[]).chain(Server::without_names()) {
        let seed = seed();
        let mut session = server.session("shop");
        create(&mut session);
        for round in 0..3 {
            let log = memory();
            let settings = Settings {
                name: format!("round_{round}"),
                range_rows: 40 + round * 300,
                readers: 4,
                ..of_all(&server.address())
            };
            let (stop, written) = (AtomicBool::new(false), Written::default());
            std::thread::scope(|scope| {
                for writer in 0..2 {
                    let (server, stop, written) = (&server, &stop, &written);
                    let writer = writer + u64::from(round + 1) * 1_000_000_000;
                    scope.spawn(move || write(server, (seed, writer), stop, written));
                }
                let stops = StopsAtEnd(&stop);
                let end = settings.address.log_end().unwrap();
                let capture = Capture::start(&log, settings.clone()).unwrap();
                let reached = capture.wait_for(&end, LONG);
                drop(stops);
                assert!(reached.unwrap(), "{:?}", capture.status());
            });
            end_prepared(&mut session, commit_of).unwrap();
            catch_up(&log, &settings);
            check_tables(&log, &mut session);
            let whole = WholeLog::read(&server, &mut session);
            check_emptied(&log, (&mut session, server.product()), &whole, &written);
            assert!(written.done() > 0);
        }
    }
}
