//! What is made of two streams' windows: pairs, or what a function makes of both sides.

use std::borrow::Cow;

use super::Stream;
use super::joined::{Groups, Pairs, WindowedJoin};
use super::stream::NodeSpec;
use crate::data::{Data, Key};
use crate::graph::{Downstream, NodeContext};
use crate::join::{CoGroup, CoGroupFn, EitherInputs, EitherSelector, Group, PairStage, SidesFold};
use crate::operator::{Collector, Either, Link, OnError, Output};
use crate::window::fold::Folded;
use crate::window::function::WindowLogic;
use crate::window::runner::{WindowPlan, WindowRunner};
use crate::window::{IntoResult, Late, WindowContext, Windows};

impl<K: Key, L: Data, R: Data> WindowedJoin<K, L, R, Pairs> {
    /// One result per pair of a left and a right record in a window.
    #[track_caller]
    pub fn apply<O: Data>(self, pair: impl FnMut(&L, &R) -> O + Clone + Send + Sync + 'static) -> Stream<O> {
        self.pairs(move || {
            let mut pair = pair.clone();
            move |left: &L, right: &R, out: &mut Collector<O>| out.emit(pair(left, right))
        })
    }

    /// Any number of results per pair of a left and a right record in a window.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{EventTimeTrigger, Global};
    /// # let env = Environment::new("example");
    /// let [left, right] = [[1, 2], [2, 3]].map(|numbers| env.from_collection(numbers).key_by_owned(|_| ()));
    /// let join = left.join(right).window(Global).trigger(EventTimeTrigger);
    /// let out = join.flat_map(|a, b| (a < b).then_some(a * 10 + b)).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take_sorted(), [12, 13, 23]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn flat_map<I>(self, pair: impl FnMut(&L, &R) -> I + Clone + Send + Sync + 'static) -> Stream<I::Item>
    where
        I: IntoIterator<Item: Data> + 'static,
    {
        self.pairs(move || {
            let mut pair = pair.clone();
            move |left: &L, right: &R, out: &mut Collector<I::Item>| out.extend(pair(left, right))
        })
    }

    #[track_caller]
    fn pairs<O: Data, F>(self, function: impl Fn() -> F + Send + Sync + 'static) -> Stream<O>
    where
        F: FnMut(&L, &R, &mut Collector<O>) + 'static,
    {
        let emit = |_: &K, group: Cow<'_, Group<L, R>>, _: &mut WindowContext<'_>, out: &mut Collector<Group<L, R>>| {
            if !group.left.is_empty() && !group.right.is_empty() {
                out.emit(group.into_owned());
            }
            Ok(())
        };
        let logic = Folded::new(SidesFold::default(), emit);
        self.run("window_join", logic, move |ctx, downstream| {
            Output::in_front_of(downstream.output::<O>(ctx), |last| PairStage::new(function(), last))
        })
    }
}

impl<K: Key, L: Data, R: Data> WindowedJoin<K, L, R, Groups> {
    /// Hands the records of each window, left and right, to a function, which returns nothing or a
    /// [`Result`](crate::Result).
    #[track_caller]
    pub fn apply<O: Data, I: IntoResult>(
        self,
        group: impl Fn(&[L], &[R], &mut Collector<O>) -> I + Clone + Send + Sync + 'static,
    ) -> Stream<O> {
        self.group(NodeSpec::anonymous("co_group"), CoGroupFn::new(group))
    }

    /// Applies a [`CoGroup`], which can ask for the window.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::join::CoGroup;
    /// # use millstream::window::{EventTimeTrigger, Global};
    /// #[derive(Clone)]
    /// struct Missing;
    ///
    /// impl CoGroup for Missing {
    ///     type Left = u32;
    ///     type Right = u32;
    ///     type Out = u32;
    ///     fn co_group(&self, left: &[u32], right: &[u32], _: &mut WindowContext<'_>, out: &mut Collector<u32>) -> Result<()> {
    ///         out.extend(left.iter().copied().filter(|_| right.is_empty()));
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let [left, right] = [[1, 2], [2, 3]].map(|numbers| env.from_collection(numbers).key_by(|n| n));
    /// let groups = left.co_group(right).window(Global).trigger(EventTimeTrigger);
    /// let missing = groups.process("missing", Missing).collect();
    /// # env.execute()?;
    /// assert_eq!(missing.take(), [1]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<G: CoGroup<Left = L, Right = R>>(self, name: &str, group: G) -> Stream<G::Out> {
        self.group(NodeSpec { anonymous: false, ..NodeSpec::anonymous(name) }, group)
    }

    fn group<G: CoGroup<Left = L, Right = R>>(self, spec: NodeSpec, function: G) -> Stream<G::Out> {
        let emit =
            move |_: &K, group: Cow<'_, Group<L, R>>, window: &mut WindowContext<'_>, out: &mut Collector<G::Out>| {
                function.co_group(&group.left, &group.right, window, out)
            };
        let logic = Folded::new(SidesFold::default(), emit);
        self.run_as(spec, logic, |ctx, downstream| downstream.output(ctx))
    }
}

impl<K: Key, L: Data, R: Data, M> WindowedJoin<K, L, R, M> {
    #[track_caller]
    fn run<F, O: Data>(
        self,
        name: &str,
        logic: F,
        output: impl Fn(&NodeContext, Downstream) -> Output<F::Out> + Send + Sync + 'static,
    ) -> Stream<O>
    where
        F: WindowLogic<K, In = Either<L, R>> + Clone + Send + Sync,
    {
        self.run_as(NodeSpec::anonymous(name), logic, output)
    }

    /// Adds a window operator whose output is made by `output`, and ends in records of type `O`.
    fn run_as<F, O: Data>(
        self,
        mut spec: NodeSpec,
        logic: F,
        output: impl Fn(&NodeContext, Downstream) -> Output<F::Out> + Send + Sync + 'static,
    ) -> Stream<O>
    where
        F: WindowLogic<K, In = Either<L, R>> + Clone + Send + Sync,
    {
        let windows = self.windows.unwrap_or_else(|error| {
            spec.invalid = Some(error.to_string());
            Windows::global()
        });
        let (evictor, allowed_lateness) = (self.evictor, self.allowed_lateness);
        let plan = WindowPlan { windows, evictor, allowed_lateness, late_output: None, on_error: OnError::Fail };
        let (left_late, right_late) = self.late;
        let late = Late::by(move |value, time, sides| match value {
            Either::Left(left) => left_late.is_some_and(|tag| sides.emit(tag, left, time)),
            Either::Right(right) => right_late.is_some_and(|tag| sides.emit(tag, right, time)),
        });
        self.streams.transform_keyed_with(spec, move |selectors, ctx, downstream| {
            let selector = EitherSelector::shared(selectors);
            let runner = WindowRunner::with_late(&plan, late.clone(), selector, logic.clone());
            Link::new(ctx.uid.clone(), EitherInputs::new(runner), output(ctx, downstream))
        })
    }
}
