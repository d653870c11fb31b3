//! What all clients of a cluster share: where it is, how they are configured, where their messages go.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// How long the cluster may take to answer, unless the connector says otherwise.
pub(super) const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How clients reach a cluster.
#[derive(Debug, Clone)]
pub(super) struct ClientSettings {
    /// `host:port`, separated by commas.
    pub(super) brokers: String,
    /// The user's own settings of librdkafka, which go before any of ours.
    pub(super) properties: BTreeMap<String, String>,
    /// How long the cluster may take to answer.
    pub(super) request_timeout: Duration,
}

impl ClientSettings {
    pub(super) fn new(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), properties: BTreeMap::new(), request_timeout: DEFAULT_REQUEST_TIMEOUT }
    }

    /// The settings of a client: `defaults`, over them the user's, over them what is `needed`.
    pub(super) fn config(&self, defaults: &[(&str, &str)], needed: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "millstream");
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.brokers);
        for (key, value) in needed {
            config.set(*key, *value);
        }
        config
    }

    /// Finds settings that cannot be. `ours` are those of librdkafka that the connector decides about.
    pub(super) fn validate(&self, ours: &[&str]) -> Result<(), String> {
        if self.brokers.split(',').all(|broker| broker.trim().is_empty()) {
            return Err("no Kafka brokers are given: name at least one as `host:port`".to_owned());
        }
        match self.properties.keys().find(|key| *key == "bootstrap.servers" || ours.contains(&key.as_str())) {
            Some(key) => Err(format!("the property `{key}` is set by the connector itself: use its methods")),
            None => Ok(()),
        }
    }
}

/// Hands what clients have to say over to the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Logging;

impl ClientContext for Logging {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // All that is not fatal is dealt with by the client itself, such as brokers that are down.
        tracing::warn!("Kafka: {error}: {reason}");
    }
}

impl ConsumerContext for Logging {}

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
            tracing::warn!("librdkafka: {facility} {message}");
        }
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!("librdkafka: {facility} {message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!("librdkafka: {facility} {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_the_user_go_before_defaults_and_not_before_what_is_needed() {
        let mut settings = ClientSettings::new("a:1");
        for key in ["linger.ms", "enable.idempotence"] {
            settings.properties.insert(key.to_owned(), "7".to_owned());
        }
        let config = settings.config(&[("linger.ms", "1"), ("acks", "all")], &[("enable.idempotence", "true")]);
        let found = ["linger.ms", "acks", "enable.idempotence", "bootstrap.servers"].map(|key| config.get(key));
        assert_eq!(found, [Some("7"), Some("all"), Some("true"), Some("a:1")]);
    }

    #[test]
    fn what_the_connector_decides_is_not_a_property() {
        let mut settings = ClientSettings::new("a:1");
        assert_eq!(settings.validate(&["transactional.id"]), Ok(()));
        settings.properties.insert("transactional.id".to_owned(), "x".to_owned());
        let error = settings.validate(&["transactional.id"]).unwrap_err();
        assert!(error.contains("transactional.id"), "{error}");
        assert!(ClientSettings::new(" ,").validate(&[]).is_err());
    }
}
