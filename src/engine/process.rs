//! Child processes that never outlive us: each leads its own process group, stands in a registry that ctrl-C empties,
//! and watches a pipe of ours (its stdin) that the kernel closes when we die in any other way.

use super::EngineError;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, Once};
use std::time::{Duration, Instant};

/// Process group and scratch folder of each running child.
static RUNNING: Mutex<Vec<(u32, Option<PathBuf>)>> = Mutex::new(Vec::new());

/// A child that is stopped when it is dropped.
#[derive(Debug)]
pub struct Process {
    pub child: Child,
}

impl Process {
    /// Starts `command` with a piped stdin; `folder` is removed on ctrl-C.
    pub fn spawn(mut command: Command, packages: &'static str, folder: Option<&Path>) -> Result<Process, EngineError> {
        stop_on_interrupt();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.stdin(Stdio::piped()).process_group(0).spawn().map_err(|source| {
            if source.kind() == ErrorKind::NotFound {
                EngineError::NotInstalled { program, packages }
            } else {
                EngineError::Io { doing: "starting a process", source }
            }
        })?;
        running().push((child.id(), folder.map(Path::to_owned)));
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
        running().retain(|(id, _)| *id != self.child.id());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn running() -> std::sync::MutexGuard<'static, Vec<(u32, Option<PathBuf>)>> {
    RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
            for (group, folder) in running().drain(..) {
                kill_group(group);
                if let Some(folder) = folder {
                    let _ = std::fs::remove_dir_all(folder);
                }
            }
            std::process::exit(130);
        });
    });
}
