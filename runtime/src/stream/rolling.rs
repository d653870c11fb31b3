//! Rolling folds of a keyed stream: a result for every record.

use std::marker::PhantomData;
use std::ops::AddAssign;

use super::{KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::Aggregate;
use crate::operator::keyed::Rolling;

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Combines each record with what its key's records before it gave, and emits the result.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([3, 1, 4]).key_by_owned(|_| ()).reduce(|a, b| a * 10 + b).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [3, 31, 314]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn reduce(self, reduce: impl FnMut(T, T) -> T + Clone + Send + Sync + 'static) -> Stream<T> {
        self.rolling("reduce", Reduce { reduce, _type: PhantomData })
    }

    /// Folds each key's records by an [`Aggregate`], and emits key and result for every record.
    #[track_caller]
    pub fn aggregate<A: Aggregate<In = T>>(self, aggregate: A) -> Stream<(K, A::Out)> {
        self.rolling("aggregate", Aggregated { aggregate, _key: PhantomData })
    }

    /// The running sum of a number in each record, with the key.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # let env = Environment::new("example");
    /// let out = env.from_collection([('a', 1), ('a', 2)]).key_by(|pair| &pair.0).sum(|pair| pair.1).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), [('a', 1), ('a', 3)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn sum<N>(self, number: impl FnMut(&T) -> N + Clone + Send + Sync + 'static) -> Stream<(K, N)>
    where
        N: Data + AddAssign,
    {
        self.rolling("sum", folded(number, |sum: &mut N, number| *sum += number))
    }

    /// The smallest so far of a part of each record, with the key.
    #[track_caller]
    pub fn min<V>(self, part: impl FnMut(&T) -> V + Clone + Send + Sync + 'static) -> Stream<(K, V)>
    where
        V: Data + PartialOrd,
    {
        self.rolling("min", folded(part, |least, value| replace_if(least, value, |value, least| value < least)))
    }

    /// The largest so far of a part of each record, with the key.
    #[track_caller]
    pub fn max<V>(self, part: impl FnMut(&T) -> V + Clone + Send + Sync + 'static) -> Stream<(K, V)>
    where
        V: Data + PartialOrd,
    {
        self.rolling("max", folded(part, |most, value| replace_if(most, value, |value, most| value > most)))
    }

    /// The record so far whose part is smallest; the first of equals.
    #[track_caller]
    pub fn min_by<V>(self, part: impl FnMut(&T) -> V + Clone + Send + Sync + 'static) -> Stream<T>
    where
        V: PartialOrd + 'static,
    {
        self.rolling("min_by", Best { part, better: |new: &V, old: &V| new < old, _type: PhantomData })
    }

    /// The record so far whose part is largest; the first of equals.
    #[track_caller]
    pub fn max_by<V>(self, part: impl FnMut(&T) -> V + Clone + Send + Sync + 'static) -> Stream<T>
    where
        V: PartialOrd + 'static,
    {
        self.rolling("max_by", Best { part, better: |new: &V, old: &V| new > old, _type: PhantomData })
    }

    /// How many records each key has had so far, with the key.
    #[track_caller]
    pub fn count(self) -> Stream<(K, u64)> {
        self.rolling("count", folded(|_: &T| 1u64, |count, one| *count += one))
    }
}

struct Reduce<T, F> {
    reduce: F,
    _type: PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for Reduce<T, F> {
    fn clone(&self) -> Self {
        Self { reduce: self.reduce.clone(), _type: PhantomData }
    }
}

impl<K, T: Data, F: FnMut(T, T) -> T + Clone + Send + Sync + 'static> Rolling<K> for Reduce<T, F> {
    type In = T;
    type Acc = T;
    type Out = T;

    fn roll(&mut self, _key: &K, acc: &mut Option<T>, value: T) -> T {
        let reduced = match acc.take() {
            Some(before) => (self.reduce)(before, value),
            None => value,
        };
        acc.insert(reduced).clone()
    }
}

struct Aggregated<K, A> {
    aggregate: A,
    _key: PhantomData<fn(K)>,
}

impl<K, A: Clone> Clone for Aggregated<K, A> {
    fn clone(&self) -> Self {
        Self { aggregate: self.aggregate.clone(), _key: PhantomData }
    }
}

impl<K: Key, A: Aggregate> Rolling<K> for Aggregated<K, A> {
    type In = A::In;
    type Acc = A::Acc;
    type Out = (K, A::Out);

    fn roll(&mut self, key: &K, acc: &mut Option<A::Acc>, value: A::In) -> (K, A::Out) {
        let acc = acc.get_or_insert_with(|| self.aggregate.create());
        self.aggregate.add(acc, value);
        (key.clone(), self.aggregate.result(acc))
    }
}

/// A fold of a part of each record into an accumulator of the part's type.
struct Folded<T, V, P, F> {
    part: P,
    fold: F,
    _types: PhantomData<fn(T) -> V>,
}

fn folded<T, V, P: FnMut(&T) -> V, F: FnMut(&mut V, V)>(part: P, fold: F) -> Folded<T, V, P, F> {
    Folded { part, fold, _types: PhantomData }
}

impl<T, V, P: Clone, F: Clone> Clone for Folded<T, V, P, F> {
    fn clone(&self) -> Self {
        Self { part: self.part.clone(), fold: self.fold.clone(), _types: PhantomData }
    }
}

impl<K, T, V, P, F> Rolling<K> for Folded<T, V, P, F>
where
    K: Key,
    T: Data,
    V: Data,
    P: FnMut(&T) -> V + Clone + Send + Sync + 'static,
    F: FnMut(&mut V, V) + Clone + Send + Sync + 'static,
{
    type In = T;
    type Acc = V;
    type Out = (K, V);

    #[inline]
    fn roll(&mut self, key: &K, acc: &mut Option<V>, value: T) -> (K, V) {
        let part = (self.part)(&value);
        let acc = match acc {
            Some(acc) => {
                (self.fold)(acc, part);
                acc
            }
            None => acc.insert(part),
        };
        (key.clone(), acc.clone())
    }
}

fn replace_if<V>(old: &mut V, new: V, better: impl FnOnce(&V, &V) -> bool) {
    if better(&new, old) {
        *old = new;
    }
}

/// Keeps the record whose part is best.
struct Best<T, V, P> {
    part: P,
    better: fn(&V, &V) -> bool,
    _type: PhantomData<fn(T)>,
}

impl<T, V, P: Clone> Clone for Best<T, V, P> {
    fn clone(&self) -> Self {
        Self { part: self.part.clone(), better: self.better, _type: PhantomData }
    }
}

impl<K, T, V, P> Rolling<K> for Best<T, V, P>
where
    T: Data,
    V: 'static,
    P: FnMut(&T) -> V + Clone + Send + Sync + 'static,
{
    type In = T;
    type Acc = T;
    type Out = T;

    fn roll(&mut self, _key: &K, acc: &mut Option<T>, value: T) -> T {
        if let Some(best) = acc
            && !(self.better)(&(self.part)(&value), &(self.part)(best))
        {
            return best.clone();
        }
        acc.insert(value).clone()
    }
}
