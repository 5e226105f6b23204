//! The origin behind the varnishd under test: answers every request with what was set last, and can keep what it
//! received (for tests of tags, strips and spoofed headers).

use super::EngineError;
use crate::request::{Bytes, Response};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request as the origin saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub method: String,
    pub target: Bytes,
    pub headers: Vec<(String, Bytes)>,
    pub body: Bytes,
}

impl Received {
    /// Every value of a header.
    pub fn header_values(&self, name: &str) -> Vec<String> {
        let same = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        same.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }
}

#[derive(Debug, Default)]
struct State {
    response: Response,
    /// Keep what is received.
    keep: bool,
    received: Vec<Received>,
    count: u64,
    /// How many of the next requests get no answer.
    failures: u64,
}

/// A running origin; stopped when dropped.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopping: Arc<AtomicBool>,
}

impl Origin {
    pub fn start() -> Result<Origin, EngineError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(EngineError::io("listening for the origin"))?;
        let address = listener.local_addr().map_err(EngineError::io("listening for the origin"))?;
        let state = Arc::new(Mutex::new(State::default()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (shared, stop) = (Arc::clone(&state), Arc::clone(&stopping));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(stream) = stream {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || serve(&stream, &shared));
                }
            }
        });
        Ok(Origin { address, state, stopping })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the next requests are answered with.
    pub fn respond(&self, response: &Response) {
        let mut state = lock(&self.state);
        if state.response != *response {
            state.response = response.clone();
        }
    }

    /// Closes the connection instead of an answer, for the next requests that come.
    pub fn fail_next(&self, requests: u64) {
        lock(&self.state).failures = requests;
    }

    /// Starts keeping what is received, from nothing.
    pub fn keep_received(&self) {
        let mut state = lock(&self.state);
        state.keep = true;
        state.received.clear();
    }

    /// What was received since, once.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.state).received)
    }

    /// How many requests were answered.
    pub fn count(&self) -> u64 {
        lock(&self.state).count
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes `incoming`.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(received) = read_request(&mut reader) {
        let head = received.method == "HEAD";
        let response = {
            let mut state = lock(state);
            if let Some(left) = state.failures.checked_sub(1) {
                state.failures = left;
                return;
            }
            state.count += 1;
            if state.keep {
                state.received.push(received);
            }
            state.response.clone()
        };
        if writer.write_all(&response_bytes(&response, head)).is_err() {
            return;
        }
    }
}

fn response_bytes(response: &Response, head: bool) -> Bytes {
    let body: &[u8] = if response.status == 204 || response.status == 304 { b"" } else { b"origin\n" };
    let mut bytes = format!("HTTP/1.1 {} Origin\r\nCache-Control: no-store\r\n", response.status).into_bytes();
    if response.status != 204 {
        bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    for (name, value) in &response.headers {
        let ours = ["content-length", "transfer-encoding", "connection", "cache-control"];
        if !ours.iter().any(|header| name.eq_ignore_ascii_case(header.as_bytes())) {
            for part in [&name[..], b": ", value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    if !head {
        bytes.extend_from_slice(body);
    }
    bytes
}

/// One request of varnishd, which frames correctly; `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> Option<Received> {
    let mut received = Received::default();
    let line = read_line(reader)?;
    let mut words = line.split(|byte| *byte == b' ');
    received.method = String::from_utf8_lossy(words.next()?).into_owned();
    received.target = words.next()?.to_vec();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        received.headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    let value = |name: &str| received.header_values(name).pop();
    if value("transfer-encoding").is_some() {
        loop {
            let line = read_line(reader)?;
            let size = u64::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            reader.take(size).read_to_end(&mut received.body).ok()?;
            read_line(reader)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = value("content-length") {
        let length: u64 = length.parse().ok()?;
        reader.take(length).read_to_end(&mut received.body).ok()?;
    }
    Some(received)
}

fn read_line(reader: &mut impl BufRead) -> Option<Bytes> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    line.pop().filter(|byte| *byte == b'\n')?;
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Some(line)
}
