//! What streams a struct with states is for, and so which trait says what it does.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::Arguments;
use crate::diagnostics::Diagnostics;

/// The streams that an operator is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A keyed stream: `KeyedProcess`.
    Single,
    /// Two streams with the same keys: `KeyedCoProcess`.
    Connect,
    /// A keyed stream and a broadcast: `KeyedBroadcastProcess`.
    Broadcast,
}

impl Form {
    /// Rule: an operator has one form.
    pub(crate) fn model(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Self {
        match (arguments.key("connect"), arguments.key("broadcast")) {
            (None, None) => Self::Single,
            (Some(_), None) => Self::Connect,
            (connect, Some(broadcast)) => {
                if connect.is_some() {
                    let fix = "`connect` is for two keyed streams, `broadcast` for a keyed stream and one that every subtask sees: leave one of them out";
                    diagnostics.error(broadcast, format!("an operator cannot be both: {fix}"));
                }
                Self::Broadcast
            }
        }
    }

    /// The trait that the struct implements by hand.
    pub(crate) fn process(self) -> TokenStream {
        match self {
            Self::Single => quote!(::millstream::operator::KeyedProcess),
            Self::Connect => quote!(::millstream::operator::KeyedCoProcess),
            Self::Broadcast => quote!(::millstream::operator::KeyedBroadcastProcess),
        }
    }

    /// What the operator takes as a record, and so what its policy for errors is about.
    pub(crate) fn record(self) -> TokenStream {
        let process = self.process();
        match self {
            Self::Single | Self::Broadcast => quote!(<Self as #process>::In),
            Self::Connect => {
                quote!(::millstream::operator::Either<<Self as #process>::Left, <Self as #process>::Right>)
            }
        }
    }
}
