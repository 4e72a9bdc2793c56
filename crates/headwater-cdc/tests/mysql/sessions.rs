//! Sessions: logins, statements, and what the server says when something is wrong.

use headwater_cdc::ErrorKind;
use headwater_cdc::mysql::{Address, Session, identifier, literal};

use super::server::{PASSWORD, Product, Server, USER};
use super::transactions::run;

#[test]
fn statements_give_rows_and_errors_say_what_to_do() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        let is_mariadb = server.product() == Product::MariaDb;
        assert_eq!(session.is_mariadb(), is_mariadb, "{}", session.version());
        session
            .execute("CREATE TABLE t (id int PRIMARY KEY, note longtext)")
            .unwrap();
        session
            .execute("INSERT INTO t VALUES (1, 'ä'), (2, NULL), (3, '')")
            .unwrap();
        let text = |t: &str| Some(t.to_owned());
        let rows = session.query("SELECT * FROM t ORDER BY id").unwrap();
        let want = [
            [text("1"), text("ä")],
            [text("2"), None],
            [text("3"), text("")],
        ];
        assert_eq!(rows, want);

        // Packets longer than one part, in both directions, also where the last part is empty.
        for length in [(16 << 20) - 1, 20 << 20] {
            let long = "x".repeat(length);
            let sql = format!("SELECT {}", literal(&long));
            assert!(session.value(&sql).unwrap() == Some(long));
        }
        let odd = r"'\`";
        let sql = format!("SELECT {} AS {}", literal(odd), identifier(odd));
        assert_eq!(session.value(&sql).unwrap().as_deref(), Some(odd));

        let error = session.query("SELECT 1 FROM missing").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = session.query("SELEC 1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let load = "LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t";
        assert_ne!(session.execute(load).unwrap_err().kind(), ErrorKind::Bug);
        assert_eq!(session.value("SELECT 42").unwrap().as_deref(), Some("42"));

        server.crash();
        let error = session.query("SELECT 1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        server.resume();
        let mut session = server.session("shop");
        let count = session.value("SELECT count(*) FROM t").unwrap();
        assert_eq!(count.as_deref(), Some("3"));
    }
}

#[test]
fn a_login_is_accepted_or_refused_without_showing_the_password() {
    for server in Server::each(&[]) {
        let address = server.address();
        let mut session = Session::connect(&address).unwrap();
        session.execute("CREATE USER nobody").unwrap();
        let odd: &[&str] = match server.product() {
            Product::MariaDb => &[
                "INSTALL SONAME 'auth_ed25519'",
                "CREATE USER odd IDENTIFIED VIA ed25519 USING PASSWORD('right')",
            ],
            Product::MySql => &["CREATE USER odd IDENTIFIED WITH sha256_password BY 'right'"],
        };
        run(&mut session, odd);
        let who = |user: &str, password: &str| Address {
            user: user.to_owned(),
            password: password.to_owned(),
            ..address.clone()
        };
        Session::connect(&who("nobody", "")).unwrap();
        let wrong = [
            (who(USER, "wrong secret"), ErrorKind::Invalid),
            (who(USER, ""), ErrorKind::Invalid),
            (who("odd", "wrong secret"), ErrorKind::Unsupported),
            (who("zero\0byte", "wrong secret"), ErrorKind::Invalid),
        ];
        // Of whom it does not know, MySQL asks a proof of any kind, so that nobody learns that.
        let asked = Session::connect(&who("missing", "wrong secret")).unwrap_err();
        let may_be_unknown = server.product() == Product::MySql;
        assert!(
            asked.kind() == ErrorKind::Invalid
                || may_be_unknown && asked.kind() == ErrorKind::Unsupported,
            "{asked}"
        );
        for (address, kind) in wrong {
            let error = Session::connect(&address).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
        }
        let mut elsewhere = who(USER, PASSWORD);
        elsewhere.database = "missing".to_owned();
        let error = Session::connect(&elsewhere).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        elsewhere.database = "mysql".to_owned();
        let mut session = Session::connect(&elsewhere).unwrap();
        let database = session.value("SELECT database()").unwrap();
        assert_eq!(database.as_deref(), Some("mysql"));
        assert!(!format!("{elsewhere:?}").contains(PASSWORD));
        server.crash();
        let error = Session::connect(&address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(!error.to_string().contains(PASSWORD));
    }
}
