//! The brokers of a cluster, and what they know of topics.

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, Instant};

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{DescribeConfigsRequest, MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::{Request, StrBytes};

use super::connection::Connection;
use super::error::{WireError, check};

/// How long to wait before a request is repeated.
const PAUSE: Duration = Duration::from_millis(20);
/// In requests for settings: those of a broker.
const BROKER: i8 = 4;

/// Talks to the brokers of a cluster, over connections that are made when they are needed and again when they break.
pub(in crate::kafka) struct Cluster {
    /// `host:port`, of which any leads to the cluster.
    bootstrap: Vec<String>,
    /// How long one request is repeated before it fails.
    patience: Duration,
    /// Where each broker is, as far as it is known.
    brokers: BTreeMap<i32, String>,
    connections: HashMap<i32, Connection>,
    /// Which broker coordinates a transactional id.
    pub(super) coordinators: HashMap<String, i32>,
}

/// What the cluster says of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) enum TopicState {
    /// It is there.
    Exists,
    /// It is not.
    Missing,
}

impl Cluster {
    /// A cluster that is found by any of some brokers, given as `host:port` separated by commas.
    pub(in crate::kafka) fn new(brokers: &str, patience: Duration) -> Self {
        Self {
            bootstrap: brokers.split(',').map(|broker| broker.trim().to_owned()).collect(),
            patience,
            brokers: BTreeMap::new(),
            connections: HashMap::new(),
            coordinators: HashMap::new(),
        }
    }

    /// Repeats what fails for a reason that may pass.
    pub(super) fn persist<T>(&mut self, call: impl FnMut(&mut Self) -> Result<T, WireError>) -> Result<T, WireError> {
        self.persist_unless(|_| false, call)
    }

    /// Repeats what fails for a reason that may pass, other than those that are final to the caller.
    pub(super) fn persist_unless<T>(
        &mut self,
        is_final: impl Fn(&WireError) -> bool,
        mut call: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let give_up = Instant::now() + self.patience;
        loop {
            match call(self) {
                Err(error) if error.is_transient() && !is_final(&error) && Instant::now() < give_up => {
                    tracing::debug!("asking again: {error}");
                    thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Sends a request to a broker.
    pub(super) fn call<R: Request>(&mut self, node: i32, request: &R, version: i16) -> Result<R::Response, WireError> {
        let connection = match self.connections.remove(&node) {
            Some(connection) => connection,
            None => self.connect(node)?,
        };
        self.keep(node, connection, request, version)
    }

    fn connect(&mut self, node: i32) -> Result<Connection, WireError> {
        if !self.brokers.contains_key(&node) {
            self.metadata(MetadataRequest::default().with_topics(Some(Vec::new())))?;
        }
        let address = self.brokers.get(&node).cloned().ok_or_else(|| WireError::Unintelligible {
            what: format!("connecting to broker {node}"),
            reason: "the cluster does not know it".to_owned(),
        })?;
        Connection::open(&address).map_err(|error| {
            // It may have moved.
            self.brokers.remove(&node);
            WireError::Io { address, error }
        })
    }

    /// Sends a request, and keeps the connection unless it is broken.
    fn keep<R: Request>(
        &mut self,
        node: i32,
        mut connection: Connection,
        request: &R,
        version: i16,
    ) -> Result<R::Response, WireError> {
        match connection.call(request, version) {
            Ok(response) => {
                self.connections.insert(node, connection);
                Ok(response)
            }
            Err(error) => Err(WireError::Io { address: connection.address().to_owned(), error }),
        }
    }

    /// Asks for brokers and topics, whoever of the cluster answers.
    fn metadata(&mut self, request: MetadataRequest) -> Result<MetadataResponse, WireError> {
        let response = self.ask_any(&request, 9)?;
        self.brokers = response
            .brokers
            .iter()
            .map(|broker| (broker.node_id.0, format!("{}:{}", broker.host, broker.port)))
            .collect();
        Ok(response)
    }

    /// Sends a request that every broker can answer.
    pub(super) fn ask_any<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, WireError> {
        if let Some(node) = self.connections.keys().next().copied()
            && let Some(connection) = self.connections.remove(&node)
            && let Ok(response) = self.keep(node, connection, request, version)
        {
            return Ok(response);
        }
        let mut failed = None;
        for address in &self.bootstrap {
            let answered = Connection::open(address).and_then(|mut connection| connection.call(request, version));
            match answered {
                Ok(response) => return Ok(response),
                Err(error) => failed = Some(WireError::Io { address: address.clone(), error }),
            }
        }
        Err(failed.unwrap_or_else(|| WireError::Unintelligible {
            what: "connecting to the cluster".to_owned(),
            reason: "no brokers are given".to_owned(),
        }))
    }

    /// The numbers of all brokers.
    pub(super) fn nodes(&mut self) -> Result<Vec<i32>, WireError> {
        self.metadata(MetadataRequest::default().with_topics(Some(Vec::new())))?;
        Ok(self.brokers.keys().copied().collect())
    }

    /// Whether there is a topic. One that is missing is not made by being asked for.
    pub(in crate::kafka) fn topic(&mut self, topic: &str) -> Result<TopicState, WireError> {
        let name = TopicName(StrBytes::from_string(topic.to_owned()));
        let asked = MetadataRequestTopic::default().with_name(Some(name));
        let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(false);
        self.persist(|cluster| {
            let response = cluster.metadata(request.clone())?;
            let code = response.topics.first().map_or(0, |topic| topic.error_code);
            match check(code, || format!("asking for topic {topic}")) {
                Ok(()) => Ok(TopicState::Exists),
                Err(WireError::Refused { error: kafka_protocol::ResponseError::UnknownTopicOrPartition, .. }) => {
                    Ok(TopicState::Missing)
                }
                Err(error) => Err(error),
            }
        })
    }

    /// The longest time for which brokers keep a transaction open; `None` if they do not tell.
    pub(in crate::kafka) fn max_transaction_timeout(&mut self) -> Result<Option<Duration>, WireError> {
        const SETTING: &str = "transaction.max.timeout.ms";
        self.persist(|cluster| {
            let Some(node) = cluster.nodes()?.first().copied() else { return Ok(None) };
            let resource = DescribeConfigsResource::default()
                .with_resource_type(BROKER)
                .with_resource_name(StrBytes::from_string(node.to_string()))
                .with_configuration_keys(Some(vec![StrBytes::from_static_str(SETTING)]));
            let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
            let response = cluster.call(node, &request, 4)?;
            let settings = response.results.iter().flat_map(|result| &result.configs);
            let value =
                settings.filter(|setting| setting.name.as_str() == SETTING).find_map(|setting| setting.value.clone());
            Ok(value.and_then(|value| value.parse().ok()).map(Duration::from_millis))
        })
    }
}
