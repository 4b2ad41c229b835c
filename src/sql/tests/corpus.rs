//! Every statement that real clients were seen to send, and the hard ones: kind, tables and routes are written down in
//! `tests/corpus/expected.tsv`, one line for each, and were read by eye.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::{BackendId, ClusterName, Dialect};
use crate::config::{
    Address, Admin, Backend, BackendTls, ClientCert, Config, Foreign, Journal, Limits, Listen, ListenTls, Node,
    OtherDatabases, Pool, PoolMode, Reply, Secret, TableRule, Telemetry, TlsMode, Traces, Transactions,
};
use crate::route::{Plan, RouteTable};
use crate::sql::{Analysis, Reading, analyze};

fn no_tls() -> ListenTls {
    ListenTls { mode: TlsMode::Off, cert: None, key: None, client_ca: None, client_cert: ClientCert::Optional }
}

fn no_telemetry() -> Telemetry {
    let traces = Traces { endpoint: None, ca_file: None, sample_ratio: 0.0 };
    Telemetry { log_level: String::new(), log_json: false, statements_max: 1000, traces }
}

/// A configuration with these backends and rules, everything else of no matter.
pub(crate) fn config(backends: &[(&str, Dialect, bool)], tables: &[(&str, u16, Option<&str>)]) -> Config {
    let backend = |&(name, dialect, default): &(&str, Dialect, bool)| Backend {
        name: name.into(),
        dialect,
        address: Address { host: format!("{name}.example"), port: 1 },
        user: "app".into(),
        password: Secret::new(""),
        database: format!("{name}_db"),
        tls: BackendTls::Disable,
        ca_file: None,
        client_cert: None,
        default,
        pool_size: None,
        allow_unsafe_durability: false,
    };
    let second = Duration::from_secs(1);
    Config {
        node: Node { cluster: ClusterName::new("shop").unwrap(), name: None },
        listen: Listen {
            postgres: None,
            mysql: None,
            database: "shop".into(),
            other_databases: OtherDatabases::Refuse,
            tls: no_tls(),
        },
        users: Vec::new(),
        backends: backends.iter().map(backend).collect(),
        tables: tables
            .iter()
            .map(|(pattern, id, rename)| TableRule {
                pattern: (*pattern).into(),
                backend: BackendId(*id),
                rename: rename.map(Into::into),
                line: 1,
            })
            .collect(),
        pool: Pool {
            mode: PoolMode::Session,
            size: 1,
            queue: 1,
            acquire_timeout: second,
            connect_timeout: second,
            idle_timeout: second,
            max_lifetime: second,
        },
        transactions: Transactions {
            prepare_timeout: second,
            commit_wait: second,
            idle_timeout: second,
            participants_max: 16,
            in_doubt_max: 16,
            resolve_interval: second,
            warn_after: second,
            reply: Reply::Committed,
        },
        journal: Journal { path: PathBuf::new(), segment_bytes: 1, keep: second },
        foreign: Foreign { schema_ttl: second },
        limits: Limits {
            clients: 1,
            statement_bytes: 1,
            statement_cache: 1,
            login_timeout: second,
            drain_timeout: second,
            transactions_kept: 10,
        },
        admin: Admin { listen: None, token: None, users: Vec::new() },
        telemetry: no_telemetry(),
        settings: Vec::new(),
    }
}

/// Two backends of one dialect; the second owns these tables.
pub(crate) fn store_and_delivery(dialect: Dialect) -> RouteTable {
    let rules =
        [("agents", 1, None), ("assignments", 1, None), ("items", 0, None), ("auth_group_permissions", 1, None)];
    RouteTable::new(&config(&[("store", dialect, true), ("delivery", dialect, false)], &rules))
}

pub(crate) fn statements() -> Vec<(Dialect, String)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/");
    let mut out = Vec::new();
    for file in ["real-clients.tsv", "hard.tsv"] {
        let text = std::fs::read_to_string(format!("{dir}{file}")).unwrap();
        for line in text.lines().skip(1) {
            let (dialect, statement) = line.split_once('\t').unwrap_or((line, ""));
            let dialect = if dialect == "my" { Dialect::Mysql } else { Dialect::Postgres };
            out.push((dialect, statement.to_owned()));
        }
    }
    out
}

fn show_plan(plan: &Plan) -> String {
    match plan {
        Plan::Anywhere => "anywhere".into(),
        Plan::One { backend: BackendId(0), edits } if edits.is_empty() => "store".into(),
        Plan::One { backend: BackendId(1), edits } if edits.is_empty() => "delivery".into(),
        Plan::One { backend, edits } => format!("{} edits={edits:?}", backend.0),
        Plan::Foreign { backend, .. } => format!("{} foreign", backend.0),
        Plan::Refuse(fault) => {
            assert!(fault.hint.is_some(), "refused without a hint: {fault}");
            "refused".into()
        }
    }
}

