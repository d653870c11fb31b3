//! Windowed.
use crate::{attribute::*, diagnostics::*, operator::parse::*};
use proc_macro2::TokenStream;
use syn::*;
pub(crate) fn from_function(_a: &Arguments, _f: ItemFn, _i: Inputs, _d: &mut Diagnostics) -> TokenStream {
    todo!()
}
pub(crate) fn from_impl(_a: &Arguments, _f: ItemImpl, _d: &mut Diagnostics) -> TokenStream {
    todo!()
}
