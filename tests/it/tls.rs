//! TLS on both legs: direct and negotiated, logins bound to it, certificates of clients and towards backends.

use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;
use std::sync::Arc;

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Handfast, Server};
use postgres_protocol::authentication::sasl::ChannelBinding;

use crate::bed::{Stand, bed, binary, on, skip};
use crate::certs::{certs, client, end_point, listen_tls};
use crate::raw_pg::{Raw, SSL_REQUEST, column, field, startup, states, tcp, tls};

const ME: [(&str, &str); 2] = [("user", "app"), ("database", "shop")];

/// Runs a story over a shop whose Handfast speaks TLS, with more of `[listen.tls]`.
fn over_tls<F: Future<Output = ()>>(name: &'static str, more: &'static str, story: impl FnOnce(u16) -> F) {
    on(Engine::Postgres, name, |engine| async move {
        if certs().is_none() {
            return skip(&format!("{name}: no openssl here"));
        }
        let stand = Stand::cold(engine).await;
        let handfast = Handfast::with_config(binary(), &stand.shop, &stand.shop.config_with(&listen_tls(more)));
        let handfast = handfast.unwrap();
        handfast.start().unwrap();
        let port = handfast.port(Dialect::Postgres);
        story(port).await;
        assert!(handfast.is_running());
    });
}

/// A client over TLS from the first byte.
fn direct(port: u16, protocols: &[&str], shows: Option<&str>) -> std::io::Result<Raw> {
    let mut raw = Raw::over(tls(tcp(port), &client(protocols, shows))?);
    raw.wire.write_all(&startup(0x0003_0000, &ME))?;
    Ok(raw)
}

/// A client that asks for TLS first.
fn negotiated(port: u16, protocols: &[&str], shows: Option<&str>) -> std::io::Result<Raw> {
    let mut stream = tcp(port);
    stream.write_all(&SSL_REQUEST)?;
    let mut said = [0];
    stream.read_exact(&mut said)?;
    assert_eq!(said, *b"S");
    let mut raw = Raw::over(tls(stream, &client(protocols, shows))?);
    raw.wire.write_all(&startup(0x0003_0000, &ME))?;
    Ok(raw)
}

#[test]
fn direct_tls_is_for_those_who_name_the_protocol() {
    over_tls("direct_tls", "", |port| async move {
        let mut raw = direct(port, &["postgresql"], None).unwrap();
        raw.log_in().unwrap();
        assert_eq!(column(&raw.query(b"select 1")), ["1"]);
        // Whoever is not sure to speak our protocol gets no word of it, not even an error.
        for protocols in [&[][..], &["http/1.1"]] {
            let ended = direct(port, protocols, None).and_then(|mut raw| raw.frame());
            assert!(ended.is_err(), "{protocols:?}");
        }
        // After an SSLRequest the name may be left out, as it was for twenty years; a wrong one is refused.
        negotiated(port, &[], None).unwrap().log_in().unwrap();
        negotiated(port, &["postgresql"], None).unwrap().log_in().unwrap();
        assert!(negotiated(port, &["http/1.1"], None).and_then(|mut raw| raw.frame()).is_err());
        // TLS within TLS is none.
        let mut raw = Raw::over(tls(tcp(port), &client(&["postgresql"], None)).unwrap());
        raw.wire.write_all(&SSL_REQUEST).unwrap();
        assert_eq!(states(&raw.until(b"E")), ["0A000"]);
    });
}

#[test]
fn plaintext_before_the_handshake_never_becomes_the_clients_word() {
    over_tls("plaintext_before_the_handshake", "", |port| async move {
        let injected = startup(0x0003_0000, &ME);
        let mut stream = tcp(port);
        stream.write_all(&[&SSL_REQUEST[..], &injected].concat()).unwrap();
        let mut said = Vec::new();
        let end = stream.read_to_end(&mut said);
        assert!(end.is_err() || said.is_empty(), "{said:?}");
    });
}

