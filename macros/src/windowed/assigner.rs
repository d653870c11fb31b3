//! `window = ..`, `trigger = ..` and `evictor = ..`: short forms such as `tumbling("1 min")`, or any expression.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, ExprCall, ExprLit, Lit};

use crate::diagnostics::{Diagnostics, one_of};
use crate::duration::duration;

/// A short form of a window, a trigger or an evictor.
struct Short {
    word: &'static str,
    example: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    kind: Kind,
}

/// What the arguments of a short form are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Durations,
    /// Any expressions.
    Numbers,
    Trigger,
    TriggerAndDuration,
}

const WINDOWS: &[Short] = &[
    Short { word: "tumbling", example: "tumbling(\"1 min\")", arguments: 1..=1, kind: Kind::Durations },
    Short { word: "sliding", example: "sliding(\"1 min\", \"10 s\")", arguments: 2..=2, kind: Kind::Durations },
    Short { word: "session", example: "session(\"30 s\")", arguments: 1..=1, kind: Kind::Durations },
    Short { word: "count", example: "count(100)", arguments: 1..=2, kind: Kind::Numbers },
    Short { word: "global", example: "global()", arguments: 0..=0, kind: Kind::Numbers },
];

const TRIGGERS: &[Short] = &[
    Short { word: "count", example: "count(100)", arguments: 1..=1, kind: Kind::Numbers },
    Short { word: "purging", example: "purging(count(100))", arguments: 1..=1, kind: Kind::Trigger },
    Short { word: "event_time", example: "event_time()", arguments: 0..=0, kind: Kind::Numbers },
    Short { word: "processing_time", example: "processing_time()", arguments: 0..=0, kind: Kind::Numbers },
    Short {
        word: "continuous_event_time",
        example: "continuous_event_time(\"10 s\")",
        arguments: 1..=1,
        kind: Kind::Durations,
    },
    Short {
        word: "continuous_processing_time",
        example: "continuous_processing_time(\"10 s\")",
        arguments: 1..=1,
        kind: Kind::Durations,
    },
    Short { word: "delta", example: "delta(5.0, distance)", arguments: 2..=2, kind: Kind::Numbers },
    Short {
        word: "timeout",
        example: "timeout(count(100), \"10 s\")",
        arguments: 2..=2,
        kind: Kind::TriggerAndDuration,
    },
];

const EVICTORS: &[Short] = &[
    Short { word: "count", example: "count(100)", arguments: 1..=1, kind: Kind::Numbers },
    Short { word: "time", example: "time(\"1 min\")", arguments: 1..=1, kind: Kind::Durations },
    Short { word: "delta", example: "delta(5.0, distance)", arguments: 2..=2, kind: Kind::Numbers },
];

/// The expression of the window assigner, given as `key`.
pub(crate) fn window(key: &str, value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    expand(key, WINDOWS, value, diagnostics)
}

/// The expression of the evictor.
pub(crate) fn evictor(value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    expand("evictor", EVICTORS, value, diagnostics)
}

/// The expression of the trigger.
pub(crate) fn trigger(value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    expand("trigger", TRIGGERS, value, diagnostics)
}

