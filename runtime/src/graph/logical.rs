//! What the user wired.

use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::{EdgeType, RuntimeMode};
use crate::channel::partitioner::Partitioning;
use crate::checkpoint::{CheckpointMode, Checkpointing, RestartStrategy, Rhythm};
use crate::connector::{Boundedness, Guarantee};
use crate::data::Data;
use crate::observe::OperatorMetrics;
use crate::operator::{AnyStage, BoxStage, Fork, Output, SideOutputs, TaskContext};
use crate::state::StateBackend;
use crate::task::{CommitterFactory, EnumeratorFactory, SourceTask};
use crate::testing::Injection;

/// A node's number, in order of being added.
pub(crate) type NodeId = usize;

/// What holds for the whole job.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) job: String,
    pub(crate) parallelism: usize,
    pub(crate) max_parallelism: usize,
    pub(crate) chaining: bool,
    /// `None` for no checkpoints.
    pub(crate) checkpointing: Option<Checkpointing>,
    /// What to go on from: `latest`, or a snapshot's path.
    pub(crate) restore: Option<String>,
    /// Whether state that no operator takes may be dropped at a restore.
    pub(crate) allow_non_restored_state: bool,
    /// `None` for the default, which depends on whether there are checkpoints.
    pub(crate) restart: Option<RestartStrategy>,
    /// Where the rows of keyed operators are kept.
    pub(crate) state_backend: StateBackend,
    pub(crate) mode: RuntimeMode,
    /// What is to go wrong, in a test.
    pub(crate) faults: Injection,
}

impl Settings {
    fn new(job: &str) -> Self {
        Self {
            job: job.to_owned(),
            parallelism: 1,
            max_parallelism: crate::state::DEFAULT_KEY_GROUPS,
            chaining: true,
            checkpointing: None,
            restore: None,
            allow_non_restored_state: false,
            restart: None,
            state_backend: StateBackend::default(),
            mode: RuntimeMode::default(),
            faults: Injection::default(),
        }
    }

    /// What becomes of the job when a part of it fails.
    pub(crate) fn restart_strategy(&self) -> RestartStrategy {
        match (&self.restart, &self.checkpointing) {
            (Some(strategy), _) => strategy.clone(),
            (None, Some(_)) => RestartStrategy::exponential(),
            (None, None) => RestartStrategy::None,
        }
    }

    /// When snapshots are triggered and given up.
    pub(crate) fn rhythm(&self) -> Rhythm {
        match &self.checkpointing {
            Some(checkpointing) => checkpointing.rhythm(),
            None => Rhythm::commit_once(),
        }
    }

    pub(crate) fn is_at_least_once(&self) -> bool {
        self.checkpointing.as_ref().is_some_and(|set| set.mode == CheckpointMode::AtLeastOnce)
    }
}

/// Whether an operator may share a subtask with its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Chaining {
    /// With both.
    #[default]
    Always,
    /// Only with those behind it.
    Head,
    /// With none.
    Never,
}

/// The operators and streams of a job.
pub(crate) struct Graph {
    pub(crate) settings: Settings,
    pub(crate) nodes: Vec<Node>,
}

/// One operator.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) uid: Option<String>,
    /// Whether it keeps state, and so needs a uid that lasts.
    pub(crate) stateful: bool,
    /// Whether its name was made up by the library (a closure's) and so says nothing lasting.
    pub(crate) anonymous: bool,
    pub(crate) parallelism: Option<usize>,
    pub(crate) max_parallelism: Option<usize>,
    pub(crate) chaining: Chaining,
    pub(crate) slot_group: Option<String>,
    /// Where in the user's code it was added.
    pub(crate) location: &'static Location<'static>,
    pub(crate) inputs: Vec<Edge>,
    pub(crate) body: Body,
    /// A setting that cannot be, found while building and reported when the job is planned.
    pub(crate) invalid: Option<String>,
}

