//! A service that knows the profiles of users 1 to 99. It is busy when it is first asked for a user whose number ends in 5, and
//! never answers for user 13.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::directory::Profile;

const NAMES: [&str; 4] = ["Ada", "Grace", "Edsger", "Barbara"];
const TIERS: [&str; 3] = ["bronze", "silver", "gold"];

/// Where the service is, which is started if it has not been: on a thread of its own, as long as the process runs.
pub(crate) fn authority() -> std::io::Result<&'static str> {
    static AUTHORITY: LazyLock<std::io::Result<String>> = LazyLock::new(start);
    AUTHORITY.as_deref().map_err(|error| std::io::Error::new(error.kind(), error.to_string()))
}

fn start() -> std::io::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let authority = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        runtime.block_on(async {
            match TcpListener::from_std(listener) {
                Ok(listener) => serve(listener).await,
                Err(error) => eprintln!("there is no service: {error}"),
            }
        });
    };
    std::thread::Builder::new().name("profiles".to_owned()).spawn(run)?;
    Ok(authority)
}

async fn serve(listener: TcpListener) {
    let asked = Arc::new(Mutex::new(HashSet::new()));
    while let Ok((stream, _)) = listener.accept().await {
        let asked = Arc::clone(&asked);
        let service = service_fn(move |request: Request<Incoming>| {
            let asked = Arc::clone(&asked);
            async move { Ok::<_, Infallible>(answer(request.uri().path(), &asked).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(path: &str, asked: &Mutex<HashSet<u64>>) -> Response<Full<Bytes>> {
    let user = path.strip_prefix("/users/").and_then(|user| user.parse::<u64>().ok());
    let (status, body) = match user {
        Some(13) => std::future::pending().await,
        Some(user) if user % 10 == 5 && asked.lock().unwrap_or_else(PoisonError::into_inner).insert(user) => {
            (StatusCode::SERVICE_UNAVAILABLE, Vec::new())
        }
        Some(user @ 1..100) => {
            let [name, tier] = [NAMES.as_slice(), &TIERS].map(|words| words[user as usize % words.len()].to_owned());
            (StatusCode::OK, serde_json::to_vec(&Profile { name, tier }).unwrap_or_default())
        }
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}
