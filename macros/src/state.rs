//! One declared state: what `#[state(..)]` on a parameter or a field says.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, Ident, Meta, Type};

use crate::attribute::{Argument, Arguments, Takes};
use crate::diagnostics::{Diagnostics, one_of};
use crate::duration::duration;
use crate::options::is_path;
use crate::types::{last_segment, written};

/// The largest row that the runtime implements `StateRow` for.
pub(crate) const MAX_STATES: usize = 8;

const ARGUMENTS: &[Argument] = &[
    Argument { key: "name", takes: Takes::Value, example: "name = \"total\"" },
    Argument { key: "alias", takes: Takes::Value, example: "alias = \"old_name\"" },
    Argument { key: "ttl", takes: Takes::Value, example: "ttl = \"1 day\"" },
    Argument { key: "ttl_update", takes: Takes::Value, example: "ttl_update = on_read_and_write" },
    Argument { key: "ttl_visibility", takes: Takes::Value, example: "ttl_visibility = until_cleaned_up" },
    Argument { key: "reduce", takes: Takes::Value, example: "reduce = |a, b| a + b" },
    Argument { key: "aggregate", takes: Takes::Value, example: "aggregate = Mean" },
];

/// The handles of what is kept for each key, as they are written.
const KEYED: &[&str] = &["Value<T>", "List<T>", "Map<K, V>", "Reducing<T>", "Aggregating<A>"];

/// The handles of what is kept for each subtask, as they are written.
const OPERATOR: &[&str] = &["ListState<T>", "UnionList<T>", "BroadcastState<K, V>"];

/// What a state is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Key,
    Subtask,
}

/// A state of an operator.
pub(crate) struct State {
    pub(crate) scope: Scope,
    /// The parameter or field.
    pub(crate) ident: Ident,
    /// The handle's type, such as `Value<u64>`.
    pub(crate) handle: Type,
    /// What the state is called in snapshots: an expression of type `&'static str`.
    name: TokenStream,
    aliases: Vec<Expr>,
    /// An expression of type `Ttl`.
    ttl: Option<TokenStream>,
    /// An expression that makes the empty handle.
    pub(crate) empty: TokenStream,
}

