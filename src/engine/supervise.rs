//! The supervisor: one process a model that holds the lock, owns the engine, counts who uses it, and ends it.
//!
//! Clients come over a connection and hold it; the system closes it however they end, so that nobody has to
//! say goodbye. The engine is tied to this process (`tether.rs`), and whatever a killed supervisor left is
//! found by its record and ended by the next one.

use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::channel::{Address, Kind, Listener};
use super::folder::{Folder, Record};
use super::launch::Launch;
use super::log::Log;
use super::probe::{self, Health};
use super::process::Process;
use super::protocol::{Hello, Line, Said, Want};

/// How often a starting engine is asked whether it is ready.
const START_BEAT: Duration = Duration::from_millis(25);
/// How often a running one is asked whether it is well.
const HEALTH_BEAT: Duration = Duration::from_secs(15);
/// So often in a row it may be silent.
const MAX_SILENCES: u32 = 4;
/// Time an engine is given to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// Time for those who wait to read why the engine failed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What there is to tell clients.
type News = watch::Sender<Said>;

/// Who uses the engine.
#[derive(Clone, Copy, Debug)]
struct Users {
    n_uses: usize,
    n_clients: usize,
    /// Somebody wants the engine to stay without a client.
    is_kept: bool,
    last_use: Instant,
    last_client: Instant,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    launch: Launch,
    control: Address,
    news: News,
    users: watch::Sender<Users>,
    stop: Notify,
}

/// Why the work of a supervisor is over.
#[derive(Debug)]
enum End {
    /// Nobody needs the engine.
    Unused,
    /// Somebody asked for it, or the system.
    Asked,
    /// The engine ended, or has to be ended.
    Broken(String),
}

/// Starts the engine of a launch and stays with it; returns at once where another supervisor does that already.
pub async fn supervise(launch: Launch) -> io::Result<()> {
    let folder = launch.folder();
    folder.create()?;
    let Some(_lock) = folder.lock()? else { return Ok(()) };
    clear_up(&folder).await;
    let control = Address::free(folder.path(), "control.sock", Kind::SocketIfPossible).await?;
    let listener = Listener::bind(&control).await?;
    let record = Record {
        model: launch.model.clone(),
        supervisor: Process::of(std::process::id()),
        control: control.clone(),
        engine: None,
        address: None,
    };
    folder.write(&record)?;
    let now = Instant::now();
    let users = Users { n_uses: 0, n_clients: 0, is_kept: false, last_use: now, last_client: now };
    let shared = Arc::new(Shared {
        launch,
        control,
        news: watch::Sender::new(Said::Starting),
        users: watch::Sender::new(users),
        stop: Notify::new(),
    });
    let door = tokio::spawn(answer_all(listener, shared.clone()));
    let log = Log::open(&folder.log_file())?;
    let ended = serve(&shared, &folder, record, &log).await;
    door.abort();
    // Those who come from now on find nobody and start anew once the lock is free.
    folder.sweep();
    ended
}

/// Ends what a supervisor that was killed left behind.
async fn clear_up(folder: &Folder) {
    if let Some(engine) = folder.record().and_then(|record| record.engine) {
        end(&engine).await;
    }
    folder.sweep();
}

async fn end(engine: &Process) {
    engine.ask_to_end();
    let deadline = Instant::now() + GRACE;
    while engine.is_alive() && Instant::now() < deadline {
        sleep(START_BEAT).await;
    }
    engine.kill();
}

async fn serve(
    shared: &Arc<Shared>,
    folder: &Folder,
    mut record: Record,
    log: &Log,
) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let mut kind = shared.launch.kind_of_address();
    loop {
        let name = format!("e{:08x}.sock", fastrand::u32(..));
        let address = Address::free(folder.path(), &name, kind).await?;
        log.begin(&format!("arawn starts: {}", shared.launch.command.join(" ")));
        let mut child = match spawn(&shared.launch, &address, log) {
            Ok(child) => child,
            Err(error) => {
                let program = shared.launch.command.first().map_or("", String::as_str);
                let reason = format!("{program} cannot be started: {error}");
                return fail(shared, reason).await;
            }
        };
        let engine = Process::of(child.id().unwrap_or_default());
        record.engine = Some(engine.clone());
        record.address = Some(address.clone());
        folder.write(&record)?;
        let end = tokio::select! {
            end = watch_over(shared, &mut child, &address, &engine, log) => end,
            end = unused(shared) => end,
            () = shared.stop.notified() => End::Asked,
            () = signals.come() => End::Asked,
        };
        log.line(&format!("arawn ends it: {end:?}"));
        finish(&mut child, &engine).await;
        let End::Broken(reason) = end else {
            shared.news.send_replace(Said::Stopping);
            return Ok(());
        };
        let was_starting = *shared.news.borrow() == Said::Starting;
        if was_starting && kind == Kind::SocketIfPossible && is_about_address(&reason) {
            // An old build, which takes the socket's path for the name of a host.
            kind = Kind::Port;
            continue;
        }
        if !was_starting {
            // It did work: whoever needs it has it started anew.
            shared.news.send_replace(Said::Stopping);
            return Ok(());
        }
        return fail(shared, reason).await;
    }
}