#[test]
fn a_login_is_bound_to_its_tls_connection() {
    over_tls("a_login_is_bound", "", |port| async move {
        let offered = negotiated(port, &[], None).unwrap().frame().unwrap();
        assert_eq!(offered.1[4..], *b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let ends = |mechanism: &str, binding: ChannelBinding, password: &str| {
            let mut raw = negotiated(port, &[], None).unwrap();
            let (tag, body) = raw.try_scram(mechanism, binding, password).unwrap();
            if tag == b'E' { field(&body, b'C').unwrap() } else { char::from(tag).to_string() }
        };
        let bound = || ChannelBinding::tls_server_end_point(end_point());
        assert_eq!(ends("SCRAM-SHA-256-PLUS", bound(), "app"), "R");
        assert_eq!(ends("SCRAM-SHA-256-PLUS", bound(), "wrong"), "28P01");
        let others = ChannelBinding::tls_server_end_point(vec![7; 32]);
        assert_eq!(ends("SCRAM-SHA-256-PLUS", others, "app"), "28000", "a relayed login");
        assert_eq!(ends("SCRAM-SHA-256", ChannelBinding::unsupported(), "app"), "R", "who cannot need not");
        assert_eq!(ends("SCRAM-SHA-256", ChannelBinding::unrequested(), "app"), "28000", "our offer was taken away");
        assert_eq!(ends("SCRAM-SHA-256", bound(), "app"), "08P01");
        assert_eq!(ends("SCRAM-SHA-256-PLUS", ChannelBinding::unsupported(), "app"), "08P01");
        // Without TLS there is nothing to bind to.
        let mut plain = Raw::over(tcp(port));
        plain.wire.write_all(&startup(0x0003_0000, &ME)).unwrap();
        assert_eq!(plain.frame().unwrap().1[4..], *b"SCRAM-SHA-256\0\0");
    });
}

#[test]
fn a_cancel_comes_over_tls_too() {
    over_tls("a_cancel_comes_over_tls", "", |port| async move {
        let mut raw = negotiated(port, &[], None).unwrap();
        raw.log_in().unwrap();
        let key = raw.greeting.iter().find(|(tag, _)| *tag == b'K').unwrap().1.clone();
        raw.send(b'Q', b"select pg_sleep(20)\0").unwrap();
        let heard = std::thread::spawn(move || raw.until(b"Z"));
        let packet = [&[0, 0, 0, 16][..], &80_877_102_i32.to_be_bytes(), &key].concat();
        while !heard.is_finished() {
            let mut other = tls(tcp(port), &client(&["postgresql"], None)).unwrap();
            other.write_all(&packet).unwrap();
            other.read_to_end(&mut Vec::new()).unwrap_or_default();
        }
        assert_eq!(states(&heard.join().unwrap()), ["57014"]);
    });
}

#[test]
fn psql_verifies_us_and_binds_its_login() {
    over_tls("psql_verifies_us", "", |port| async move {
        if Command::new("psql").arg("--version").output().is_err() {
            return skip("psql verifies us: it is not installed");
        }
        let ca = certs().unwrap().join("ca.crt");
        let psql = |options: &str| {
            let url = format!("host=localhost hostaddr=127.0.0.1 port={port} user=app dbname=shop {options}");
            let output =
                Command::new("psql").args(["-AtXc", "select 1", &url]).env("PGPASSWORD", "app").output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        };
        for options in [
            "sslmode=disable",
            "sslmode=require",
            "sslmode=require channel_binding=require",
            &format!("sslmode=verify-full sslrootcert={} channel_binding=require", ca.display()),
        ] {
            assert_eq!(psql(options), "1\n", "{options}");
        }
        let stranger = certs().unwrap().join("self.crt");
        let distrust = psql(&format!("sslmode=verify-full sslrootcert={}", stranger.display()));
        assert!(distrust.contains("certificate verify failed"), "{distrust}");
    });
}

#[test]
fn a_client_shows_the_certificate_that_is_demanded() {
    for (how, mallory_gets_in) in [("require", true), ("verify-full", false)] {
        let more: &'static str = Box::leak(
            match certs() {
                Some(folder) => format!("client_ca = \"{}/ca.crt\"\nclient_cert = \"{how}\"", folder.display()),
                None => String::new(),
            }
            .into_boxed_str(),
        );
        over_tls("a_client_shows_the_certificate", more, |port| async move {
            let login = |shows: Option<&str>| negotiated(port, &[], shows).and_then(|mut raw| raw.log_in());
            login(Some("app")).unwrap();
            let none = login(None).unwrap_err().to_string();
            assert!(none.contains("requires a valid client certificate"), "{none}");
            assert_eq!(login(Some("mallory")).is_ok(), mallory_gets_in, "{how}");
            assert!(login(Some("self")).is_err(), "signed by nobody that we know");
            assert!(direct(port, &["postgresql"], Some("app")).unwrap().log_in().is_ok());
            // Without TLS nothing can be shown.
            let plain = Raw::connect(port, "shop").err().unwrap().to_string();
            assert!(plain.contains("encrypted connections only"), "{plain}");
        });
    }
}

