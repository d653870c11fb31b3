//! Applying annotated operators.