/// A stream from one operator to another.
pub(crate) struct Edge {
    pub(crate) from: NodeId,
    /// The side output it carries; `None` for the main output.
    pub(crate) side: Option<&'static str>,
    /// The receiver's input.
    pub(crate) port: usize,
    /// As the user asked; `None` for forward where possible, else rebalance.
    pub(crate) partitioning: Option<Partitioning>,
    pub(crate) edge_type: Arc<dyn EdgeType>,
}

/// What a node does, as factories that make it anew in each subtask.
pub(crate) enum Body {
    Source { make: MakeSource, enumerator: EnumeratorFactory, boundedness: Boundedness },
    Operator(MakeStages),
    Sink { make: MakeStages, committer: CommitterFactory, guarantee: Guarantee },
}

/// Makes an operator's stage for each of its inputs.
pub(crate) type MakeStages =
    Arc<dyn Fn(NodeContext, Downstream) -> Result<Vec<AnyStage>, Box<crate::TaskError>> + Send + Sync>;
/// Makes a source's reading end.
pub(crate) type MakeSource =
    Arc<dyn Fn(NodeContext, Downstream) -> Result<Box<dyn SourceTask>, Box<crate::TaskError>> + Send + Sync>;

/// What an operator is told when it is made.
pub(crate) struct NodeContext {
    pub(crate) node: NodeId,
    pub(crate) uid: Arc<str>,
    pub(crate) task: Rc<TaskContext>,
    pub(crate) metrics: Arc<OperatorMetrics>,
    /// Asks the enumerator of this source for splits; nothing for any other operator.
    pub(crate) request_splits: Rc<dyn Fn()>,
}

/// The stages behind an operator.
#[derive(Default)]
pub(crate) struct Downstream {
    pub(crate) main: Vec<AnyStage>,
    pub(crate) sides: SideOutputs,
}

impl Downstream {
    /// Everything behind the main output as one stage.
    pub(crate) fn stage<T: Data>(main: Vec<AnyStage>) -> BoxStage<T> {
        Fork::of(main.into_iter().map(AnyStage::typed).collect())
    }

    /// The output side of an operator in this place.
    pub(crate) fn output<T: Data>(self, ctx: &NodeContext) -> Output<T> {
        Output::new(Rc::clone(&ctx.task), Arc::clone(&ctx.metrics), Self::stage(self.main), self.sides)
    }
}

impl Graph {
    pub(crate) fn new(job: &str) -> Self {
        Self { settings: Settings::new(job), nodes: Vec::new() }
    }

    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(crate) fn parallelism(&self, node: NodeId) -> usize {
        self.nodes[node].parallelism.unwrap_or(self.settings.parallelism)
    }

    pub(crate) fn max_parallelism(&self, node: NodeId) -> usize {
        self.nodes[node].max_parallelism.unwrap_or(self.settings.max_parallelism)
    }

    /// What a message calls a node: its name, and where the user added it.
    pub(crate) fn describe(&self, node: NodeId) -> String {
        let Node { name, location, .. } = &self.nodes[node];
        format!("`{name}` ({}:{})", location.file(), location.line())
    }

    /// What metrics call a node: its name, with its number if another has the same name.
    pub(crate) fn label(&self, node: NodeId) -> String {
        let name = &self.nodes[node].name;
        let unique = self.nodes.iter().filter(|other| other.name == *name).count() == 1;
        if unique { name.clone() } else { format!("{name}#{node}") }
    }

    /// A node's identity in snapshots: its uid, else its name; of an anonymous one its place. That two operators with
    /// state share one is an error; the others get their place, too.
    pub(crate) fn uid(&self, node: NodeId) -> String {
        let Node { name, uid, anonymous, stateful, .. } = &self.nodes[node];
        match uid {
            Some(uid) => uid.clone(),
            None if *anonymous => format!("{name}#{node}"),
            None if *stateful => name.clone(),
            None => self.label(node),
        }
    }
}
