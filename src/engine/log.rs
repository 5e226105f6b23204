//! What the built VCL logged about each request: varnishlog, streamed, joined on the request's id.
//!
//! The record, one per request with anything to tell:
//! `PREFIX:v1|ACTION|BY|STATUS|CLIENT|ids=a,b` and, for ids that found no room in it, `PREFIX+:v1|XID|ids=c,d`.

use super::EngineError;
use super::process::Process;
use super::varnishd::PACKAGES;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A parsed record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRecord {
    /// none, block, throttle, redirect or allow.
    pub action: String,
    pub by: Option<String>,
    pub status: u16,
    pub client: String,
    /// Matched ids in order; a limit that was only recorded is one of them.
    pub ids: Vec<String>,
}

/// Reads the records of one request, as they stand in the log. Continuations may come before the first; what rates at the
/// origin found is in a record of its own, whose ids are added and whose action, if there is one, is the request's.
pub fn parse_record(prefix: &str, lines: &[String]) -> Result<Option<LogRecord>, String> {
    let mut record: Option<LogRecord> = None;
    let mut more = Vec::new();
    for line in lines {
        let rest = line.strip_prefix(prefix).unwrap_or(line);
        let malformed = || format!("not a record: {line}");
        if let Some(fields) = rest.strip_prefix(":v1|") {
            let fields: Vec<&str> = fields.split('|').collect();
            let [action, by, status, client, ids] = fields[..] else { return Err(malformed()) };
            let status = status.parse().map_err(|_| malformed())?;
            let ids = ids.strip_prefix("ids=").ok_or_else(malformed)?;
            let mut found = LogRecord {
                action: action.to_owned(),
                by: (by != "-").then(|| by.to_owned()),
                status,
                client: client.to_owned(),
                ids: split_ids(ids),
            };
            if let Some(mut earlier) = record.take() {
                if earlier.action != "none" {
                    return Err(format!("a second record after the request was answered: {line}"));
                }
                if let Some(again) = found.ids.iter().find(|id| earlier.ids.contains(id)) {
                    return Err(format!("`{again}` is told twice: {line}"));
                }
                earlier.ids.append(&mut found.ids);
                found.ids = earlier.ids;
            }
            record = Some(found);
        } else if let Some(fields) = rest.strip_prefix("+:v1|") {
            more.extend(split_ids(fields.split_once("|ids=").ok_or_else(malformed)?.1));
        } else {
            return Err(malformed());
        }
    }
    match &mut record {
        Some(record) => record.ids.extend(more),
        None if more.is_empty() => {}
        None => return Err(format!("ids without a record: {}", more.join(","))),
    }
    Ok(record)
}

fn split_ids(ids: &str) -> Vec<String> {
    ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// What varnishd wrote in its log about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Of the built VCL, whose form `parse_record` reads.
    pub lines: Vec<String>,
    /// Why the VCL failed, where it did: whatever became of the request then, its verdict is not that of the signatures.
    pub failure: Option<String>,
    /// Why the origin's answer could not be had, where varnishd tried and failed.
    pub fetch_error: Option<String>,
}

#[derive(Debug, Default)]
struct Transaction {
    lines: Vec<String>,
    failed: bool,
    error: Option<String>,
    /// The transaction that this one restarts.
    restarts: Option<u64>,
    /// The request for which this one asks the origin.
    fetches_for: Option<u64>,
    fetch_error: Option<String>,
    ended: bool,
}

#[derive(Debug, Default)]
struct Shared {
    transactions: HashMap<u64, Transaction>,
    failed: Option<String>,
}

/// varnishlog, running.
#[derive(Debug)]
pub struct Log {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    _process: Process,
}

/// Starts varnishlog, and ends it when our pipe does: by itself it would wait for a new varnishd for ever.
const WATCHED: &str = "varnishlog \"$@\" & log=$!; cat >/dev/null; kill $log; wait";

