//! Child processes that never outlive us: each leads its own process group, stands in a registry that ctrl-C empties,
//! and watches a pipe of ours (its stdin) that the kernel closes when we die in any other way.

use super::EngineError;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Process group of each running child.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// Folders that go when we do.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A temporary folder that is removed when it is dropped, and on ctrl-C.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Result<Scratch, EngineError> {
        stop_on_interrupt();
        let folder = tempfile::Builder::new().prefix("edgesig-").tempdir();
        let folder = folder.map_err(EngineError::io("making a temporary folder"))?;
        locked(&FOLDERS).push(folder.path().to_owned());
        Ok(Scratch(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        locked(&FOLDERS).retain(|folder| folder != self.0.path());
    }
}

/// A child that is stopped when it is dropped.
#[derive(Debug)]
pub struct Process {
    pub child: Child,
}

impl Process {
    /// Starts `command` with a piped stdin.
    pub fn spawn(mut command: Command, packages: &'static str) -> Result<Process, EngineError> {
        stop_on_interrupt();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::piped()).process_group(0).spawn().map_err(|source| {
            if source.kind() == ErrorKind::NotFound {
                EngineError::NotInstalled { program, packages }
            } else {
                EngineError::Io { doing: "starting a process", source }
            }
        })?;
        locked(&RUNNING).push(child.id());
        Ok(Process { child })
    }

    /// Closes its stdin and waits a little; then kills the group.
    pub fn stop(&mut self) {
        drop(self.child.stdin.take());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            match self.child.try_wait() {
                Ok(Some(_)) => break,
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => break,
            }
        }
        // The leader may be gone with a member left: the group is killed in any case while we still own its id.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            kill_group(self.child.id());
            let _ = self.child.wait();
        }
        locked(&RUNNING).retain(|id| *id != self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn locked<T>(list: &'static Mutex<Vec<T>>) -> std::sync::MutexGuard<'static, Vec<T>> {
    list.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn kill_group(group: u32) {
    // The shell's own `kill`: a minimal system has no other.
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -KILL -- -{group}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Stops every child when the terminal, or a supervisor, interrupts us.
fn stop_on_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A handler that somebody else has set stays: the children then end with our pipes.
        let _ = ctrlc::set_handler(|| {
            // No new folder from here on. What is killed may still write, and one more may just have been started.
            let mut folders = locked(&FOLDERS);
            for _ in 0..200 {
                locked(&RUNNING).drain(..).for_each(kill_group);
                folders.retain(|folder| std::fs::remove_dir_all(folder).is_err() && folder.exists());
                if folders.is_empty() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            std::process::exit(130);
        });
    });
}
