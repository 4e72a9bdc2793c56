//! Checks of what a server must be set up for: each finding's statement mends it.

use headwater_cdc::Finding;
use headwater_cdc::mysql::{Address, Session, TableName, Tls, TlsMode, check, tables_of};

use super::server::{Product, Server};

fn texts(findings: &[Finding]) -> String {
    let lines = findings
        .iter()
        .map(|f| format!("{} => {}\n", f.what, f.mend));
    lines.collect()
}

#[test]
fn what_a_finding_says_mends_it() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        session
            .execute("CREATE TABLE orders (id INT PRIMARY KEY)")
            .unwrap();
        let orders = [TableName::new("shop", "orders")];
        assert_eq!(tables_of(&mut session, "shop").unwrap(), orders);
        assert_eq!(check(&mut session, &orders).unwrap(), []);

        let least = match server.product() {
            Product::MariaDb => "NO_LOG",
            Product::MySql => "MINIMAL",
        };
        for sql in [
            "SET GLOBAL binlog_format = 'MIXED'",
            "SET GLOBAL binlog_row_image = 'MINIMAL'",
            &format!("SET GLOBAL binlog_row_metadata = '{least}'"),
            "SET GLOBAL binlog_expire_logs_seconds = 3600",
        ] {
            session.execute(sql).unwrap();
        }
        let findings = check(&mut session, &[]).unwrap();
        assert_eq!(findings.len(), 4, "{}", texts(&findings));
        assert_eq!(findings.iter().filter(|f| f.is_fatal).count(), 3);
        for finding in &findings {
            let statement = finding.mend.split(", the same").next().unwrap();
            session.execute(statement).unwrap();
        }
        assert_eq!(check(&mut session, &[]).unwrap(), []);

        let name = "o'brien";
        session
            .execute("CREATE USER 'o''brien'@'%' IDENTIFIED BY 'x'")
            .unwrap();
        session
            .execute("GRANT INSERT ON shop.* TO 'o''brien'@'%'")
            .unwrap();
        let address = Address {
            user: name.to_owned(),
            password: "x".to_owned(),
            // What is not in the cache of MySQL is sent, and that is done encrypted only.
            tls: Tls {
                mode: match server.product() {
                    Product::MariaDb => TlsMode::Disabled,
                    Product::MySql => TlsMode::Required,
                },
                ca: None,
            },
            ..server.address()
        };
        let mut theirs = Session::connect(&address).unwrap();
        let findings = check(&mut theirs, &orders).unwrap();
        assert_eq!(findings.len(), 3, "{}", texts(&findings));
        for finding in &findings {
            assert!(finding.mend.starts_with("GRANT "), "{}", finding.mend);
            session.execute(&finding.mend).unwrap();
        }
        let mut theirs = Session::connect(&address).unwrap();
        assert_eq!(check(&mut theirs, &orders).unwrap(), []);
    }
}

#[test]
fn tables_that_cannot_be_captured_are_named() {
    for server in Server::each(&[]) {
        let mut session = server.session("shop");
        for sql in [
            "CREATE TABLE k (a INT, b VARCHAR(9) CHARACTER SET gbk, c INT, UNIQUE (c))",
            "CREATE TABLE u (a INT NOT NULL, b INT, UNIQUE (b), UNIQUE (a))",
            "CREATE TABLE v (a INT PRIMARY KEY, b INT, CONSTRAINT f FOREIGN KEY (b) REFERENCES u (a) ON DELETE CASCADE)",
        ] {
            session.execute(sql).unwrap();
        }
        let tables = tables_of(&mut session, "shop").unwrap();
        let findings = check(&mut session, &tables).unwrap();
        assert_eq!(findings.len(), 3, "{}", texts(&findings));
        let cascade = &findings[2];
        assert!(!cascade.is_fatal && cascade.mend.contains("`shop`.`v` DROP FOREIGN KEY `f`"));
        for (finding, says) in findings.iter().zip(["no primary key", "gbk"]) {
            assert!(
                finding.is_fatal && finding.what.contains(says),
                "{finding:?}"
            );
            assert!(finding.mend.contains("`shop`.`k`"), "{finding:?}");
        }
        let none = check(&mut session, &[TableName::new("shop", "none")]).unwrap();
        assert!(none[0].what.contains("'shop.none'"), "{none:?}");
    }
}

#[test]
fn databases_that_the_log_leaves_out_are_named() {
    for server in Server::each(&["--binlog-ignore-db=secret"]) {
        let findings = check(&mut server.session("shop"), &[]).unwrap();
        let [finding] = &findings[..] else {
            panic!("{}", texts(&findings))
        };
        assert!(finding.what.contains("secret") && finding.mend.contains("binlog_ignore_db"));
    }
}

#[test]
fn a_server_that_does_not_name_transactions_is_told_what_that_costs() {
    let Some(server) = Server::without_names() else {
        return;
    };
    let mut session = server.session("shop");
    let findings = check(&mut session, &[]).unwrap();
    let [finding] = &findings[..] else {
        panic!("{}", texts(&findings))
    };
    assert!(!finding.is_fatal && finding.what.contains("gtid_mode"));
    for mode in ["OFF_PERMISSIVE", "ON_PERMISSIVE", "ON"] {
        session
            .execute("SET GLOBAL enforce_gtid_consistency = ON")
            .unwrap();
        session
            .execute(&format!("SET GLOBAL gtid_mode = {mode}"))
            .unwrap();
    }
    assert_eq!(check(&mut session, &[]).unwrap(), []);
}

#[test]
fn a_server_without_a_log_is_told_how_to_keep_one() {
    for server in Server::each(&["--skip-log-bin"]) {
        let mut session = server.session("shop");
        let findings = check(&mut session, &[]).unwrap();
        assert!(
            findings[0].is_fatal && findings[0].mend.contains("log_bin"),
            "{}",
            texts(&findings)
        );
        let error = headwater_cdc::mysql::Snapshot::open(&server.address()).unwrap_err();
        assert!(error.hint().unwrap().contains("log_bin"), "{error}");
        let error = headwater_cdc::mysql::Position::current(&mut session).unwrap_err();
        assert!(error.hint().unwrap().contains("log_bin"), "{error}");
    }
}
