//! A varnishd on loopback: started in the foreground with its command line on our pipes (`-d`: it ends when the pipe
//! does), fed with VCL, asked for its counters, and always stopped.

use super::process::{Process, Scratch};
use super::{Clock, EngineError};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What to install for varnishd.
pub const PACKAGES: &str = "varnish varnish-modules";
/// The longest that a command may take; the compiler of a large set is the slowest.
const COMMAND_TIME: Duration = Duration::from_secs(300);

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Start<'s> {
    /// `-p name=value`; the defaults must be safe, so normally none.
    pub parameters: Vec<(String, String)>,
    /// Moves its time.
    pub clock: Option<&'s Clock>,
}

/// A running varnishd.
#[derive(Debug)]
pub struct Varnishd {
    process: Process,
    commands: Option<ChildStdin>,
    answers: Receiver<(u16, String)>,
    stderr: Arc<Mutex<String>>,
    address: SocketAddr,
    loads: u32,
    active: Option<String>,
    /// Counters of workers that were stopped.
    past: Counters,
    // Last: the folder goes after the process.
    folder: Scratch,
}

/// What must stay 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// VCL that failed at run time.
    pub vcl_fail: u64,
    /// Workers that crashed.
    pub child_panic: u64,
    /// Workers that ended by themselves.
    pub child_died: u64,
    /// Headers that found no room.
    pub losthdr: u64,
}