fn expand(key: &str, shorts: &[Short], value: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    match value {
        // Settings behind a short form, such as `tumbling("1 h").offset("15 min")`.
        Expr::MethodCall(call) => {
            let receiver = expand(key, shorts, &call.receiver, diagnostics);
            let (method, turbofish) = (&call.method, &call.turbofish);
            let name = method.to_string();
            let arguments: Vec<_> = call.args.iter().map(|argument| lenient(&name, argument, diagnostics)).collect();
            quote!(#receiver.#method #turbofish (#(#arguments),*))
        }
        Expr::Call(call) => match word(call) {
            Some(word) => short(key, shorts, word, call, diagnostics),
            None => value.to_token_stream(),
        },
        Expr::Lit(literal) => {
            let found = literal.to_token_stream();
            diagnostics.error(value, format!("`{key}` cannot be {found}: write {}", examples(shorts)));
            unfinished(key)
        }
        other => other.to_token_stream(),
    }
}

/// The single lower-case word that is called, if the callee is one.
fn word(call: &ExprCall) -> Option<&Ident> {
    match &*call.func {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}

fn short(key: &str, shorts: &[Short], word: &Ident, call: &ExprCall, diagnostics: &mut Diagnostics) -> TokenStream {
    let Some(short) = shorts.iter().find(|short| word == short.word) else {
        let fix =
            format!("write {}, or a function of your own with its path, such as `self::{word}(..)`", examples(shorts));
        diagnostics.error(word, format!("there is no {key} `{word}`: {fix}"));
        return unfinished(key);
    };
    if !short.arguments.contains(&call.args.len()) {
        diagnostics.error(call, format!("`{word}` is not called like this: write `{}`", short.example));
        return unfinished(key);
    }
    let arguments = call.args.iter().enumerate().map(|(index, argument)| match short.kind {
        Kind::Durations if matches!(argument, Expr::Closure(_)) => argument.to_token_stream(),
        Kind::Durations => duration(short.word, argument, diagnostics),
        Kind::Numbers => argument.to_token_stream(),
        Kind::TriggerAndDuration if index > 0 => duration(short.word, argument, diagnostics),
        Kind::Trigger | Kind::TriggerAndDuration => trigger(argument, diagnostics),
    });
    let arguments: Vec<_> = arguments.collect();
    let is_dynamic = matches!(call.args.first(), Some(Expr::Closure(_)));
    let path = path(key, short.word, arguments.len(), is_dynamic);
    match arguments.as_slice() {
        [] => quote_spanned!(word.span()=> ::millstream::window::#path),
        arguments => quote_spanned!(word.span()=> ::millstream::window::#path(#(#arguments),*)),
    }
}

/// What a short form stands for: a constructor, or a value where there is nothing to say.
fn path(key: &str, word: &str, arguments: usize, is_dynamic: bool) -> TokenStream {
    match (key, word) {
        ("trigger", "count") => quote!(CountTrigger::of),
        ("trigger", "purging") => quote!(PurgingTrigger::of),
        ("trigger", "event_time") => quote!(EventTimeTrigger),
        ("trigger", "continuous_event_time") => quote!(ContinuousEventTimeTrigger::every),
        ("trigger", "continuous_processing_time") => quote!(ContinuousProcessingTimeTrigger::every),
        ("trigger", "delta") => quote!(DeltaTrigger::of),
        ("trigger", "timeout") => quote!(ProcessingTimeoutTrigger::of),
        ("trigger", _) => quote!(ProcessingTimeTrigger),
        ("evictor", "count") => quote!(CountEvictor::keep),
        ("evictor", "time") => quote!(TimeEvictor::keep),
        ("evictor", _) => quote!(DeltaEvictor::of),
        (_, "tumbling") => quote!(Tumbling::of),
        (_, "sliding") => quote!(Sliding::of),
        // A gap that depends on the record.
        (_, "session") if is_dynamic => quote!(Session::dynamic_gap),
        (_, "session") => quote!(Session::gap),
        (_, "count") if arguments == 2 => quote!(CountWindow::sliding),
        (_, "count") => quote!(CountWindow::tumbling),
        (_, _) => quote!(Global),
    }
}

/// A setting's argument: text is a duration, anything else stays as it is.
fn lenient(method: &str, argument: &Expr, diagnostics: &mut Diagnostics) -> TokenStream {
    match argument {
        Expr::Lit(ExprLit { lit: Lit::Str(_), .. }) => duration(method, argument, diagnostics),
        other => other.to_token_stream(),
    }
}

fn examples(shorts: &[Short]) -> String {
    one_of(shorts.iter().map(|short| short.example))
}

/// Stands in for an expression that is wrong, with a type that fits.
fn unfinished(key: &str) -> TokenStream {
    let ty = match key {
        "trigger" => quote!(EventTimeTrigger),
        "evictor" => quote!(CountEvictor),
        _ => quote!(Tumbling),
    };
    quote!(::millstream::__private::unfinished::<::millstream::window::#ty>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[track_caller]
    fn check(value: Expr, expected: TokenStream) {
        let mut diagnostics = Diagnostics::new();
        assert_eq!(window("window", &value, &mut diagnostics).to_string(), expected.to_string());
        assert_eq!(diagnostics.into_messages(), [""; 0]);
    }

    #[track_caller]
    fn check_wrong(value: Expr, message: &str) {
        let mut diagnostics = Diagnostics::new();
        window("window", &value, &mut diagnostics);
        let messages = diagnostics.into_messages();
        assert!(messages.len() == 1 && messages[0].starts_with(message), "{messages:?}");
    }

    #[test]
    fn a_short_form_stands_for_a_constructor() {
        let minute = quote!(::core::time::Duration::new(60u64, 0u32));
        check(parse_quote!(tumbling("1 min")), quote!(::millstream::window::Tumbling::of(#minute)));
        check(parse_quote!(session("1 min")), quote!(::millstream::window::Session::gap(#minute)));
        check(parse_quote!(count(size, 2)), quote!(::millstream::window::CountWindow::sliding(size, 2)));
        check(parse_quote!(global()), quote!(::millstream::window::Global));
    }

    #[test]
    fn a_trigger_may_stand_in_another() {
        let mut diagnostics = Diagnostics::new();
        let value = parse_quote!(purging(timeout(count(100), "1 min").reset_on_record()));
        let minute = quote!(::core::time::Duration::new(60u64, 0u32));
        let count = quote!(::millstream::window::CountTrigger::of(100));
        let timeout = quote!(::millstream::window::ProcessingTimeoutTrigger::of(#count, #minute).reset_on_record());
        let expected = quote!(::millstream::window::PurgingTrigger::of(#timeout));
        assert_eq!(trigger(&value, &mut diagnostics).to_string(), expected.to_string());
        assert_eq!(diagnostics.into_messages(), [""; 0]);
    }

    #[test]
    fn an_evictor_may_be_told_its_side() {
        let mut diagnostics = Diagnostics::new();
        let expected = quote!(::millstream::window::CountEvictor::keep(3).after());
        assert_eq!(evictor(&parse_quote!(count(3).after()), &mut diagnostics).to_string(), expected.to_string());
        assert_eq!(diagnostics.into_messages(), [""; 0]);
    }

    #[test]
    fn settings_follow_a_short_form() {
        check(
            parse_quote!(tumbling(size).offset("1 s").processing_time()),
            quote!(
                ::millstream::window::Tumbling::of(size)
                    .offset(::core::time::Duration::new(1u64, 0u32))
                    .processing_time()
            ),
        );
    }

    #[test]
    fn any_other_expression_stays_as_it_is() {
        check(parse_quote!(args.window()), quote!(args.window()));
        check(parse_quote!(Tumbling::of(size)), quote!(Tumbling::of(size)));
    }

    #[test]
    fn what_is_no_window_says_what_is() {
        check_wrong(parse_quote!(tumblin("1 min")), "there is no window `tumblin`: write `tumbling(\"1 min\")`");
        check_wrong(parse_quote!(sliding("1 min")), "`sliding` is not called like this: write `sliding");
        check_wrong(parse_quote!("1 min"), "`window` cannot be \"1 min\"");
        check_wrong(parse_quote!(tumbling(60)), "`tumbling` is not a duration (`60` has no unit)");
    }
}