impl State {
    /// Checks one declaration. `None` if the type is no handle.
    pub(crate) fn model(
        ident: &Ident,
        handle: &Type,
        attribute: &Attribute,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let arguments = arguments_of(attribute, diagnostics);
        let kind = last_segment(handle).map(|segment| segment.ident.to_string()).unwrap_or_default();
        let scope = scope(&kind, handle, diagnostics)?;
        if scope == Scope::Subtask {
            check_immortal(&kind, &arguments, diagnostics);
        }
        let empty = empty_handle(&kind, handle, &arguments, diagnostics);
        let name = arguments.value("name").map(|name| name.to_token_stream());
        Some(Self {
            scope,
            ident: ident.clone(),
            handle: handle.clone(),
            name: name.unwrap_or_else(|| {
                let name = syn::ext::IdentExt::unraw(ident).to_string();
                quote!(#name)
            }),
            aliases: aliases(&arguments),
            ttl: ttl(&arguments, diagnostics),
            empty,
        })
    }

    /// An expression of type `StateSpec`.
    pub(crate) fn spec(&self) -> TokenStream {
        let Self { name, aliases, .. } = self;
        let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
        let ttl = self.ttl.iter();
        quote!(::millstream::state::StateSpec::new(#name) #aliases #(.ttl(#ttl))*)
    }
}

/// Parts an operator's states into those of keys and those of the subtask. Reports names that are used twice, and more
/// states of keys than a row holds, for which it answers `None`.
pub(crate) fn by_scope(states: Vec<State>, diagnostics: &mut Diagnostics) -> Option<(Vec<State>, Vec<State>)> {
    check_names(&states, diagnostics);
    let (keyed, operator): (Vec<_>, Vec<_>) = states.into_iter().partition(|state| state.scope == Scope::Key);
    if let Some(state) = keyed.get(MAX_STATES) {
        let count = keyed.len();
        let fix = "put some of them into one `Value` of a struct";
        diagnostics
            .error(&state.ident, format!("{count} states are too many: at most {MAX_STATES} are allowed; {fix}"));
        return None;
    }
    Some((keyed, operator))
}

fn check_names(states: &[State], diagnostics: &mut Diagnostics) {
    let mut taken: Vec<String> = Vec::new();
    for state in states {
        for name in
            std::iter::once(&state.name).cloned().chain(state.aliases.iter().map(|alias| alias.to_token_stream()))
        {
            let written = name.to_string();
            if taken.contains(&written) {
                let fix = "give it another with `#[state(name = \"..\")]`";
                diagnostics
                    .error(spot(&name, state), format!("two states of this operator are called {written}: {fix}"));
            }
            taken.push(written);
        }
    }
}

/// Rule: a state is one of the handles.
fn scope(kind: &str, handle: &Type, diagnostics: &mut Diagnostics) -> Option<Scope> {
    if example(kind, KEYED).is_some() {
        return Some(Scope::Key);
    }
    if example(kind, OPERATOR).is_some() {
        return Some(Scope::Subtask);
    }
    let (found, keyed, operator) = (written(handle), one_of(KEYED.iter().copied()), one_of(OPERATOR.iter().copied()));
    let fix = format!("for each key write {keyed}; for each subtask, {operator}");
    diagnostics.error(handle, format!("`{found}` is not a state: {fix}"));
    None
}

/// Rule: only what is kept for a key is forgotten by itself.
fn check_immortal(kind: &str, arguments: &Arguments, diagnostics: &mut Diagnostics) {
    if let Some(key) = arguments.keys().find(|key| key.to_string().starts_with("ttl")) {
        let fix = "leave it out, or keep a state for each key, such as a `Value<T>` behind `.key_by(..)`";
        diagnostics.error(key, format!("`{key}` belongs to the states of keys, but this one is a `{kind}`: {fix}"));
    }
}

/// A name that was written stands for itself, one that was taken from the parameter for the parameter.
fn spot(name: &TokenStream, state: &State) -> TokenStream {
    let unwritten = name.to_string() == format!("{:?}", state.ident.to_string());
    if unwritten { state.ident.to_token_stream() } else { name.clone() }
}

fn arguments_of(attribute: &Attribute, diagnostics: &mut Diagnostics) -> Arguments {
    match &attribute.meta {
        Meta::Path(_) => Arguments::default(),
        Meta::List(list) => Arguments::parse(list.tokens.clone(), "#[state]", ARGUMENTS, diagnostics),
        Meta::NameValue(value) => {
            diagnostics.error(value, "`#[state]` takes its arguments in parentheses: write `#[state(name = \"..\")]`");
            Arguments::default()
        }
    }
}

/// How the handle called `kind` is written, if it is among `handles`.
fn example(kind: &str, handles: &[&'static str]) -> Option<&'static str> {
    handles.iter().find(|handle| handle.split('<').next() == Some(kind)).copied()
}

fn empty_handle(kind: &str, handle: &Type, arguments: &Arguments, diagnostics: &mut Diagnostics) -> TokenStream {
    for (key, owner) in [("reduce", "Reducing"), ("aggregate", "Aggregating")] {
        if let Some(written) = arguments.key(key)
            && kind != owner
        {
            let message = format!(
                "`{key}` belongs to `{owner}`, but this state is a `{kind}`: leave it out, or use `{}`",
                example(owner, KEYED).unwrap_or(owner)
            );
            diagnostics.error(written, message);
        }
    }
    let span = handle.span();
    match kind {
        "Reducing" => match arguments.value("reduce") {
            Some(reduce) => quote_spanned!(span=> <#handle>::new(#reduce)),
            None => {
                let message = "a `Reducing` state needs to know how two values become one: write `#[state(reduce = |a, b| a + b)]`";
                diagnostics.error(handle, message);
                quote!(::millstream::__private::unfinished())
            }
        },
        "Aggregating" if arguments.value("aggregate").is_some() => {
            let aggregate = arguments.value("aggregate");
            quote_spanned!(span=> <#handle>::new(#aggregate))
        }
        _ => quote_spanned!(span=> <#handle as ::core::default::Default>::default()),
    }
}

fn aliases(arguments: &Arguments) -> Vec<Expr> {
    match arguments.value("alias") {
        None => Vec::new(),
        Some(Expr::Array(several)) => several.elems.iter().cloned().collect(),
        Some(one) => vec![one.clone()],
    }
}

/// An expression of type `Ttl`, of a duration or a `Ttl` and the words that change it.
fn ttl(arguments: &Arguments, diagnostics: &mut Diagnostics) -> Option<TokenStream> {
    let changes = TTL_WORDS.iter().map(|(key, words)| change(key, words, arguments, diagnostics)).collect::<Vec<_>>();
    let lifetime = arguments.value("ttl").map(|ttl| duration("ttl", ttl, diagnostics))?;
    Some(quote!(::millstream::state::Ttl::from(#lifetime) #(#changes)*))
}

/// The arguments that change a time to live: the words that each may be, and what they call. The first is what goes unsaid.
const TTL_WORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "ttl_update",
        &[("on_create_and_write", ""), ("on_read_and_write", "renewed_by_reading"), ("disabled", "disabled")],
    ),
    ("ttl_visibility", &[("never_return_expired", ""), ("until_cleaned_up", "visible_until_cleaned_up")]),
];

/// The call that one of them makes.
fn change(
    key: &str,
    words: &[(&str, &str)],
    arguments: &Arguments,
    diagnostics: &mut Diagnostics,
) -> Option<TokenStream> {
    let value = arguments.value(key)?;
    if arguments.key("ttl").is_none() {
        diagnostics.error(arguments.key(key), format!("`{key}` without `ttl`: add `ttl = \"1 day\"`, or leave it out"));
    }
    let Some((_, call)) = words.iter().find(|(word, _)| is_path(value, word)) else {
        let (found, allowed) = (written(value), one_of(words.iter().map(|(word, _)| *word)));
        diagnostics.error(value, format!("`{key}` cannot be `{found}`: write {allowed}"));
        return None;
    };
    let call = (!call.is_empty()).then(|| Ident::new(call, value.span()))?;
    Some(quote!(.#call()))
}
