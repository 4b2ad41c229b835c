//! What the client's settings mean for a statement that its own server does not run: how values are printed, which zone
//! it lives in, how its transactions begin. The home backend is asked, since only the server knows what it made of a SET;
//! and only after one was made that matters.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::base::{Fault, FaultKind};
use crate::session::pg::oops::Oops;
use crate::session::pg::{Session, slots};
use crate::session::transaction::Mode;
use crate::sql::translate::SessionFacts;
use crate::sql::{Characteristics, Isolation};
use crate::wire::value::pg::Style;

/// Settings that matter. Others can change nothing of what a foreign statement does or says.
const NAMES: [&str; 10] = [
    "client_encoding",
    "datestyle",
    "intervalstyle",
    "timezone",
    "time zone",
    "bytea_output",
    "extra_float_digits",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "reset all",
];

/// One row, one cell: the settings, each behind a line feed of its own.
const ASK: &str = "SELECT pg_catalog.concat_ws(E'\\n', pg_catalog.current_setting('client_encoding'), \
     pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('IntervalStyle'), \
     pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('bytea_output'), \
     pg_catalog.current_setting('extra_float_digits'), pg_catalog.current_setting('default_transaction_isolation'), \
     pg_catalog.current_setting('default_transaction_read_only'))";

/// The client's settings as they are now.
#[derive(Clone, Debug)]
pub(in crate::session::pg) struct View {
    /// The settings that it was made of.
    serials: Vec<u64>,
    /// How values are printed and read.
    pub style: Style,
    /// What session functions say.
    pub facts: Arc<SessionFacts>,
    /// What a transaction is that says nothing else.
    pub defaults: Characteristics,
}

/// Their values by name, as the server prints them.
struct Values {
    client_encoding: String,
    date_style: String,
    interval_style: String,
    time_zone: String,
    bytea_output: String,
    extra_float_digits: String,
    isolation: String,
    read_only: String,
}

impl Session {
    /// The client's settings. Errors: one of them cannot be honoured on a backend of the other dialect.
    pub(in crate::session::pg) async fn view(&mut self) -> Result<Arc<View>, Oops> {
        let matters = |name: &String| NAMES.contains(&name.as_str());
        let serials: Vec<u64> = self.settings.serials(matters);
        if let Some(view) = self.view.as_ref().filter(|view| view.serials == serials) {
            return Ok(Arc::clone(view));
        }
        let values = if serials.is_empty() { self.values_of_home() } else { self.ask_home().await? };
        let view = Arc::new(View {
            style: style(&values)?,
            facts: Arc::new(SessionFacts {
                user: self.user.clone(),
                database: self.services.config.listen.database.clone(),
                time_zone: values.time_zone.clone(),
                ..SessionFacts::default()
            }),
            defaults: defaults(&values),
            serials,
        });
        self.view = Some(Arc::clone(&view));
        Ok(view)
    }

    /// Nothing was set: what the home backend says to everybody who logs in.
    fn values_of_home(&self) -> Values {
        let parameters =
            self.services.postgres_home.as_ref().map(|home| home.parameters.as_slice()).unwrap_or_default();
        let of = |name: &str, or: &str| {
            let found = parameters.iter().find(|(n, _)| n == name);
            found.map_or_else(|| or.to_owned(), |(_, value)| value.clone())
        };
        Values {
            client_encoding: of("client_encoding", "UTF8"),
            date_style: of("DateStyle", "ISO, MDY"),
            interval_style: of("IntervalStyle", "postgres"),
            time_zone: of("TimeZone", "UTC"),
            bytea_output: String::from("hex"),
            extra_float_digits: String::from("1"),
            isolation: String::from("read committed"),
            read_only: of("default_transaction_read_only", "off"),
        }
    }

    async fn ask_home(&mut self) -> Result<Values, Oops> {
        let home = self.home;
        self.drain(false).await?;
        if self.txn.mode == Mode::Autocommit
            && self.pipeline.executed
            && let Some(current) = self.pipeline.current
        {
            // The question must not commit what the pipeline has done.
            self.make_explicit(current, Mode::Implicit).await?;
        }
        self.prepare_slot(home).await?;
        self.settle(home).await?;
        let conn = self.conn(home)?;
        let asked = conn.value("asking for settings", ASK).await;
        let asides = conn.take_asides();
        self.client.asides(&asides);
        let cell = match asked {
            Ok(cell) => cell.unwrap_or_default(),
            Err(crate::backend::VerbError::Lost { source, .. }) => return Err(self.lost(home, &source)),
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8_lossy(&cell).into_owned();
        let mut lines = text.split('\n').map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        debug_assert!(slots::conn(&mut self.slots, home).is_some(), "it has just answered");
        Ok(Values {
            client_encoding: next(),
            date_style: next(),
            interval_style: next(),
            time_zone: next(),
            bytea_output: next(),
            extra_float_digits: next(),
            isolation: next(),
            read_only: next(),
        })
    }
}

fn cannot(name: &str, value: &str, needed: &str) -> Oops {
    let text = format!("{name} is {value}, and statements for a backend of the other dialect need {needed}");
    Fault::new(FaultKind::NotSupported, text).hint(format!("SET {name} = {needed}.")).into()
}

fn style(values: &Values) -> Result<Style, Oops> {
    // SQL_ASCII, as in a database without a locale, means that nobody converts: a server in UTF-8 then takes and gives UTF-8.
    if !["utf8", "sql_ascii"].iter().any(|name| values.client_encoding.eq_ignore_ascii_case(name)) {
        return Err(cannot("client_encoding", &values.client_encoding, "UTF8"));
    }
    if !values.date_style.starts_with("ISO") {
        return Err(cannot("DateStyle", &values.date_style, "ISO"));
    }
    if values.interval_style != "postgres" {
        return Err(cannot("IntervalStyle", &values.interval_style, "postgres"));
    }
    let zone = values.time_zone.as_str();
    let time_zone = TimeZone::get(zone)
        .or_else(|_| TimeZone::posix(&posix(zone)))
        .map_err(|_| cannot("TimeZone", zone, "a zone that is known here"))?;
    Ok(Style {
        time_zone,
        day_before_month: values.date_style.contains("DMY"),
        bytea_escape: values.bytea_output == "escape",
        extra_float_digits: values.extra_float_digits.parse().unwrap_or(1),
    })
}

/// The server's name for an offset of hours and minutes is `<+05:30>-05:30`; POSIX has no colon between the brackets.
fn posix(zone: &str) -> String {
    match zone.strip_prefix('<').and_then(|behind| behind.split_once('>')) {
        Some((name, offset)) => format!("<{}>{offset}", name.replace(':', "")),
        None => zone.to_owned(),
    }
}

fn defaults(values: &Values) -> Characteristics {
    let isolation = match values.isolation.as_str() {
        "repeatable read" => Isolation::RepeatableRead,
        "serializable" => Isolation::Serializable,
        _ => Isolation::ReadCommitted,
    };
    Characteristics {
        isolation: Some(isolation),
        read_only: Some(values.read_only == "on"),
        ..Characteristics::default()
    }
}
