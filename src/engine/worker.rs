//! The subject in a process of its own, so that a signal, an abort or a hang is an outcome like any
//! other. Both ends are here: who asks, and who is asked.
//! Knows cases and observations as bytes; whether a crash is to be expected is for others to say.

use std::collections::VecDeque;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use super::local::{self, Local};
use super::machine;
use crate::case::{Case, bytes};
use crate::component::crash;
use crate::encode::{self, Prepared, Puppets};
use crate::observation::{Observation, Outcome};

/// The command under which this program is a worker.
pub const COMMAND: &str = "worker";

/// How much of what a worker said last is looked at.
const LAST_WORDS: usize = 4096;

/// The pauses before a worker is started again that could not be: others may give back what it needs.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1000)];

/// This program as it was when it began, whatever lies at its path by now.
const OURSELVES: &str = "/proc/self/exe";

/// Whoever asks a worker. A worker that dies is replaced when there is a case for the next one.
pub struct Worker {
    /// Another build of this program, if it is one.
    program: Option<PathBuf>,
    /// How long it may take for one case.
    limit: Duration,
    process: Option<Process>,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<Vec<u8>>,
    /// What it says last on its standard error, once that has ended.
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// How a worker ended without an answer.
struct Death(String);

impl Worker {
    pub fn new(limit: Duration) -> Result<Worker> {
        Worker::start(None, limit)
    }

    /// A worker that is another build of this program.
    pub fn of(program: PathBuf, limit: Duration) -> Result<Worker> {
        Worker::start(Some(program), limit)
    }

    fn start(program: Option<PathBuf>, limit: Duration) -> Result<Worker> {
        let process = Some(Process::start(program.as_deref())?);
        Ok(Worker { program, limit, process })
    }

    /// Gives the worker a case to run. Whether it could take it turns out in `finish`.
    pub fn begin(&mut self, case: &Case) -> Result<()> {
        let process = match self.process.take() {
            Some(process) => process,
            None => Process::start(self.program.as_deref())?,
        };
        self.process.insert(process).send(case);
        Ok(())
    }

    /// What running that case showed. A case that kills its worker is run once more, for the worker
    /// may have died of something else; that too is a crash, and says so.
    pub fn finish(&mut self, case: &Case) -> Result<Observation> {
        let first = match self.receive() {
            Ok(observation) => return Ok(observation),
            Err(Death(first)) => first,
        };
        let outcome = match self.begin(case).map(|()| self.receive()) {
            Ok(Ok(observation)) if matches!(observation.outcome, Outcome::Crashed(_)) => {
                return Ok(observation);
            }
            Ok(Ok(observation)) if machine::gave_out(&first) => return Ok(observation),
            Ok(Ok(_)) => Outcome::Crashed(format!("{first}, and not when it was run again")),
            Ok(Err(Death(second))) => Outcome::Crashed(second),
            // The next case will say so, too. This one has shown something.
            Err(error) => {
                Outcome::Crashed(format!("{first}, and it could not be run again: {error:#}"))
            }
        };
        Ok(Observation { calls: Vec::new(), outcome: machine::told_apart(outcome) })
    }

    /// Nobody waits for that case any more. A worker that has not answered yet may never do.
    pub fn abandon(&mut self) {
        self.process.take_if(|process| process.answers.try_recv().is_err());
    }

    /// What the worker answers. Whoever has died or panicked is not asked again.
    fn receive(&mut self) -> Result<Observation, Death> {
        let mut process = self.process.take().expect("a case was given to it");
        let observation = process.receive(self.limit)?;
        if !matches!(observation.outcome, Outcome::Crashed(_)) {
            self.process = Some(process);
        }
        Ok(observation)
    }
}

impl Process {
    /// Starts a worker. Where the machine has no room for it, it may have some soon.
    fn start(program: Option<&Path>) -> Result<Process> {
        let mut pauses = PAUSES.iter();
        loop {
            let failed = match Process::try_start(program) {
                Ok(process) => return Ok(process),
                Err(error) => error.context("cannot start a worker"),
            };
            match pauses.next().filter(|_| machine::gave_out(&format!("{failed:#}"))) {
                Some(pause) => sleep(*pause),
                None => return Err(failed),
            }
        }
    }

    fn try_start(program: Option<&Path>) -> Result<Process> {
        let program = match program {
            Some(program) => program.to_path_buf(),
            None if Path::new(OURSELVES).exists() => OURSELVES.into(),
            None => std::env::current_exe().context("cannot find this program")?,
        };
        let mut child = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().expect("it was asked for");
        let stdout = child.stdout.take().expect("it was asked for");
        let stderr = child.stderr.take().expect("it was asked for");
        let listening = listen(stdout).and_then(|answers| Ok((answers, last_words(stderr)?)));
        match listening {
            Ok((answers, stderr)) => Ok(Process { child, stdin, answers, stderr: Some(stderr) }),
            Err(error) => {
                end(&mut child);
                Err(error.into())
            }
        }
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
        let last = self.stderr.take()?.join().ok()?;
        let last = String::from_utf8_lossy(&last);
        let line = last.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(crash::without_folders(line.trim()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads answers on a thread of their own, so that waiting for one can end.
fn listen(stdout: ChildStdout) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, receiver) = channel();
    Builder::new().spawn(move || {
        let mut stdout = BufReader::new(stdout);
        while let Ok(Some(frame)) = read_frame(&mut stdout) {
            if sender.send(frame).is_err() {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// Reads what is said until it ends, and keeps the last of it.
fn last_words(mut stderr: ChildStderr) -> io::Result<JoinHandle<Vec<u8>>> {
    Builder::new().spawn(move || {
        let (mut last, mut said) = (VecDeque::new(), [0; LAST_WORDS]);
        while let Ok(length @ 1..) = stderr.read(&mut said) {
            last.extend(&said[..length]);
            last.drain(..last.len().saturating_sub(LAST_WORDS));
        }
        last.into()
    })
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
/// of each before the subject has it. When the input ends, so does the process, whatever the subject is doing:
/// there is nobody left who would wait for it.
pub fn serve(before: &mut dyn FnMut(&Case)) -> Result<()> {
    let cases = read_to_the_end()?;
    let mut stdout = io::stdout().lock();
    let mut local = Local::new(Puppets::Contained);
    for frame in cases {
        let case = bytes::decode_any(&frame)?;
        let prepared = Prepared::of(&case).map_err(|why| anyhow!(why))?;
        before(&case);
        local.load(&case, || encode::component(&case.shape, Puppets::Contained));
        let observation = local::run(local.instantiate(&case), &case, &prepared);
        write_frame(&mut stdout, &postcard::to_stdvec(&observation)?)?;
        if matches!(observation.outcome, Outcome::Crashed(_)) {
            break;
        }
    }
    Ok(())
}

/// Reads frames on a thread of their own, which ends the process at their end.
fn read_to_the_end() -> Result<Receiver<Vec<u8>>> {
    let (sender, receiver): (SyncSender<Vec<u8>>, _) = sync_channel(1);
    let read = move || {
        let mut stdin = BufReader::new(io::stdin().lock());
        while let Ok(Some(frame)) = read_frame(&mut stdin) {
            if sender.send(frame).is_err() {
                return;
            }
        }
        std::process::exit(0);
    };
    Builder::new().spawn(read).context("cannot start a thread")?;
    Ok(receiver)
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