fn is_about_address(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    [".sock", "bind", "listen", "host", "address"].iter().any(|word| reason.contains(word))
}

/// Tells those who wait, and gives them the time to read it.
async fn fail(shared: &Shared, reason: String) -> io::Result<()> {
    shared.news.send_replace(Said::Failed { reason });
    sleep(LAST_WORDS).await;
    Ok(())
}

fn spawn(launch: &Launch, address: &Address, log: &Log) -> io::Result<Child> {
    let mut command = Command::new(&launch.program);
    #[cfg(unix)]
    command.arg0("arawn");
    command.args(["local", "tether", &std::process::id().to_string(), "--"]);
    command.args(&launch.command);
    match address {
        Address::Socket(path) => command.arg("--host").arg(path).args(["--port", "0"]),
        Address::Loopback { port, key } => {
            // In a variable: other users see the arguments of every process.
            command.env("LLAMA_API_KEY", key);
            command.args(["--host", "127.0.0.1", "--port", &port.to_string()])
        }
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    for stream in [
        child.stdout.take().map(|stream| Box::new(stream) as Box<Stream>),
        child.stderr.take().map(|stream| Box::new(stream) as Box<Stream>),
    ] {
        tokio::spawn(log.clone().follow(stream.ok_or(io::ErrorKind::BrokenPipe)?));
    }
    Ok(child)
}

type Stream = dyn tokio::io::AsyncRead + Send + Unpin;

/// Waits until the engine is ready, and then until it is no more.
async fn watch_over(
    shared: &Shared,
    child: &mut Child,
    address: &Address,
    engine: &Process,
    log: &Log,
) -> End {
    loop {
        tokio::select! {
            status = child.wait() => return ended(status, log).await,
            health = probe::health(address) => if health == Health::Ready { break },
        }
        tokio::select! {
            status = child.wait() => return ended(status, log).await,
            () = sleep(START_BEAT) => {}
        }
    }
    shared.users.send_modify(|users| users.last_use = Instant::now());
    shared.news.send_replace(Said::Ready { address: address.clone(), pid: engine.pid });
    let mut n_silences = 0;
    loop {
        tokio::select! {
            status = child.wait() => return ended(status, log).await,
            () = sleep(HEALTH_BEAT) => {}
        }
        let health = probe::health(address).await;
        n_silences = if health == Health::Ready { 0 } else { n_silences + 1 };
        if n_silences >= MAX_SILENCES {
            return End::Broken("it does not answer any more".to_owned());
        }
    }
}

async fn ended(status: io::Result<std::process::ExitStatus>, log: &Log) -> End {
    // Its last words may still be on their way.
    sleep(START_BEAT).await;
    let how = status.map_or_else(|error| error.to_string(), words);
    let said = log.complaint();
    End::Broken(if said.is_empty() { how } else { format!("{said} ({how})") })
}

/// How a process ended, in words.
fn words(status: std::process::ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            4 => "it ended with signal 4: this processor lacks instructions that it was built for"
                .to_owned(),
            9 => "it was killed; perhaps there was not enough memory".to_owned(),
            other => format!("it ended with signal {other}"),
        };
    }
    status.code().map_or_else(|| "it ended".to_owned(), |code| format!("it ended with code {code}"))
}

/// Waits until nobody needs the engine.
async fn unused(shared: &Shared) -> End {
    let mut changes = shared.users.subscribe();
    loop {
        let users = *changes.borrow_and_update();
        let is_starting = *shared.news.borrow() == Said::Starting;
        let until = deadline(&users, shared.launch.idle, shared.launch.linger);
        match until.filter(|_| !is_starting) {
            Some(until) if until <= Instant::now() => return End::Unused,
            Some(until) => tokio::select! {
                told = changes.changed() => if told.is_err() { return End::Unused },
                () = sleep_until(until) => {}
            },
            None => {
                if changes.changed().await.is_err() {
                    return End::Unused;
                }
            }
        }
    }
}