/// One line for each statement of an analysis.
pub(crate) fn show(dialect: Dialect, text: &str, analysis: &Analysis, routes: &RouteTable) -> String {
    let mut out = String::new();
    for statement in &analysis.statements {
        let plan = show_plan(&routes.plan(dialect, text.as_bytes(), statement));
        let tables: Vec<&str> = statement.tables.iter().map(|t| &text[t.span.clone()]).collect();
        let tables = if statement.parsed { tables.join(",") } else { "?".into() };
        let kind = format!("{:?}", statement.kind)
            .replace("{ isolation: None, read_only: None, deferrable: None, consistent_snapshot: false }", "{}");
        let pin = if statement.leaves_state { " pins" } else { "" };
        let cannot = statement.unpreparable.map(|u| format!(" {u:?}")).unwrap_or_default();
        let sep = if out.is_empty() { "" } else { " ; " };
        write!(out, "{sep}{kind} | {:?}{pin}{cannot} | {tables} | {plan}", statement.access).unwrap();
    }
    out
}

#[test]
fn every_real_statement_is_read_as_written_down() {
    let mut lines = Vec::new();
    for (dialect, text) in statements() {
        let reading = Reading { mariadb: dialect == Dialect::Mysql, ..Reading::new(dialect) };
        let analysis = analyze(reading, text.as_bytes());
        let start: String = text.chars().take(60).collect();
        lines.push(format!("{}\t{start}", show(dialect, &text, &analysis, &store_and_delivery(dialect))));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/expected.tsv");
    if std::env::var_os("HANDFAST_WRITE_EXPECTED").is_some() {
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap();
    for (line, (expected, read)) in expected.lines().zip(&lines).enumerate() {
        assert_eq!(read, expected, "line {}", line + 1);
    }
    assert_eq!(expected.lines().count(), lines.len());
}

#[test]
fn with_everything_at_home_no_real_statement_is_refused() {
    for (dialect, text) in statements() {
        let analysis = analyze(Reading::new(dialect), text.as_bytes());
        let routes = RouteTable::new(&config(&[("store", dialect, true)], &[]));
        for statement in &analysis.statements {
            let plan = routes.plan(dialect, text.as_bytes(), statement);
            assert!(
                matches!(&plan, Plan::Anywhere) || matches!(&plan, Plan::One { edits, .. } if edits.is_empty()),
                "{text}: {plan:?}"
            );
        }
    }
}

/// The parser crate as an oracle: where it reads a statement, every relation it names is one of ours, or a CTE.
#[test]
fn no_table_that_the_parser_crate_finds_is_missed() {
    use sqlparser::ast::{Query, Visit, Visitor};
    use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, PostgreSqlDialect};

    #[derive(Default)]
    struct Names {
        relations: Vec<String>,
        ctes: Vec<String>,
    }
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> std::ops::ControlFlow<()> {
            let tables = query.with.iter().flat_map(|w| &w.cte_tables);
            self.ctes.extend(tables.map(|c| c.alias.name.value.to_lowercase()));
            std::ops::ControlFlow::Continue(())
        }
        fn pre_visit_relation(&mut self, name: &sqlparser::ast::ObjectName) -> std::ops::ControlFlow<()> {
            let last = name.0.last().and_then(|p| p.as_ident());
            self.relations.extend(last.map(|i| i.value.to_lowercase()));
            std::ops::ControlFlow::Continue(())
        }
    }
    let (mut compared, mut missed) = (0, Vec::new());
    for (dialect, text) in statements() {
        let grammar: &dyn Grammar = if dialect == Dialect::Mysql { &MySqlDialect {} } else { &PostgreSqlDialect {} };
        let Ok(parsed) = sqlparser::parser::Parser::parse_sql(grammar, &text) else { continue };
        let mut names = Names::default();
        assert!(parsed.visit(&mut names).is_continue());
        let reading = Reading { mariadb: dialect == Dialect::Mysql, ..Reading::new(dialect) };
        let ours = analyze(reading, text.as_bytes());
        let ours: Vec<String> = ours.statements.iter().flat_map(|s| &s.tables).map(|t| t.name.to_lowercase()).collect();
        for relation in names.relations {
            // Table functions, and the database of SHOW TABLES, are relations to the parser.
            let called = text.to_lowercase().contains(&format!("{relation}("));
            let called = called || text.starts_with("SHOW FULL TABLES FROM");
            if !(ours.contains(&relation) || names.ctes.contains(&relation) || called) {
                missed.push(format!("{relation} in {text}"));
            }
            compared += 1;
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(compared > 400, "{compared}");
}
