//! A raw-socket client: PROXY v2 header with the client's address, the exact bytes of a request, and a reader of the
//! response. One connection serves several requests of the same client.

use crate::request::{Bytes, Request};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than any response here; a longer one is cut off.
const LONGEST: usize = 4 * 1024 * 1024;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(Bytes, Bytes)>,
    pub body: Bytes,
}

impl Answer {
    /// The first header of this name, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The request's id in varnishd's log: the first number of X-Varnish. A response that no VCL made has none.
    pub fn xid(&self) -> Option<u64> {
        self.header("x-varnish")?.split_whitespace().next()?.parse().ok()
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Answer(Answer),
    /// Closed without a response.
    Closed,
    TimedOut,
}

/// One client; not shared between threads.
#[derive(Debug)]
pub struct Client {
    server: SocketAddr,
    open: Option<(IpAddr, TcpStream)>,
}

impl Client {
    pub fn new(server: SocketAddr) -> Client {
        Client { server, open: None }
    }

    /// Sends one request and reads its response. `Err` only when varnishd cannot be reached.
    pub fn send(&mut self, request: &Request) -> std::io::Result<Reply> {
        let wire = request.to_wire();
        let head = request.method == b"HEAD";
        if let Some((address, stream)) = self.open.take()
            && address == request.client_ip
            && request.raw.is_none()
            // An idle connection may have been closed in between; then nothing of this request was judged.
            && let Ok((reply, keep)) = exchange(&stream, &wire, head)
            && reply != Reply::Closed
        {
            self.open = keep.then_some((address, stream));
            return Ok(reply);
        }
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut bytes = proxy_header(request.client_ip);
        bytes.extend_from_slice(&wire);
        let raw = request.raw.is_some();
        let (reply, keep) = if raw { exchange_last(&stream, &bytes, head) } else { exchange(&stream, &bytes, head) }
            .unwrap_or((Reply::Closed, false));
        self.open = (keep && !raw).then_some((request.client_ip, stream));
        Ok(reply)
    }
}

/// PROXY protocol version 2: the client's address, port 40000; ours is the loopback's.
fn proxy_header(client: IpAddr) -> Bytes {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match client {
        IpAddr::V4(address) => {
            header.extend_from_slice(&[0x11, 0, 12]);
            header.extend_from_slice(&address.octets());
            header.extend_from_slice(&[127, 0, 0, 1]);
        }
        IpAddr::V6(address) => {
            header.extend_from_slice(&[0x21, 0, 36]);
            header.extend_from_slice(&address.octets());
            header.extend_from_slice(&std::net::Ipv6Addr::LOCALHOST.octets());
        }
    }
    header.extend_from_slice(&40000u16.to_be_bytes());
    header.extend_from_slice(&80u16.to_be_bytes());
    header
}

/// The last exchange of a connection: our side is closed, so that an incomplete message ends.
fn exchange_last(stream: &TcpStream, wire: &[u8], head: bool) -> std::io::Result<(Reply, bool)> {
    let sent = (&mut &*stream).write_all(wire);
    let _ = stream.shutdown(Shutdown::Write);
    read_reply(stream, head).or_else(|error| if sent.is_err() { Ok((Reply::Closed, false)) } else { Err(error) })
}

fn exchange(mut stream: &TcpStream, wire: &[u8], head: bool) -> std::io::Result<(Reply, bool)> {
    // A refusal may come, and the connection go, while we still write.
    let sent = stream.write_all(wire);
    let (reply, keep) = read_reply(stream, head)?;
    Ok((reply, keep && sent.is_ok()))
}

/// The response, and whether the connection can be used again.
fn read_reply(mut stream: &TcpStream, head: bool) -> std::io::Result<(Reply, bool)> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        let end = loop {
            if let Some(at) = memchr::memmem::find(&buffer, b"\r\n\r\n") {
                break at + 4;
            }
            match fill(&mut stream, &mut buffer)? {
                Filled::More => {}
                Filled::End => return Ok((Reply::Closed, false)),
                Filled::Late => return Ok((Reply::TimedOut, false)),
            }
        };
        let (status, headers) = parse_head(&buffer[..end]);
        buffer.drain(..end);
        if (100..200).contains(&status) {
            continue;
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let mut keep = !answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let chunked = answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length: Option<usize> = answer.header("content-length").and_then(|length| length.parse().ok());
        let enough = |buffer: &[u8]| {
            if head || status == 204 || status == 304 {
                true
            } else if chunked {
                buffer.ends_with(b"0\r\n\r\n")
            } else {
                length.is_some_and(|length| buffer.len() >= length)
            }
        };
        while !enough(&buffer) && buffer.len() < LONGEST {
            match fill(&mut stream, &mut buffer)? {
                Filled::More => {}
                Filled::End => {
                    keep = false;
                    break;
                }
                Filled::Late => return Ok((Reply::TimedOut, false)),
            }
        }
        // A bare error line of varnishd's own has neither headers nor an id, and the connection goes.
        keep &= buffer.len() < LONGEST && !answer.headers.is_empty();
        if let Some(length) = length.filter(|length| *length < buffer.len()) {
            // The answer to what followed on the connection.
            buffer.truncate(length);
            keep = false;
        }
        answer.body = buffer;
        return Ok((Reply::Answer(answer), keep));
    }
}

enum Filled {
    More,
    End,
    Late,
}

fn fill(stream: &mut &TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Filled> {
    let mut chunk = [0; 8192];
    match stream.read(&mut chunk) {
        Ok(0) => Ok(Filled::End),
        Ok(length) => {
            buffer.extend_from_slice(&chunk[..length]);
            Ok(Filled::More)
        }
        Err(error) => {
            let kind = error.kind();
            if kind == ErrorKind::Interrupted {
                Ok(Filled::More)
            } else if matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut) {
                Ok(Filled::Late)
            } else if matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
            {
                Ok(Filled::End)
            } else {
                Err(error)
            }
        }
    }
}

fn parse_head(head: &[u8]) -> (u16, Vec<(Bytes, Bytes)>) {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status = lines
        .next()
        .and_then(|line| std::str::from_utf8(line.get(9..12)?).ok())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0);
    let headers = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((line[..colon].to_vec(), line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    (status, headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_headers() {
        assert_eq!(proxy_header("192.0.2.1".parse().unwrap()).len(), 28);
        assert_eq!(proxy_header("::1".parse().unwrap()).len(), 52);
    }

    #[test]
    fn heads() {
        let (status, headers) = parse_head(b"HTTP/1.1 403 Forbidden\r\nX-Varnish: 5 3\r\nA:\r\n\r\n");
        let answer = Answer { status, headers, body: Vec::new() };
        assert_eq!((answer.status, answer.xid(), answer.header("a").as_deref()), (403, Some(5), Some("")));
    }
}