/// When the engine ends if nothing changes; `None` while it works.
fn deadline(users: &Users, idle: Duration, linger: Duration) -> Option<Instant> {
    if users.n_uses > 0 {
        return None;
    }
    let far = || Instant::now() + Duration::from_hours(24);
    let idle = users.last_use.checked_add(idle).unwrap_or_else(far);
    if users.n_clients > 0 || users.is_kept {
        return Some(idle);
    }
    let alone = users.last_client.max(users.last_use);
    Some(idle.min(alone.checked_add(linger).unwrap_or_else(far)))
}

async fn finish(child: &mut Child, engine: &Process) {
    engine.ask_to_end();
    if timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

/// Lets in whoever comes.
async fn answer_all(listener: Listener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok(wire) => drop(tokio::spawn(answer(Line::new(wire), shared.clone()))),
            // Out of file handles, most likely: the next one may have better luck.
            Err(_) => sleep(START_BEAT).await,
        }
    }
}

async fn answer(mut line: Line, shared: Arc<Shared>) -> io::Result<()> {
    let Ok(hello) = timeout(GRACE, line.hear::<Hello>()).await else { return Ok(()) };
    let Some(hello) = hello? else { return Ok(()) };
    if hello.key.as_deref() != shared.control.key() {
        return Ok(());
    }
    if hello.want == Want::Stop {
        shared.stop.notify_one();
        return tell_until(&mut line, &shared, |said| *said == Said::Stopping).await;
    }
    let own = shared.launch.fingerprint();
    let is_other = hello.fingerprint.is_some_and(|fingerprint| fingerprint != own);
    if is_other && shared.users.borrow().n_uses == 0 {
        line.say(&Said::Outdated).await?;
        shared.stop.notify_one();
        return Ok(());
    }
    let _counted = Counted::new(&shared, hello.want);
    tell_until(&mut line, &shared, |said| *said != Said::Starting).await?;
    line.gone().await;
    Ok(())
}

/// Tells what there is to tell, until the last of it.
async fn tell_until(
    line: &mut Line,
    shared: &Shared,
    is_last: impl Fn(&Said) -> bool,
) -> io::Result<()> {
    let mut news = shared.news.subscribe();
    loop {
        let said = news.borrow_and_update().clone();
        line.say(&said).await?;
        if is_last(&said) || news.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// Counts a connection as long as it stands.
struct Counted<'a> {
    shared: &'a Shared,
    want: Want,
}

impl<'a> Counted<'a> {
    fn new(shared: &'a Shared, want: Want) -> Self {
        shared.users.send_modify(|users| match want {
            Want::Use => users.n_uses += 1,
            Want::Hold => users.n_clients += 1,
            Want::Keep => users.is_kept = true,
            Want::Stop => {}
        });
        Self { shared, want }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.shared.users.send_modify(|users| match self.want {
            Want::Use => {
                users.n_uses -= 1;
                users.last_use = now;
            }
            Want::Hold => {
                users.n_clients -= 1;
                users.last_client = now;
            }
            Want::Keep | Want::Stop => {}
        });
    }
}

/// The signals that end a supervisor as it should.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "other systems can fail here")]
    fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn come(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn come(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_mins(10);
    const LINGER: Duration = Duration::from_secs(30);

    fn users(n_uses: usize, n_clients: usize) -> Users {
        let now = Instant::now();
        Users { n_uses, n_clients, is_kept: false, last_use: now, last_client: now }
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_works_has_no_end() {
        assert_eq!(deadline(&users(1, 0), IDLE, LINGER), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_soon_after_the_last_client_and_late_with_one() {
        let now = Instant::now();
        assert_eq!(deadline(&users(0, 0), IDLE, LINGER), Some(now + LINGER));
        assert_eq!(deadline(&users(0, 1), IDLE, LINGER), Some(now + IDLE));
        let kept = Users { is_kept: true, ..users(0, 0) };
        assert_eq!(deadline(&kept, IDLE, LINGER), Some(now + IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_no_use_counts_from_the_last_request() {
        let before = users(0, 0);
        tokio::time::advance(Duration::from_mins(9)).await;
        let users = Users { last_client: Instant::now(), n_clients: 0, ..before };
        assert_eq!(
            deadline(&users, IDLE, LINGER),
            Some(Instant::now() + LINGER),
            "a client that leaves late does not make it stay for long"
        );
    }
}
