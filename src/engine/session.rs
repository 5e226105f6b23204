//! A varnishd with its origin and its log: requests in, what was seen out.

use super::varnishd::service;
use super::{Client, Clock, Counters, EngineError, Log, LogRecord, Origin, Reply, Start, Varnishd, parse_record};
use crate::request::Request;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How to run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The prefix of the project: that of the log records.
    pub prefix: String,
    /// Parallel clients.
    pub workers: usize,
    /// `-p name=value` for varnishd.
    pub parameters: Vec<(String, String)>,
    /// VCL after the built file; the plain service when `None`. `ORIGIN_HOST` and `ORIGIN_PORT` in it are replaced.
    pub service: Option<String>,
    /// Under a clock that can be moved, where a C compiler is.
    pub clock: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { prefix: "edgesig".to_owned(), workers: 6, parameters: Vec::new(), service: None, clock: false }
    }
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub reply: Reply,
    /// What the built VCL logged; `None` when nothing.
    pub record: Option<LogRecord>,
    /// Why the VCL failed, where it did (a regex over its limits, say). It may hide behind an ordinary answer: where nothing
    /// can act, the request is restarted without the signatures.
    pub failure: Option<String>,
    /// Why the origin's answer could not be had, where varnishd tried and failed.
    pub fetch_error: Option<String>,
    /// The same of a first try, after which the request was sent again.
    pub sent_again: Option<String>,
}

/// How long varnishd may take to tell why it has not got an answer, once it has answered itself.
const LATE: Duration = Duration::from_secs(2);

impl Observed {
    /// An answer of 500 and above that is neither the origin's nor that of a signature.
    fn is_error_of_varnishd(&self) -> bool {
        let acted = self.record.as_ref().is_some_and(|record| record.action != "none" && record.action != "allow");
        let Reply::Answer(answer) = &self.reply else { return false };
        answer.status >= 500 && !acted && answer.header("server").is_some_and(|server| server == "Varnish")
    }

    /// varnishd answered for an origin that it did not reach: nothing that was built has made that answer.
    fn is_lost_on_the_way(&self) -> bool {
        self.fetch_error.is_some() && self.is_error_of_varnishd()
    }
}

/// A running engine.
#[derive(Debug)]
pub struct Session {
    setup: Setup,
    // Stopped before the log's and the origin's end.
    pub varnishd: Varnishd,
    log: Log,
    pub origin: Origin,
    clock: Option<Clock>,
    start: Instant,
    client: Client,
}

impl Session {
    /// Starts everything with this built VCL.
    pub fn start(built: &str, setup: Setup) -> Result<Session, EngineError> {
        let clock = if setup.clock { Clock::new()? } else { None };
        let origin = Origin::start()?;
        let start = Start { parameters: setup.parameters.clone(), clock: clock.as_ref() };
        let varnishd = Varnishd::start(&start, built, &service_text(&setup, &origin))?;
        let log = Log::follow(&varnishd.name(), &setup.prefix)?;
        let client = Client::new(varnishd.address());
        let mut session = Session { setup, varnishd, log, origin, clock, start: Instant::now(), client };
        session.await_log()?;
        session.reset_time();
        Ok(session)
    }

    /// Waits until varnishlog sees what varnishd does.
    fn await_log(&mut self) -> Result<(), EngineError> {
        // An empty request line: refused before any VCL, but not without an id of its own; the log shows the end.
        let deadline = Instant::now() + Duration::from_secs(30);
        self.log.forget();
        while Instant::now() < deadline {
            let probe = Request { raw: Some(b"PROBE / HTTP/0.0\r\n\r\n".to_vec()), ..Request::default() };
            self.client.send(&probe).map_err(EngineError::io("connecting to varnishd"))?;
            if self.log.saw_anything(Duration::from_millis(100))? {
                return Ok(());
            }
        }
        Err(EngineError::Log("it shows nothing".to_owned()))
    }

    /// Replaces the built VCL; what vmods remember stays.
    pub fn load(&mut self, built: &str) -> Result<(), EngineError> {
        let service = service_text(&self.setup, &self.origin);
        self.varnishd.load(built, &service)
    }

    /// A fresh worker: rates are empty, the time is 0.
    pub fn restart(&mut self) -> Result<(), EngineError> {
        self.varnishd.restart()?;
        self.client = Client::new(self.varnishd.address());
        self.await_log()?;
        self.reset_time();
        Ok(())
    }

    fn reset_time(&mut self) {
        self.start = Instant::now();
        if let Some(clock) = &mut self.clock {
            clock.reset();
        }
    }

