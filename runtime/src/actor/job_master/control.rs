//! What is asked of a running job from outside.

use tokio::sync::mpsc;

/// Takes a savepoint's path, or why there is none.
pub(crate) type Reply = Box<dyn FnOnce(Result<String, String>) + Send>;

/// A request.
pub(crate) enum Command {
    /// Take a savepoint; with `stop`, end the job after it. Answers with its path, or why there is none.
    Savepoint { stop: bool, reply: Option<Reply> },
    /// End the job at once.
    Cancel,
}

/// Sends requests to a job. Requests to one that has ended are dropped, and with them their replies.
#[derive(Debug, Clone)]
pub(crate) struct Controller {
    commands: mpsc::UnboundedSender<Command>,
}

impl Controller {
    pub(crate) fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

/// Receives requests.
#[derive(Debug)]
pub(crate) struct Control {
    commands: mpsc::UnboundedReceiver<Command>,
    /// Keeps the channel open when nobody else can send.
    _controller: Controller,
}

impl Control {
    pub(crate) fn new() -> (Controller, Self) {
        let (sender, commands) = mpsc::unbounded_channel();
        let controller = Controller { commands: sender };
        (controller.clone(), Self { commands, _controller: controller })
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Command {
        match self.commands.recv().await {
            Some(command) => command,
            // Never: one sender is held here.
            None => std::future::pending().await,
        }
    }

    /// Waits for a request that ends the job; others are refused.
    pub(crate) async fn stop_requested(&mut self) {
        loop {
            match self.next().await {
                Command::Cancel => return,
                Command::Savepoint { stop, reply } => {
                    if let Some(reply) = reply {
                        reply(Err("the job is being restarted".to_owned()));
                    }
                    if stop {
                        return;
                    }
                }
            }
        }
    }
}
