//! An error as one message.

use std::error::Error;

/// The error with all its causes, each told once: many errors tell their cause in their own message too.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Cause, JobError, Site, TaskError};

    #[test]
    fn every_cause_is_told_once() {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let error = anyhow::Error::new(missing).context("cannot read `stops.txt`").context("bad configuration");
        assert_eq!(causes(error.as_ref()), "bad configuration: cannot read `stops.txt`: no such file");
    }

    #[test]
    fn a_cause_inside_the_message_is_not_repeated() {
        let source = crate::connector::SourceError::Invalid("no such directory".to_owned());
        let error =
            TaskError { operator: "lines".to_owned(), subtask: 0, site: Site::default(), cause: Cause::from(source) };
        let error = JobError::from(Box::new(error));
        assert_eq!(causes(&error), "operator `lines`, subtask 0: no such directory");
    }
}
