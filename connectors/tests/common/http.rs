//! A server that answers as a test wants it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) what: String,
    /// The headers, as they came, in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// A status, and a body.
pub(crate) type Answer = (u16, String);

/// Answers one request after another, for as long as the process runs.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(mut answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let request = read(&connection);
                let (status, body) = answer(&request);
                seen.lock().unwrap().push(request);
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                connection.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Self { url, requests }
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap()
    }
}

fn read(connection: &TcpStream) -> Request {
    let mut lines = BufReader::new(connection.try_clone().unwrap());
    let mut line = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let what = line().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let header = line().to_lowercase();
        if header.is_empty() {
            break;
        }
        headers.push(header);
    }
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    lines.read_exact(&mut body).unwrap();
    Request { what, headers, body: String::from_utf8(body).unwrap() }
}

/// A URL at which nobody listens.
pub(crate) fn nowhere() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}
