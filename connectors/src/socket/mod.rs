//! Sockets: lines that come over TCP from another program, and lines sent to one. For trying things out: neither side
//! remembers what it has sent, so what is on its way when something fails is lost.

mod reader;
mod sink;
mod source;

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

pub use reader::SocketReader;
pub use sink::{SocketSink, SocketWriter};
pub use source::{SocketEnumerator, SocketEnumeratorState, SocketSource, SocketSplit};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects to `host:port`, at any of the addresses that the name has.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
