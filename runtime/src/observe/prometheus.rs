//! Serves the metrics of all jobs of this process to Prometheus.

use std::net::{SocketAddr, TcpListener};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::reporter;
use crate::actor::threads;

/// Metrics that cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The address is taken, or not one of this machine's.
    #[error("cannot serve metrics on {address}: {error}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The process already has a recorder.
    #[error("cannot serve metrics on {address}: this process records its metrics elsewhere already")]
    RecorderInstalled {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The server could not be started.
    #[error("cannot serve metrics on {address}: {reason}")]
    Start {
        /// What was asked for.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
}

/// Serves the metrics of the jobs that are started from now on, as long as the process runs, and answers with the
/// address: that which was asked for, but with port 0 a free port.
///
/// Counters are copied once a second while a job runs, and a last time when it ends. Any path of the address will do.
///
/// ```
/// let address = millstream::observe::serve_metrics(([127, 0, 0, 1], 0).into())?;
/// println!("http://{address}/metrics");
/// # Ok::<(), millstream::observe::MetricsError>(())
/// ```
pub fn serve_metrics(address: SocketAddr) -> Result<SocketAddr, MetricsError> {
    let free = TcpListener::bind(address).and_then(|listener| listener.local_addr());
    let address = free.map_err(|error| MetricsError::Listen { address, error })?;
    let failed = |reason: String| MetricsError::Start { address, reason };
    // The jobs have runtimes of their own, and may be gone when somebody asks.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let (recorder, server) = {
        let _entered = runtime.enter();
        PrometheusBuilder::new().with_http_listener(address).build().map_err(|error| failed(error.to_string()))?
    };
    reporter::describe(&recorder);
    metrics::set_global_recorder(recorder).map_err(|_| MetricsError::RecorderInstalled { address })?;
    let serve = move || {
        if let Err(error) = runtime.block_on(server) {
            tracing::error!("metrics are no longer served on {address}: {error:?}");
        }
    };
    threads::spawn("metrics", serve).map_err(|error| failed(error.to_string()))?;
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let message = serve_metrics(address).unwrap_err().to_string();
        assert!(message.contains(&address.to_string()) && message.contains("in use"), "{message}");
    }
}