/// Whether varnishd can be started here.
pub fn is_installed() -> bool {
    Command::new("varnishd").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Asks `varnishd -C` whether it accepts a built file in front of a service VCL.
pub fn compile(built: &str, service: &str) -> Result<(), EngineError> {
    let folder = Scratch::new()?;
    let main = write_vcl(folder.path(), built, service)?;
    let output = Command::new("varnishd")
        .arg("-C")
        .arg("-n")
        .arg(folder.path().join("n"))
        .arg("-p")
        .arg(format!("vcl_path={}", folder.path().display()))
        .arg("-f")
        .arg(main)
        .stdin(Stdio::null())
        .output()
        .map_err(|_| EngineError::NotInstalled { program: "varnishd".to_owned(), packages: PACKAGES })?;
    if output.status.success() {
        return Ok(());
    }
    Err(EngineError::Rejected(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// The built file as `edgesig.vcl` and a main file that includes it first.
fn write_vcl(folder: &Path, built: &str, service: &str) -> Result<PathBuf, EngineError> {
    let file = folder.join("edgesig.vcl");
    std::fs::write(&file, built).map_err(EngineError::file(&file))?;
    let main = folder.join("main.vcl");
    let text = format!("vcl 4.1;\ninclude \"edgesig.vcl\";\n{service}");
    std::fs::write(&main, text).map_err(EngineError::file(&main))?;
    Ok(main)
}

/// The service that stands behind the built VCL in tests: everything goes to the origin, nothing is cached, no verdict
/// is made here. (Range goes: varnishd would answer a part of it, with 206.)
pub fn service(origin: SocketAddr) -> String {
    format!(
        "backend origin {{ .host = \"{}\"; .port = \"{}\"; }}\n\
         sub vcl_recv {{ set req.backend_hint = origin; unset req.http.Range; return (pass); }}\n\
         sub vcl_backend_response {{ set beresp.uncacheable = true; return (deliver); }}\n",
        origin.ip(),
        origin.port()
    )
}

impl Varnishd {
    /// Starts the manager, loads the VCL and starts the worker.
    pub fn start(start: &Start<'_>, built: &str, service: &str) -> Result<Varnishd, EngineError> {
        let folder = Scratch::new()?;
        let mut command = Command::new("varnishd");
        command.arg("-n").arg(folder.path().join("n"));
        command.args(["-d", "-j", "none", "-S", "none", "-T", "none", "-a", "127.0.0.1:0,PROXY", "-f", ""]);
        for (name, value) in &start.parameters {
            command.arg("-p").arg(format!("{name}={value}"));
        }
        if let Some(clock) = start.clock {
            command.env("LD_PRELOAD", clock.library()).env("CLOCK_OFFSET_FILE", clock.offset_file());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::spawn(command, PACKAGES)?;
        let commands = process.child.stdin.take();
        let (sender, answers) = channel();
        if let Some(stdout) = process.child.stdout.take() {
            std::thread::spawn(move || {
                let mut stdout = BufReader::new(stdout);
                while let Some(answer) = read_answer(&mut stdout) {
                    if sender.send(answer).is_err() {
                        break;
                    }
                }
            });
        }
        let stderr = Arc::new(Mutex::new(String::new()));
        if let Some(pipe) = process.child.stderr.take() {
            let kept = Arc::clone(&stderr);
            std::thread::spawn(move || keep_tail(pipe, &kept));
        }
        let mut varnishd = Varnishd {
            process,
            commands,
            answers,
            stderr,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            loads: 0,
            active: None,
            past: Counters::default(),
            folder,
        };
        varnishd.answer()?; // the banner
        varnishd.load(built, service)?;
        varnishd.start_worker()?;
        Ok(varnishd)
    }

    /// Where it listens (with the PROXY protocol).
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its `-n`.
    pub fn name(&self) -> PathBuf {
        self.folder.path().join("n")
    }

    /// Replaces the VCL. What vmods keep per process (rates) stays.
    pub fn load(&mut self, built: &str, service: &str) -> Result<(), EngineError> {
        self.loads += 1;
        let folder = self.folder.path().join(format!("vcl{}", self.loads));
        std::fs::create_dir(&folder).map_err(EngineError::file(&folder))?;
        let main = write_vcl(&folder, built, service)?;
        let name = format!("load{}", self.loads);
        self.expect(&format!("param.set vcl_path {}", folder.display()))?;
        match self.command(&format!("vcl.load {name} {}", main.display()))? {
            (200, _) => {}
            (_, message) => return Err(EngineError::Rejected(message)),
        }
        self.expect(&format!("vcl.use {name}"))?;
        if let Some(old) = self.active.replace(name) {
            self.expect(&format!("vcl.discard {old}"))?;
        }
        Ok(())
    }

    /// A fresh worker: every rate starts empty.
    pub fn restart(&mut self) -> Result<(), EngineError> {
        self.past = self.counters()?;
        self.expect("stop")?;
        self.start_worker()
    }

    fn start_worker(&mut self) -> Result<(), EngineError> {
        self.expect("start")?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, text) = self.command("debug.listen_address")?;
            let port = text.split_whitespace().nth(2).and_then(|port| port.parse().ok());
            if let Some(port) = port {
                self.address.set_port(port);
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failed("does not listen".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything counted since the start.
    pub fn counters(&mut self) -> Result<Counters, EngineError> {
        let output = Command::new("varnishstat")
            .arg("-n")
            .arg(self.name())
            .args(["-1", "-j", "-t", "10"])
            .args(["-f", "MAIN.vcl_fail", "-f", "MAIN.losthdr", "-f", "MGT.child_panic", "-f", "MGT.child_died"])
            .stdin(Stdio::null())
            .output()
            .map_err(|_| EngineError::NotInstalled { program: "varnishstat".to_owned(), packages: PACKAGES })?;
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| self.failed(format!("varnishstat: {}", String::from_utf8_lossy(&output.stderr))))?;
        let value = |name: &str| json["counters"][name]["value"].as_u64().unwrap_or(0);
        // MGT counts over all workers, MAIN of the present one.
        Ok(Counters {
            vcl_fail: self.past.vcl_fail + value("MAIN.vcl_fail"),
            losthdr: self.past.losthdr + value("MAIN.losthdr"),
            child_panic: value("MGT.child_panic"),
            child_died: value("MGT.child_died"),
        })
    }

    /// The last lines that it wrote to stderr; a panic is told there.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn expect(&mut self, command: &str) -> Result<String, EngineError> {
        match self.command(command)? {
            (200, text) => Ok(text),
            (status, text) => Err(self.failed(format!("`{command}` gave {status}: {text}"))),
        }
    }

    /// Sends one command of varnishd's command line; gives its status and text.
    pub fn command(&mut self, command: &str) -> Result<(u16, String), EngineError> {
        let sent = match &mut self.commands {
            Some(pipe) => pipe.write_all(format!("{command}\n").as_bytes()).and_then(|()| pipe.flush()),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        sent.map_err(|_| self.failed("ended unexpectedly".to_owned()))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<(u16, String), EngineError> {
        self.answers.recv_timeout(COMMAND_TIME).map_err(|error| {
            // What it says when it ends comes over the other pipe.
            std::thread::sleep(Duration::from_millis(100));
            self.failed(match error {
                std::sync::mpsc::RecvTimeoutError::Timeout => "does not answer".to_owned(),
                std::sync::mpsc::RecvTimeoutError::Disconnected => "ended unexpectedly".to_owned(),
            })
        })
    }

    fn failed(&self, message: String) -> EngineError {
        EngineError::Failed { message, stderr: self.stderr() }
    }
}

impl Drop for Varnishd {
    fn drop(&mut self) {
        // The end of its stdin stops worker and manager.
        drop(self.commands.take());
        self.process.stop();
    }
}

/// One answer: `STATUS LENGTH`, then that many bytes and a line end.
fn read_answer(stdout: &mut impl BufRead) -> Option<(u16, String)> {
    let mut line = String::new();
    if stdout.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut words = line.split_whitespace();
    let status = words.next()?.parse().ok()?;
    let length: usize = words.next()?.parse().ok()?;
    let mut text = Vec::new();
    stdout.take(length as u64 + 1).read_to_end(&mut text).ok()?;
    text.truncate(length);
    Some((status, String::from_utf8_lossy(&text).into_owned()))
}

/// Keeps the last 16 KB.
fn keep_tail(mut pipe: impl Read, kept: &Mutex<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = pipe.read(&mut buffer) {
        if length == 0 {
            return;
        }
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push_str(&String::from_utf8_lossy(&buffer[..length]));
        if kept.len() > 16 * 1024 {
            let cut = kept.len() - 16 * 1024;
            let cut = (cut..kept.len()).find(|at| kept.is_char_boundary(*at)).unwrap_or(0);
            kept.drain(..cut);
        }
    }
}
