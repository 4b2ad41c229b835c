//! The dashboard: static files, embedded. No build step, no request to anywhere else, nothing inline (the content security
//! policy forbids it). The pages read the HTTP interface of `admin`; the token, if one is wanted, is asked for in the page, so
//! the files themselves are served without one: there is no secret in them.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What a page may load: its own files, and the interface they came from. No frame of somebody else's page may hold it.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file of the dashboard.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        Asset { name: $name, media_type: $media_type, text: include_str!($name) }
    };
}

const PAGE: Asset = asset!("index.html", HTML);
const ASSETS: &[Asset] = &[
    asset!("style.css", CSS),
    asset!("icon.svg", SVG),
    asset!("app.js", JS),
    asset!("api.js", JS),
    asset!("dom.js", JS),
    asset!("format.js", JS),
    asset!("plot.js", JS),
    asset!("topology.js", JS),
    asset!("lanes.js", JS),
    asset!("now.js", JS),
    asset!("transactions.js", JS),
    asset!("transaction.js", JS),
    asset!("backends.js", JS),
    asset!("routing.js", JS),
    asset!("lists.js", JS),
    asset!("statements.js", JS),
    asset!("clients.js", JS),
];

/// `/` and `/assets/*`, for the router of `admin`.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| answer(&PAGE, &headers)))
        .route("/assets/{name}", get(async |Path(name): Path<String>, headers: HeaderMap| asset(&name, &headers)))
}

fn asset(name: &str, headers: &HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => answer(asset, headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The file, or "not modified" to who has it from this version. Asked again each time: after an update, old and new files
/// must not mix.
fn answer(asset: &Asset, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}-{:08x}\"", env!("CARGO_PKG_VERSION"), crc32fast::hash(asset.text.as_bytes()));
    let fixed = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let tagged = [(header::ETAG, tag)];
    if known {
        (StatusCode::NOT_MODIFIED, fixed, tagged).into_response()
    } else {
        (fixed, tagged, asset.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT_AND_STYLE_BYTES_MAX: usize = 120_000;

    fn of(media_type: &'static str) -> impl Iterator<Item = &'static Asset> {
        ASSETS.iter().filter(move |asset| asset.media_type == media_type)
    }

    #[test]
    fn scripts_and_styles_fit_their_budget() {
        let bytes: usize = of(JS).chain(of(CSS)).map(|asset| asset.text.len()).sum();
        assert!(bytes < SCRIPT_AND_STYLE_BYTES_MAX, "{bytes} bytes");
    }

    #[test]
    fn every_file_that_a_file_asks_for_is_there_and_nothing_is_asked_of_others() {
        let names: Vec<String> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
        for asset in ASSETS.iter().chain([&PAGE]) {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http:") && !text.contains("https:"), "{} leaves the house", asset.name);
            for wanted in text.split("from \"./").skip(1).chain(text.split("\"/assets/").skip(1)) {
                let wanted: String = wanted.chars().take_while(|&one| one != '"').collect();
                assert!(names.contains(&wanted), "{} wants {wanted}", asset.name);
            }
        }
    }

    #[test]
    fn nothing_is_inline_and_a_file_fits_a_sitting() {
        for asset in ASSETS {
            assert!(asset.text.lines().count() <= 500, "{} is too long", asset.name);
            assert!(!asset.text.contains("innerHTML") && !asset.text.contains("eval("), "{}", asset.name);
        }
        assert!(!PAGE.text.contains("<style") && !PAGE.text.contains(" style=") && !PAGE.text.contains("<script>"));
    }
}