    /// Whether its time can be moved.
    pub fn has_clock(&self) -> bool {
        self.clock.is_some()
    }

    /// Time of the engine since the last start.
    pub fn now(&self) -> Duration {
        self.clock.as_ref().map_or_else(|| self.start.elapsed(), Clock::now)
    }

    pub fn counters(&mut self) -> Result<Counters, EngineError> {
        self.varnishd.counters()
    }

    /// One request, at its time: the clock is moved, or time passes.
    pub fn exchange(&mut self, request: &Request) -> Result<Observed, EngineError> {
        let reply = self.send_at_its_time(request)?;
        observe(&self.log, &self.setup.prefix, reply)
    }

    /// Requests one after the other, each at its time; with the time at which it was sent.
    pub fn exchange_in_order(&mut self, requests: &[&Request]) -> Result<Vec<(Observed, Duration)>, EngineError> {
        let mut replies = Vec::with_capacity(requests.len());
        for request in requests {
            let reply = self.send_at_its_time(request)?;
            replies.push((reply, self.now()));
        }
        // The log is a little behind: asked at the end, it is waited for once.
        let observed = replies
            .into_iter()
            .map(|(reply, time)| Ok((observe(&self.log, &self.setup.prefix, reply)?, time)))
            .collect();
        self.log.forget();
        observed
    }

    fn send_at_its_time(&mut self, request: &Request) -> Result<Reply, EngineError> {
        match &mut self.clock {
            Some(clock) => clock.advance_to(request.time)?,
            None => {
                if let Some(left) = request.time.checked_sub(self.start.elapsed()) {
                    std::thread::sleep(left);
                }
            }
        }
        self.origin.respond(&request.response);
        self.client.send(request).map_err(EngineError::io("connecting to varnishd"))
    }

    /// Many requests that do not depend on each other, in parallel; the results in their order. All responses of the
    /// origin are plain. A request whose answer was lost between varnishd and the origin (a connection that failed, a
    /// machine that stood still) is sent once more: what the VCL causes happens again.
    pub fn exchange_all(&self, requests: &[&Request]) -> Result<Vec<Observed>, EngineError> {
        self.origin.respond(&crate::request::Response::default());
        let next = AtomicUsize::new(0);
        let address = self.varnishd.address();
        let replies: Mutex<Vec<Option<Reply>>> = Mutex::new(vec![None; requests.len()]);
        let work = || -> Result<(), EngineError> {
            let mut client = Client::new(address);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = requests.get(index) else { return Ok(()) };
                let reply = client.send(request).map_err(EngineError::io("connecting to varnishd"))?;
                replies.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[index] = Some(reply);
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.setup.workers.max(1)).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        // The log is a little behind: asked at the end, it is waited for once.
        let replies = replies.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut observed = Vec::with_capacity(replies.len());
        for (reply, request) in replies.into_iter().flatten().zip(requests) {
            let mut seen = observe(&self.log, &self.setup.prefix, reply)?;
            if seen.is_lost_on_the_way() {
                let reply = Client::new(address).send(request).map_err(EngineError::io("connecting to varnishd"))?;
                let sent_again = seen.fetch_error.take();
                seen = Observed { sent_again, ..observe(&self.log, &self.setup.prefix, reply)? };
            }
            observed.push(seen);
        }
        self.log.forget();
        Ok(observed)
    }
}

fn observe(log: &Log, prefix: &str, reply: Reply) -> Result<Observed, EngineError> {
    let xid = match &reply {
        Reply::Answer(answer) => answer.xid(),
        Reply::Closed | Reply::TimedOut => None,
    };
    let entries = xid.map_or(Ok(super::log::Entries::default()), |xid| log.take(xid))?;
    let record = parse_record(prefix, &entries.lines).map_err(EngineError::Log)?;
    let mut observed =
        Observed { reply, record, failure: entries.failure, fetch_error: entries.fetch_error, sent_again: None };
    if let Some(xid) = xid.filter(|_| observed.is_error_of_varnishd() && observed.fetch_error.is_none()) {
        observed.fetch_error = log.late_fetch_error(xid, LATE);
    }
    Ok(observed)
}

fn service_text(setup: &Setup, origin: &Origin) -> String {
    let address = origin.address();
    match &setup.service {
        Some(text) => {
            text.replace("ORIGIN_HOST", &address.ip().to_string()).replace("ORIGIN_PORT", &address.port().to_string())
        }
        None => service(address),
    }
}
