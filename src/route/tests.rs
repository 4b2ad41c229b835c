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
