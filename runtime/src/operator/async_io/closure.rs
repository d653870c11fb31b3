//! An asynchronous closure as a function.

use std::marker::PhantomData;

use super::{AsyncContext, AsyncFunction};
use crate::data::Data;
use crate::error::Result;

/// One result per record.
pub(crate) struct AsyncMap<T, F> {
    function: F,
    _type: PhantomData<fn(T)>,
}

impl<T, F> AsyncMap<T, F> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, _type: PhantomData }
    }
}

impl<T, F: Clone> Clone for AsyncMap<T, F> {
    fn clone(&self) -> Self {
        Self::new(self.function.clone())
    }
}

impl<T, U, F, R> AsyncFunction for AsyncMap<T, F>
where
    T: Data,
    U: Data,
    F: Fn(T) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<U>> + Send + 'static,
{
    type In = T;
    type Out = U;

    async fn call(&self, value: T, _ctx: &AsyncContext) -> Result<Vec<U>> {
        (self.function)(value).await.map(|result| vec![result])
    }
}
