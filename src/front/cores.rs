//! The threads that serve clients. Each has a runtime of its own, so that what happens on a session's sockets wakes its
//! thread and no other: between two threads there is no queue, no lock and no system call on a statement's way.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// All of them. They end when this is dropped, and with them what still runs there.
#[derive(Debug)]
pub struct Cores {
    cores: Vec<Core>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Core {
    handle: Handle,
    /// Each task there holds one more.
    load: Arc<()>,
    thread: Option<JoinHandle<()>>,
}

impl Cores {
    /// How many threads this machine should have: half its processors. A thread that is busy takes several sessions'
    /// messages per system call, one that keeps falling asleep costs two switches for each; and the kernel's side of the
    /// sockets, the journal and often the databases want processors too.
    pub fn wanted() -> usize {
        std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2)
    }

    /// Starts `count` threads, at least one. Errors: the system has no thread or no descriptor left.
    pub fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut cores = Self { cores: Vec::new(), stop };
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let mut stopped = stopped.clone();
            let run = move || {
                if runtime.block_on(stopped.wait_for(|stop| *stop)).is_err() {
                    tracing::debug!("a thread of sessions outlived its owner");
                }
            };
            let thread = std::thread::Builder::new().name(format!("sessions-{number}")).spawn(run)?;
            cores.cores.push(Core { handle, load: Arc::default(), thread: Some(thread) });
        }
        Ok(cores)
    }

    /// Serves a client on the thread that has the fewest. `serve` is given the connection registered there.
    pub fn serve<S, F>(&self, tasks: &mut JoinSet<()>, tcp: TcpStream, serve: S)
    where
        S: FnOnce(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let Some(core) = self.cores.iter().min_by_key(|core| Arc::strong_count(&core.load)) else { return };
        let load = Arc::clone(&core.load);
        let task = async move {
            match tcp.into_std().and_then(TcpStream::from_std) {
                Ok(tcp) => serve(tcp).await,
                Err(error) => tracing::warn!(%error, "a client's connection could not be handed over"),
            }
            drop(load);
        };
        tasks.spawn_on(task, &core.handle);
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for core in &mut self.cores {
            if core.thread.take().is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("a thread of sessions panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clients_are_spread_over_the_threads_and_served_there() {
        let cores = Cores::start(2).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut clients = Vec::new();
        for _ in 0..4 {
            clients.push(TcpStream::connect(address).await.unwrap());
            let (tcp, _) = listener.accept().await.unwrap();
            let said = said.clone();
            cores.serve(&mut tasks, tcp, move |tcp| async move {
                said.send(std::thread::current().name().map(str::to_owned)).unwrap();
                // Until the client leaves.
                assert!(tcp.readable().await.is_ok());
            });
        }
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(heard.recv().await.unwrap().unwrap());
        }
        names.sort();
        assert_eq!(names, ["sessions-0", "sessions-0", "sessions-1", "sessions-1"]);
        drop(clients);
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    }
}
