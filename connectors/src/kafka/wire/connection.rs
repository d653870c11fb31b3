//! One connection to one broker: a request, then its answer.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take; brokers answer at the latest after 30 seconds unless told otherwise.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(35);
/// How long an answer may be: lists of transactions are the longest.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A connection. After an error it is of no use.
pub(super) struct Connection {
    address: String,
    stream: TcpStream,
    correlation: i32,
}

impl Connection {
    /// Connects to `host:port`.
    pub(super) fn open(address: &str) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name leads nowhere");
        for target in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&target, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
                    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
                    return Ok(Self { address: address.to_owned(), stream, correlation: 0 });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it leads.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and waits for its answer.
    pub(super) fn call<R: Request>(&mut self, request: &R, version: i16) -> io::Result<R::Response> {
        self.correlation = self.correlation.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("millstream")));
        let mut bytes = BytesMut::new();
        bytes.extend_from_slice(&[0; 4]);
        header.encode(&mut bytes, R::header_version(version)).map_err(io::Error::other)?;
        request.encode(&mut bytes, version).map_err(io::Error::other)?;
        let len = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
        bytes[..4].copy_from_slice(&len.to_be_bytes());
        self.stream.write_all(&bytes)?;

        let mut answer = self.receive()?;
        let header =
            ResponseHeader::decode(&mut answer, R::Response::header_version(version)).map_err(io::Error::other)?;
        if header.correlation_id != self.correlation {
            return Err(io::Error::other("the broker answers another request"));
        }
        R::Response::decode(&mut answer, version).map_err(io::Error::other)
    }

    fn receive(&mut self) -> io::Result<Bytes> {
        let mut len = [0; 4];
        self.stream.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > MAX_ANSWER_BYTES {
            return Err(io::Error::other(format!("an answer of {len} bytes: is this a Kafka broker without TLS?")));
        }
        let mut answer = vec![0; len];
        self.stream.read_exact(&mut answer)?;
        Ok(answer.into())
    }
}