#[test]
fn backends_are_verified_bound_to_and_shown_our_certificate() {
    on(Engine::Postgres, "backends_over_tls", |engine| async move {
        let Some(folder) = certs() else { return skip("backends over TLS: no openssl here") };
        // The server reads its key only if it is its own.
        let owner = std::fs::metadata(bed().folder()).unwrap();
        let file = |name: &str| bed().folder().join(name);
        for (from, to) in
            [("server.key", "tls-backend.key"), ("server.crt", "tls-backend.crt"), ("ca.crt", "tls-ca.crt")]
        {
            std::fs::copy(folder.join(from), file(to)).unwrap();
            std::fs::set_permissions(file(to), std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(file(to), Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let access = file("tls-backend.hba");
        std::fs::write(&access, "host all all 127.0.0.1/32 scram-sha-256\n").unwrap();
        let own = |key: &str, name: &str| format!("{key}={}", file(name).display());
        let settings = [
            String::from("ssl=on"),
            own("ssl_cert_file", "tls-backend.crt"),
            own("ssl_key_file", "tls-backend.key"),
            own("ssl_ca_file", "tls-ca.crt"),
            own("hba_file", "tls-backend.hba"),
        ];
        let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["-c", setting.as_str()]).collect();
        let server = Arc::new(Server::start_with(bed(), engine, "tls-backend", &arguments).unwrap());
        let stand = Stand::over(&server, &server).await;
        // From now on the application's role must come by TLS, with a certificate in its own name.
        let strict = "hostssl all app 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n\
                      host all handfast 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(&access, strict).unwrap();
        stand.on_delivery("SELECT pg_reload_conf()").await;
        let folder = folder.display();
        let keys = |name: &str| {
            format!(
                "?sslmode=verify-full\"\ntls_ca_file = \"{folder}/ca.crt\"\ntls_cert_file = \"{folder}/{name}.crt\"\n\
                 tls_key_file = \"{folder}/{name}.key"
            )
        };
        let config = stand.shop.config();
        let handfast = |name: &str| {
            let text = config.replace("?sslmode=disable", &keys(name)).replace("@127.0.0.1", "@localhost");
            Handfast::with_config(binary(), &stand.shop, &text).unwrap()
        };
        let good = handfast("app");
        good.start().unwrap();
        let mut raw = Raw::connect(good.port(Dialect::Postgres), "shop").unwrap();
        let sql = b"select s.ssl::text || s.client_dn from pg_stat_ssl s where pid = pg_backend_pid()";
        assert_eq!(column(&raw.query(sql)), ["true/CN=app"]);
        // Both databases, one COMMIT, and recovery's own connections: all of it over TLS.
        let steps = ["begin", "update counters set n = n + 1", "update tallies set n = n + 1", "commit"];
        for sql in steps {
            assert_eq!(states(&raw.query(sql.as_bytes())), [""; 0], "{sql}");
        }
        drop(good);
        // Another's certificate is not ours.
        let bad = handfast("mallory");
        bad.launch(None).unwrap();
        let refused = || bad.log_text().contains("authentication failed for user");
        crate::bed::until("the server refuses us", crate::bed::SETTLE_MAX, || async { refused() }).await;
    });
}

#[test]
fn mysql_clients_show_the_certificate_that_is_demanded() {
    on(Engine::Mariadb, "mysql_clients_show_the_certificate", |engine| async move {
        let Some(folder) = certs() else { return skip("MySQL clients' certificates: no openssl here") };
        if Command::new("mariadb").arg("--version").output().is_err() {
            return skip("MySQL clients' certificates: mariadb is not installed");
        }
        let stand = Stand::cold(engine).await;
        let more = listen_tls(&format!("client_ca = \"{}/ca.crt\"\nclient_cert = \"verify-full\"", folder.display()));
        let handfast = Handfast::with_config(binary(), &stand.shop, &stand.shop.config_with(&more)).unwrap();
        handfast.start().unwrap();
        let port = handfast.port(Dialect::Mysql);
        let login = |options: &[&str]| {
            let mut mariadb = Command::new("mariadb");
            mariadb.args(["--no-defaults", "-h127.0.0.1", "-uapp", "-papp", "-BN", "-eselect 1", "shop"]);
            let output = mariadb.arg(format!("-P{port}")).args(options).current_dir(folder).output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        };
        let shows = |name: &str| {
            login(&["--ssl-ca=ca.crt", &format!("--ssl-cert={name}.crt"), &format!("--ssl-key={name}.key")])
        };
        assert_eq!(shows("app"), "1\n");
        // As servers answer who shows none, or somebody else's, where the account demands one.
        for refused in [shows("mallory"), login(&["--ssl"]), login(&["--skip-ssl"])] {
            assert!(refused.contains("ERROR 1045 (28000)"), "{refused}");
        }
    });
}
