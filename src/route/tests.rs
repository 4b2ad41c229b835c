//! Where statements go, and what is replaced in them.

use super::{Plan, RouteTable};
use crate::base::Dialect::{self, Mysql, Postgres};
use crate::base::{BackendId, FaultKind};
use crate::config::Address;
use crate::sql::tests::corpus::config;
use crate::sql::{Reading, analyze};

fn plan(routes: &RouteTable, dialect: Dialect, text: &str) -> Plan {
    let analysis = analyze(Reading::new(dialect), text.as_bytes());
    routes.plan(dialect, text.as_bytes(), &analysis.statements[0])
}

/// The backend's number and the text as it is sent there, or the fault's kind.
fn sent(routes: &RouteTable, dialect: Dialect, text: &str) -> String {
    match plan(routes, dialect, text) {
        Plan::Anywhere => "anywhere".into(),
        Plan::One { backend: BackendId(id), edits } => {
            let mut out = String::new();
            let mut at = 0;
            for edit in edits {
                out.push_str(&text[at..edit.span.start]);
                out.push_str(&edit.text);
                at = edit.span.end;
            }
            format!("{id}: {out}{}", &text[at..])
        }
        Plan::Foreign { backend, .. } => format!("{} foreign", backend.0),
        Plan::Refuse(fault) => {
            assert!(fault.hint.is_some(), "{fault}");
            format!("{:?}", fault.kind)
        }
    }
}

fn shop(dialect: Dialect) -> RouteTable {
    let rules = [
        ("items", 0, None),
        ("agents", 1, None),
        ("couriers", 1, Some("fleet.couriers")),
        ("riders", 1, Some("fleet.order")),
        ("courier_*", 1, None),
        ("courier_store_*", 0, None),
        ("depot.*", 1, None),
        ("depot.items", 0, None),
    ];
    RouteTable::new(&config(&[("store", dialect, true), ("delivery", dialect, false)], &rules))
}

#[test]
fn the_most_specific_rule_wins() {
    for (name, backend) in [
        ("items", 0),
        ("agents", 1),
        ("courier_x", 1),
        ("courier_store_x", 0),
        ("depot.x", 1),
        ("depot.items", 0),
        ("public.agents", 1),
        ("unknown", 0),
        ("couriers_", 0),
    ] {
        let text = format!("SELECT * FROM {name}");
        assert_eq!(sent(&shop(Postgres), Postgres, &text), format!("{backend}: {text}"));
    }
}

#[test]
fn names_are_matched_as_the_dialect_folds_them() {
    assert_eq!(sent(&shop(Postgres), Postgres, "SELECT * FROM Agents"), "1: SELECT * FROM Agents");
    assert_eq!(sent(&shop(Postgres), Postgres, "SELECT * FROM \"Agents\""), "0: SELECT * FROM \"Agents\"");
    assert_eq!(sent(&shop(Mysql), Mysql, "SELECT * FROM `Agents`"), "1: SELECT * FROM `Agents`");
}

#[test]
fn a_backends_name_as_qualifier_leads_there_and_is_removed() {
    let routes = shop(Postgres);
    for (text, expected) in [
        ("SELECT * FROM delivery.x", "1: SELECT * FROM x"),
        (
            "SELECT delivery.x.id FROM delivery . \"x\" WHERE delivery.x.id = 1",
            "1: SELECT x.id FROM \"x\" WHERE x.id = 1",
        ),
        ("UPDATE delivery.agents SET a = 1", "1: UPDATE agents SET a = 1"),
        ("SELECT * FROM delivery.items", "1: SELECT * FROM items"),
        ("SELECT * FROM store.agents", "0: SELECT * FROM agents"),
    ] {
        let expected = expected.replace("x.id", if text.contains('"') { "\"x\".id" } else { "x.id" });
        assert_eq!(sent(&routes, Postgres, text), expected);
    }
}

#[test]
fn a_renamed_table_keeps_its_columns_qualifiers() {
    let routes = shop(Postgres);
    for (text, expected) in [
        ("SELECT couriers.id FROM couriers", "1: SELECT couriers.id FROM fleet.couriers"),
        ("SELECT riders.id FROM riders WHERE 1 = 1", "1: SELECT riders.id FROM fleet.\"order\" AS riders WHERE 1 = 1"),
        ("SELECT r.id FROM riders r", "1: SELECT r.id FROM fleet.\"order\" r"),
        ("INSERT INTO riders (id) VALUES (1)", "1: INSERT INTO fleet.\"order\" AS riders (id) VALUES (1)"),
        ("DROP TABLE riders", "1: DROP TABLE fleet.\"order\""),
    ] {
        assert_eq!(sent(&routes, Postgres, text), expected);
    }
    let text = "INSERT INTO riders (id) VALUES (1)";
    assert_eq!(sent(&shop(Mysql), Mysql, text), "1: INSERT INTO fleet.`order` (id) VALUES (1)");
}