impl Log {
    /// Follows the log of the varnishd with this `-n`.
    pub fn follow(name: &Path, prefix: &str) -> Result<Log, EngineError> {
        if Command::new("varnishlog").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Err(EngineError::NotInstalled { program: "varnishlog".to_owned(), packages: PACKAGES });
        }
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh", "-n"]).arg(name);
        command
            .args([
                "-g",
                "raw",
                "-i",
                "End",
                "-i",
                "VCL_Error",
                "-i",
                "FetchError",
                "-I",
                "VCL_return:^fail",
                "-I",
                "Begin:(restart|bereq)",
                "-I",
            ])
            .arg(format!("VCL_Log:^{prefix}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(command, PACKAGES)?;
        let shared = Arc::new((Mutex::new(Shared::default()), Condvar::new()));
        if let Some(stdout) = process.child.stdout.take() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || read_records(stdout, &shared));
        }
        if let Some(mut stderr) = process.child.stderr.take() {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = stderr.read_to_string(&mut text);
                if !text.trim().is_empty() {
                    lock(&shared.0).failed = Some(text);
                    shared.1.notify_all();
                }
            });
        }
        Ok(Log { shared, _process: process })
    }

    /// What a request logged, once its transaction has ended.
    pub fn take(&self, xid: u64) -> Result<Entries, EngineError> {
        self.take_within(xid, Duration::from_secs(20))?
            .ok_or_else(|| EngineError::Log(format!("transaction {xid} never ended")))
    }

    /// The same, `None` when it does not end in time.
    pub fn take_within(&self, xid: u64, patience: Duration) -> Result<Option<Entries>, EngineError> {
        let deadline = Instant::now() + patience;
        let mut shared = lock(&self.shared.0);
        loop {
            if let Some(failed) = &shared.failed {
                return Err(EngineError::Log(failed.clone()));
            }
            if shared.transactions.get(&xid).is_some_and(|transaction| transaction.ended) {
                let mut entries = Entries::default();
                let mut next = Some(xid);
                while let Some(transaction) = next.and_then(|xid| shared.transactions.remove(&xid)) {
                    entries.lines.splice(0..0, transaction.lines);
                    if transaction.failed {
                        entries.failure = Some(transaction.error.unwrap_or_else(|| "no reason given".to_owned()));
                    }
                    entries.fetch_error = entries.fetch_error.or(transaction.fetch_error);
                    next = transaction.restarts;
                }
                return Ok(Some(entries));
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return Ok(None) };
            shared = self.shared.1.wait_timeout(shared, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Why the origin's answer to a request that was taken could not be had. The transaction that asked for it can end later.
    pub fn late_fetch_error(&self, xid: u64, patience: Duration) -> Option<String> {
        let waiting = |shared: &mut Shared| {
            let transaction = shared.transactions.get(&xid);
            shared.failed.is_none() && transaction.is_none_or(|transaction| transaction.fetch_error.is_none())
        };
        let waited = self.shared.1.wait_timeout_while(lock(&self.shared.0), patience, waiting);
        let mut shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        shared.transactions.remove(&xid)?.fetch_error
    }

    /// Whether any transaction ended, waiting a little.
    pub fn saw_anything(&self, patience: Duration) -> Result<bool, EngineError> {
        let shared = lock(&self.shared.0);
        let waited = self.shared.1.wait_timeout_while(shared, patience, |shared| {
            shared.failed.is_none() && !shared.transactions.values().any(|transaction| transaction.ended)
        });
        let shared = waited.unwrap_or_else(PoisonError::into_inner).0;
        match &shared.failed {
            Some(failed) => Err(EngineError::Log(failed.clone())),
            None => Ok(shared.transactions.values().any(|transaction| transaction.ended)),
        }
    }

    /// Forgets what nobody asked for (sessions, requests that were refused).
    pub fn forget(&self) {
        lock(&self.shared.0).transactions.clear();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines `XID TAG c CONTENT`.
fn read_records(stdout: impl Read, shared: &(Mutex<Shared>, Condvar)) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        match stdout.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let Some((xid, rest)) = text.trim_start().split_once(char::is_whitespace) else { continue };
        let Ok(xid) = xid.parse::<u64>() else { continue };
        let Some((tag, rest)) = rest.trim_start().split_once(char::is_whitespace) else { continue };
        let content = rest.trim_start().get(1..).unwrap_or_default().trim();
        let mut shared_now = lock(&shared.0);
        let transaction = shared_now.transactions.entry(xid).or_default();
        match tag {
            "VCL_Log" => transaction.lines.push(content.to_owned()),
            "VCL_return" => transaction.failed = true,
            "VCL_Error" => transaction.error = Some(content.to_owned()),
            "Begin" => {
                let mut words = content.split_whitespace();
                let kind = words.next();
                let parent = words.next().and_then(|parent| parent.parse().ok());
                if kind == Some("bereq") {
                    transaction.fetches_for = parent;
                } else {
                    transaction.restarts = parent;
                }
            }
            "FetchError" => {
                if let Some(parent) = transaction.fetches_for {
                    let request = shared_now.transactions.entry(parent).or_default();
                    request.fetch_error.get_or_insert_with(|| content.to_owned());
                    shared.1.notify_all();
                }
            }
            "End" => {
                transaction.ended = true;
                shared.1.notify_all();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let lines =
            ["edgesig:v1|block|a-rule|403|192.0.2.1|ids=x,a-rule".to_owned(), "edgesig+:v1|5|ids=y,z".to_owned()];
        let record = parse_record("edgesig", &lines).unwrap().unwrap();
        assert_eq!((record.action.as_str(), record.by.as_deref(), record.status), ("block", Some("a-rule"), 403));
        assert_eq!(record.ids, ["x", "a-rule", "y", "z"]);
        assert_eq!(parse_record("edgesig", &[]), Ok(None));
        assert!(parse_record("edgesig", &["edgesig:v1|none".to_owned()]).is_err());
    }
}
