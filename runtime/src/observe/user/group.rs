//! The metrics of one operator's subtask, by name.

use std::sync::OnceLock;

use super::{Counter, Gauge, Histogram, Meter};

/// Metrics that an operator's function has asked for, in one subtask. A metric is made when it is first asked for.
///
/// Asking is cheap enough for every record as long as there are few, since they are found one after another. Whoever wants it
/// cheaper still keeps a clone, for example in a field set by `open`.
///
/// ```
/// use millstream::observe::Counter;
/// use millstream::prelude::*;
///
/// #[derive(Clone, Default)]
/// struct Audit {
///     large: Counter,
/// }
///
/// impl Process for Audit {
///     type In = u64;
///     type Out = u64;
///     fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
///         self.large = ctx.metrics().counter("largeOrders").clone();
///         Ok(())
///     }
///     fn process(&mut self, order: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
///         self.large.add(u64::from(order > 1_000));
///         ctx.metrics().histogram("orderValue").record(order as f64);
///         out.emit(order);
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct MetricGroup {
    /// A list to which any thread may add at the end, and that any thread may read meanwhile.
    first: OnceLock<Box<Node>>,
}

#[derive(Debug)]
struct Node {
    name: String,
    metric: Metric,
    next: OnceLock<Box<Node>>,
}

/// A metric of any kind.
#[derive(Debug)]
pub(crate) enum Metric {
    Counter(Counter),
    Gauge(Gauge),
    Meter(Meter),
    Histogram(Histogram),
}

impl MetricGroup {
    /// The counter of this name.
    pub fn counter(&self, name: &str) -> &Counter {
        let new = || Metric::Counter(Counter::default());
        self.find(name, new, |metric| if let Metric::Counter(counter) = metric { Some(counter) } else { None })
    }

    /// The gauge of this name.
    pub fn gauge(&self, name: &str) -> &Gauge {
        let new = || Metric::Gauge(Gauge::default());
        self.find(name, new, |metric| if let Metric::Gauge(gauge) = metric { Some(gauge) } else { None })
    }

    /// The meter of this name.
    pub fn meter(&self, name: &str) -> &Meter {
        let new = || Metric::Meter(Meter::default());
        self.find(name, new, |metric| if let Metric::Meter(meter) = metric { Some(meter) } else { None })
    }

    /// The histogram of this name.
    pub fn histogram(&self, name: &str) -> &Histogram {
        let new = || Metric::Histogram(Histogram::default());
        self.find(name, new, |metric| if let Metric::Histogram(histogram) = metric { Some(histogram) } else { None })
    }

    fn find<'a, M>(&'a self, name: &str, new: impl Fn() -> Metric, of: impl Fn(&'a Metric) -> Option<&'a M>) -> &'a M {
        let mut link = &self.first;
        loop {
            // Another thread may have added something else meanwhile, so what is found is looked at in any case.
            let make = || Box::new(Node { name: name.to_owned(), metric: new(), next: OnceLock::new() });
            let node = link.get_or_init(make);
            if node.name == name
                && let Some(metric) = of(&node.metric)
            {
                return metric;
            }
            link = &node.next;
        }
    }

    /// All metrics with their names, in the order in which they were first asked for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Metric)> {
        let nodes = std::iter::successors(self.first.get(), |node| node.next.get());
        nodes.map(|node| (node.name.as_str(), &node.metric))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_metric_of_its_kind() {
        let group = MetricGroup::default();
        group.counter("a").add(2);
        group.counter("b").increment();
        group.counter("a").clone().add(3);
        group.meter("a").mark(7);
        assert_eq!(group.counter("a").get(), 5);
        assert_eq!(group.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b", "a"]);
    }

    #[test]
    fn threads_share_what_they_ask_for_at_once() {
        let group = MetricGroup::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| ["a", "b", "c"].iter().cycle().take(300).for_each(|name| group.counter(name).add(1)));
            }
        });
        assert_eq!(group.iter().count(), 3);
        assert!(["a", "b", "c"].iter().all(|name| group.counter(name).get() == 400));
    }
}