#[test]
fn one_statement_over_several_backends_is_refused_with_their_names() {
    let Plan::Refuse(fault) = plan(&shop(Postgres), Postgres, "SELECT * FROM items JOIN agents ON true") else {
        panic!("not refused")
    };
    assert_eq!(fault.kind, FaultKind::CrossBackendStatement);
    assert!(fault.message.contains("items (store)") && fault.message.contains("agents (delivery)"), "{fault}");
    assert!(fault.hint.unwrap().contains("/* handfast: backend=NAME */"));
}

#[test]
fn the_override_wins() {
    let routes = shop(Postgres);
    let text = "/* handfast: backend=delivery */ SELECT * FROM items JOIN agents ON true";
    assert_eq!(sent(&routes, Postgres, text), format!("1: {text}"));
    let Plan::Refuse(fault) = plan(&routes, Postgres, "/* handfast: backend=nowhere */ SELECT 1") else {
        panic!("not refused")
    };
    assert_eq!(fault.kind, FaultKind::UnknownBackend);
    assert!(fault.hint.unwrap().contains("store, delivery"));
}

#[test]
fn what_is_not_understood_goes_by_its_identifiers() {
    let routes = shop(Postgres);
    for (text, expected) in [
        ("FROBNICATE whatever", "anywhere"),
        ("FROBNICATE agents", "1: FROBNICATE agents"),
        ("FROBNICATE agents WITH items", "CrossBackendStatement"),
        ("FROBNICATE couriers", "NotSupported"),
        ("FROBNICATE delivery.x", "NotSupported"),
    ] {
        assert_eq!(sent(&routes, Postgres, text), expected, "{text}");
    }
}

#[test]
fn catalogs_go_wherever_the_statement_goes() {
    let routes = shop(Postgres);
    assert_eq!(sent(&routes, Postgres, "SELECT * FROM pg_class"), "anywhere");
    assert_eq!(sent(&routes, Postgres, "SELECT * FROM information_schema.tables"), "anywhere");
    let text = "SELECT * FROM agents, pg_catalog.pg_class";
    assert_eq!(sent(&routes, Postgres, text), format!("1: {text}"));
}

#[test]
fn a_table_of_the_other_dialect_is_for_the_translator() {
    let backends = [("store", Postgres, true), ("delivery", Mysql, true)];
    let routes = RouteTable::new(&config(&backends, &[("agents", 1, None)]));
    assert_eq!(sent(&routes, Postgres, "SELECT * FROM agents"), "1 foreign");
    assert_eq!(sent(&routes, Postgres, "FROBNICATE agents"), "NotSupported");
    assert_eq!(sent(&routes, Postgres, "SELECT * FROM agents JOIN items USING (id)"), "CrossBackendStatement");
    assert_eq!(sent(&routes, Mysql, "SELECT * FROM agents"), "1: SELECT * FROM agents");
    assert_eq!(sent(&routes, Mysql, "SELECT 1"), "anywhere");
}

#[test]
fn databases_of_one_server_meet_in_one_statement() {
    let mut config = config(&[("store", Mysql, true), ("delivery", Mysql, false)], &[("agents", 1, None)]);
    let address = Address { host: "one.example".into(), port: 3306 };
    for backend in &mut config.backends {
        backend.address = address.clone();
    }
    let routes = RouteTable::new(&config);
    assert_eq!(
        sent(&routes, Mysql, "SELECT agents.id FROM items JOIN agents ON agents.id = items.id"),
        "0: SELECT agents.id FROM items JOIN delivery_db.agents ON agents.id = items.id"
    );
    assert_eq!(sent(&routes, Mysql, "SELECT * FROM agents"), "1: SELECT * FROM agents");
    assert_eq!(sent(&routes, Mysql, "SELECT * FROM shop.agents"), "1: SELECT * FROM agents");
}

#[test]
fn with_one_backend_everything_goes_there() {
    let routes = RouteTable::new(&config(&[("store", Postgres, true)], &[("agents", 0, None)]));
    for text in ["SELECT * FROM agents, x.y, pg_class", "FROBNICATE agents", "SELECT 1"] {
        let sent = sent(&routes, Postgres, text);
        assert!(sent == "anywhere" || sent == format!("0: {text}"), "{sent}");
    }
}

