//! The subject in a process of its own, so that a signal, an abort or a hang is an outcome like any
//! other. Both ends are here: who asks, and who is asked.
//! Knows cases and observations as bytes; whether a crash is to be expected is for others to say.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::crash;
use super::local::{self, Local};
use crate::case::{Case, bytes};
use crate::encode::{self, Puppets, script};
use crate::observation::{Observation, Outcome};

/// The command under which this program is a worker.
pub const COMMAND: &str = "worker";

/// How much of what a worker said last is looked at.
const LAST_WORDS: u64 = 4096;

/// Whoever asks a worker. A worker that dies is replaced.
pub struct Worker {
    /// The program that is one, when it is told so.
    program: PathBuf,
    /// How long it may take for one case.
    limit: Duration,
    process: Process,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<Vec<u8>>,
    /// What it says on its standard error.
    stderr: File,
}

/// How a worker ended without an answer.
struct Death(String);

impl Worker {
    pub fn new(limit: Duration) -> Result<Worker> {
        Worker::of(std::env::current_exe().context("cannot find this program")?, limit)
    }

    /// A worker that is another build of this program.
    pub fn of(program: PathBuf, limit: Duration) -> Result<Worker> {
        Ok(Worker { process: Process::start(&program)?, program, limit })
    }

    /// Gives the worker a case to run. Whether it could take it turns out in `finish`.
    pub fn begin(&mut self, case: &Case) {
        self.process.send(case);
    }

    /// What running that case showed. A case that kills its worker is run once more, for the worker
    /// may have died of something else; that too is a crash, and says so.
    pub fn finish(&mut self, case: &Case) -> Result<Observation> {
        let first = match self.process.receive(self.limit) {
            Ok(observation) => return self.after(observation),
            Err(Death(first)) => first,
        };
        self.process = Process::start(&self.program)?;
        self.process.send(case);
        let message = match self.process.receive(self.limit) {
            Ok(observation) if matches!(observation.outcome, Outcome::Crashed(_)) => {
                return self.after(observation);
            }
            Ok(_) => format!("{first}, and not when it was run again"),
            Err(Death(second)) => {
                self.process = Process::start(&self.program)?;
                second
            }
        };
        Ok(Observation { calls: Vec::new(), outcome: Outcome::Crashed(message) })
    }

    /// Whoever has panicked is not asked again.
    fn after(&mut self, observation: Observation) -> Result<Observation> {
        if matches!(observation.outcome, Outcome::Crashed(_)) {
            self.process = Process::start(&self.program)?;
        }
        Ok(observation)
    }
}

impl Process {
    fn start(program: &Path) -> Result<Process> {
        let stderr = tempfile::tempfile().context("cannot write a temporary file")?;
        let mut child = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone()?)
            .spawn()
            .context("cannot start a worker")?;
        let stdin = child.stdin.take().expect("it was asked for");
        let stdout = child.stdout.take().expect("it was asked for");
        Ok(Process { child, stdin, answers: listen(stdout), stderr })
    }

    /// A worker that is dead takes nothing; `receive` notices.
    fn send(&mut self, case: &Case) {
        let _ = write_frame(&mut self.stdin, &bytes::encode(case));
    }

    fn receive(&mut self, limit: Duration) -> Result<Observation, Death> {
        match self.answers.recv_timeout(limit) {
            Ok(frame) => postcard::from_bytes(&frame)
                .map_err(|error| Death(format!("its answer is garbled: {error}"))),
            Err(RecvTimeoutError::Timeout) => {
                Err(Death(format!("no answer within {} s", limit.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(Death(self.wait())),
        }
    }

    /// How a worker ended that has closed its output.
    fn wait(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => self.epitaph(status).unwrap_or("it ended".to_string()),
            Err(error) => format!("it closed its output: {error}"),
        }
    }

    /// How a process ended, with the last line that it said.
    fn epitaph(&mut self, status: ExitStatus) -> Option<String> {
        let cause = cause_of_death(status)?;
        Some(match self.last_line() {
            Some(line) => format!("{cause}: {line}"),
            None => cause,
        })
    }

    fn last_line(&mut self) -> Option<String> {
        let length = self.stderr.seek(SeekFrom::End(0)).ok()?;
        self.stderr.seek(SeekFrom::Start(length.saturating_sub(LAST_WORDS))).ok()?;
        let mut last = Vec::new();
        self.stderr.read_to_end(&mut last).ok()?;
        let last = String::from_utf8_lossy(&last);
        let line = last.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(crash::without_folders(line.trim()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads answers on a thread of their own, so that waiting for one can end.
fn listen(stdout: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        while let Ok(Some(frame)) = read_frame(&mut stdout) {
            if sender.send(frame).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(unix)]
fn cause_of_death(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    let signal = match status.signal() {
        Some(4) => "SIGILL",
        Some(6) => "SIGABRT",
        Some(8) => "SIGFPE",
        Some(9) => "SIGKILL",
        Some(11) => "SIGSEGV",
        Some(15) => "SIGTERM",
        Some(other) => return Some(format!("signal {other}")),
        None => return Some(format!("exit code {}", status.code()?)),
    };
    Some(signal.to_string())
}

#[cfg(not(unix))]
fn cause_of_death(status: ExitStatus) -> Option<String> {
    Some(format!("exit code {}", status.code()?))
}

/// Answers cases from the standard input until it ends, or one has made the subject panic. `before` is told
/// of each before the subject has it.
pub fn serve(before: &mut dyn FnMut(&Case)) -> Result<()> {
    let mut stdin = BufReader::new(io::stdin().lock());
    let mut stdout = io::stdout().lock();
    let mut local = Local::new(Puppets::Contained);
    while let Some(frame) = read_frame(&mut stdin)? {
        let case = bytes::decode_own(&frame)?;
        let scripts = script::scripts(&case).map_err(|why| anyhow!(why))?;
        before(&case);
        local.load(&case, || encode::component(&case.shape, Puppets::Contained));
        let observation = local::run(local.instantiate(&case), &case, &scripts);
        write_frame(&mut stdout, &postcard::to_stdvec(&observation)?)?;
        if matches!(observation.outcome, Outcome::Crashed(_)) {
            break;
        }
    }
    Ok(())
}

fn write_frame(to: &mut impl Write, frame: &[u8]) -> Result<()> {
    to.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
    to.write_all(frame)?;
    to.flush()?;
    Ok(())
}

/// The next frame; nothing at the end.
fn read_frame(from: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(io::Error::other)?;
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(Some(frame))
}
