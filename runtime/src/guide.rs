//! The chapters of the guide, so that their code is tested with the rest of the documentation.

/// Has the code of chapters compiled and run as doctests.
macro_rules! chapters {
    ($($module:ident $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../../docs/src/", $file))]
            mod $module {}
        )*
    };
}

chapters! {
    annotations "annotations.md",
    async_io "async-io.md",
    checkpoints "checkpoints.md",
    configuration "configuration.md",
    event_time "event-time.md",
    getting_started "getting-started.md",
    joins "joins.md",
    patterns "patterns.md",
    side_outputs "side-outputs.md",
    skew "skew.md",
    state "state.md",
    streams "streams.md",
    testing "testing.md",
    two_inputs "two-inputs.md",
    windows "windows.md",
}