/// As `sent`, for a user with only these backends.
fn sent_for(routes: &RouteTable, dialect: Dialect, text: &str) -> String {
    let reach = routes.reach("limited").unwrap();
    let analysis = analyze(Reading::new(dialect), text.as_bytes());
    match routes.plan_for(&reach, dialect, text.as_bytes(), &analysis.statements[0]) {
        Plan::Anywhere => "anywhere".into(),
        Plan::One { backend, .. } => backend.0.to_string(),
        Plan::Foreign { backend, .. } => format!("{} foreign", backend.0),
        Plan::Refuse(fault) => format!("{:?}: {}", fault.kind, fault.message),
    }
}

fn limited(backends: &[(&str, Dialect, bool)], one_server: bool) -> RouteTable {
    let rules = [("items", 0, None), ("agents", 1, None), ("riders", 1, Some("fleet.order"))];
    let mut config = config(backends, &rules);
    if one_server {
        for backend in &mut config.backends {
            backend.address = Address { host: "one".into(), port: 3306 };
        }
    }
    config.users = vec![crate::config::User {
        name: "limited".into(),
        login: crate::config::Credential::Password(crate::config::Secret::new("x")),
        connections_max: 0,
        backends: Some(vec!["store".into()]),
    }];
    RouteTable::new(&config)
}

const DENIED: &str = "BackendNotAllowed: user \"limited\" may not use backend \"delivery\"";

#[test]
fn a_users_statements_reach_its_backends_only() {
    for dialect in [Postgres, Mysql] {
        for other in [Postgres, Mysql] {
            let routes = limited(&[("store", dialect, true), ("delivery", other, dialect != other)], false);
            for text in ["SELECT 1", "BEGIN", "SET x = 1", "SELECT * FROM orders", "SELECT * FROM items, orders"] {
                assert!(["anywhere", "0"].contains(&sent_for(&routes, dialect, text).as_str()), "{text}");
            }
            for text in [
                "SELECT * FROM agents",
                "INSERT INTO riders VALUES (1)",
                "SELECT * FROM delivery.x",
                "CREATE TABLE agents (id int)",
                "DROP TABLE delivery.orders",
                "TRUNCATE agents",
                "/* handfast: backend=delivery */ SELECT 1",
                "/* handfast: backend=delivery */ SELECT * FROM items",
                "INSERT INTO agents SELECT 1",
            ] {
                assert_eq!(sent_for(&routes, dialect, text), DENIED, "{dialect} {other}: {text}");
            }
            // Its own table of that name, by its own wish.
            assert_eq!(sent_for(&routes, dialect, "/* handfast: backend=store */ SELECT * FROM agents"), "0");
            assert!(sent_for(&routes, dialect, "SELECT * FROM items, agents").starts_with("CrossBackendStatement"));
        }
    }
    let routes = limited(&[("store", Postgres, true), ("delivery", Postgres, false)], false);
    assert_eq!(sent_for(&routes, Postgres, "COPY agents FROM STDIN"), DENIED);
    let routes = limited(&[("store", Mysql, true), ("delivery", Mysql, false)], false);
    assert_eq!(sent_for(&routes, Mysql, "LOAD DATA LOCAL INFILE 'x' INTO TABLE agents"), DENIED);
    assert_eq!(routes.reach("somebody"), None);
}

#[test]
fn a_connection_that_reaches_several_databases_is_no_way_around() {
    let routes = limited(&[("store", Mysql, true), ("delivery", Mysql, false)], true);
    let database = routes.backends[1].database.clone();
    for text in [
        "SELECT * FROM agents".to_owned(),
        "SELECT * FROM items JOIN agents".to_owned(),
        "SELECT * FROM delivery.x".to_owned(),
        format!("SELECT * FROM `{database}`.x"),
        format!("SELECT * FROM items JOIN {}.x", database.to_uppercase()),
        format!("/* handfast: backend=store */ SELECT * FROM {database}.x"),
    ] {
        assert_eq!(sent_for(&routes, Mysql, &text), DENIED, "{text}");
    }
    assert_eq!(sent_for(&routes, Mysql, "SELECT * FROM items JOIN orders"), "0");
    let (reach, store) = (routes.reach("limited").unwrap(), BackendId(0));
    assert!(routes.admit_database(&reach, Mysql, &database, store).is_err());
    assert!(routes.admit_database(&reach, Mysql, "elsewhere", store).is_ok());
}
