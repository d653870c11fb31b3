//! The match buffer of one key: each event once, and the paths that partial matches have taken through them.
//!
//! This is the shared buffer of SASE+ (Agrawal, Diao, Gyllstrom, Immerman: *Efficient Pattern Matching over Event
//! Streams*, SIGMOD 2008), which keeps common beginnings of partial matches once. There, and in Flink, an entry has an edge
//! for each predecessor, and Dewey numbers tell which edges belong to which match. Here each edge is a node of its own that
//! names its one predecessor: as many nodes as there are edges, no versions to compare, and a path is found by following
//! it.
//!
//! Everything is counted: a node is held by the partial matches that end in it and by the nodes behind it, an event by its
//! nodes. Freed places are used again.

/// A node's place in the buffer.
pub(super) type NodeId = u32;
/// An event's place in the buffer.
pub(super) type EventId = u32;

/// So many nodes' room is kept when the buffer is empty.
const MAX_SPARE: usize = 256;

/// No node: a partial match that has taken no event yet.
pub(super) const NO_NODE: NodeId = u32::MAX;

/// An event that was taken by a stage, as a partial match's last one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) event: EventId,
    pub(super) stage: u16,
    holds: u32,
    pub(super) previous: NodeId,
}

#[derive(Debug, Clone)]
struct Slot<E> {
    /// `None` if the place is free, or its event is being worked on.
    event: Option<E>,
    holds: u32,
    /// Its place in the order of the key's events.
    sequence: u64,
}

/// The events of one key that partial matches have taken.
#[derive(Debug, Clone)]
pub(super) struct MatchBuffer<E> {
    nodes: Vec<Node>,
    free_nodes: Vec<NodeId>,
    slots: Vec<Slot<E>>,
    free_slots: Vec<EventId>,
}

impl<E> Default for MatchBuffer<E> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free_nodes: Vec::new(), slots: Vec::new(), free_slots: Vec::new() }
    }
}

impl<E> MatchBuffer<E> {
    /// A place for an event that is being worked on, which the caller holds.
    pub(super) fn reserve(&mut self, sequence: u64) -> EventId {
        let slot = Slot { event: None, holds: 1, sequence };
        match self.free_slots.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => push(&mut self.slots, slot),
        }
    }

    /// Puts an event into the place that was reserved for it, and gives up the caller's hold on it.
    pub(super) fn settle(&mut self, place: EventId, event: E) {
        self.slots[place as usize].event = Some(event);
        self.release_event(place);
    }

    /// A node that nobody holds yet; it holds its event and its predecessor.
    pub(super) fn add(&mut self, event: EventId, stage: u16, previous: NodeId) -> NodeId {
        self.slots[event as usize].holds += 1;
        self.hold(previous);
        let node = Node { event, stage, holds: 0, previous };
        match self.free_nodes.pop() {
            Some(place) => {
                self.nodes[place as usize] = node;
                place
            }
            None => push(&mut self.nodes, node),
        }
    }

    pub(super) fn hold(&mut self, node: NodeId) {
        if node != NO_NODE {
            self.nodes[node as usize].holds += 1;
        }
    }

    /// Gives up a hold on a node, and with the last one the node and its hold on its predecessor.
    pub(super) fn release(&mut self, mut node: NodeId) {
        while node != NO_NODE {
            let held = &mut self.nodes[node as usize];
            held.holds -= 1;
            if held.holds > 0 {
                break;
            }
            let Node { event, previous, .. } = *held;
            self.free_nodes.push(node);
            self.release_event(event);
            node = previous;
        }
        if self.free_nodes.len() == self.nodes.len() && self.free_slots.len() == self.slots.len() {
            self.clear();
        }
    }

    fn release_event(&mut self, place: EventId) {
        let slot = &mut self.slots[place as usize];
        slot.holds -= 1;
        if slot.holds == 0 {
            slot.event = None;
            self.free_slots.push(place);
        }
    }

    /// Forgets everything. Memory is kept for what comes, but for what a burst has taken.
    pub(super) fn clear(&mut self) {
        if self.nodes.capacity() > MAX_SPARE {
            *self = Self::default();
        }
        self.nodes.clear();
        self.free_nodes.clear();
        self.slots.clear();
        self.free_slots.clear();
    }

    /// What is in the buffer, with its places numbered anew: events by their order, nodes behind their predecessors.
    pub(super) fn packed(&self) -> Packed<&E> {
        let mut events: Vec<EventId> = (0..self.slots.len() as EventId).filter(|at| self.is_event(*at)).collect();
        events.sort_unstable_by_key(|at| self.sequence(*at));
        let mut nodes: Vec<NodeId> = (0..self.nodes.len() as NodeId).filter(|at| self.is_node(*at)).collect();
        nodes.sort_unstable_by_key(|at| self.sequence(self.nodes[*at as usize].event));
        let places = numbers(&events, self.slots.len());
        let numbers = numbers(&nodes, self.nodes.len());
        let pack = |at: &NodeId| {
            let Node { event, stage, previous, .. } = self.nodes[*at as usize];
            (places[event as usize], stage, numbers.get(previous as usize).copied().unwrap_or(NO_NODE))
        };
        Packed {
            events: events.iter().map(|at| (self.sequence(*at), self.event(*at))).collect(),
            nodes: nodes.iter().map(pack).collect(),
            numbers,
        }
    }

    /// A buffer of what was packed, in which nobody holds the nodes yet. `None` if events or nodes refer to others that are
    /// not there.
    pub(super) fn unpacked(events: Vec<(u64, E)>, nodes: &[(EventId, u16, NodeId)]) -> Option<Self> {
        let mut buffer = Self::default();
        for (sequence, _) in &events {
            buffer.reserve(*sequence);
        }
        for (number, (event, stage, previous)) in nodes.iter().enumerate() {
            let is_there = (*event as usize) < events.len() && (*previous == NO_NODE || (*previous as usize) < number);
            if !is_there {
                return None;
            }
            buffer.add(*event, *stage, *previous);
        }
        for (place, (_, event)) in events.into_iter().enumerate() {
            buffer.settle(place as EventId, event);
        }
        Some(buffer)
    }

    /// Whether there is such a node.
    pub(super) fn is_node(&self, at: NodeId) -> bool {
        self.nodes.get(at as usize).is_some_and(|node| node.holds > 0)
    }

    fn is_event(&self, at: EventId) -> bool {
        self.slots[at as usize].holds > 0
    }

    /// How many nodes and events are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.nodes.len() - self.free_nodes.len(), self.slots.len() - self.free_slots.len())
    }

    pub(super) fn event(&self, place: EventId) -> &E {
        self.slots[place as usize].event.as_ref().expect("invariant: an event stays as long as its nodes")
    }

    /// An event's place in the order of the key's events.
    pub(super) fn sequence(&self, place: EventId) -> u64 {
        self.slots[place as usize].sequence
    }

    /// A node and those before it, the last first.
    pub(super) fn path(&self, last: NodeId) -> impl Iterator<Item = Node> + '_ {
        let node = move |at: NodeId| if at == NO_NODE { None } else { Some(self.nodes[at as usize]) };
        std::iter::successors(node(last), move |before| node(before.previous))
    }

    /// The events that a stage has taken on a path, the last first.
    pub(super) fn events_of(&self, last: NodeId, stage: u16) -> smallvec::SmallVec<[EventId; 8]> {
        self.path(last).filter(|node| node.stage == stage).map(|node| node.event).collect()
    }
}

/// What is in a buffer, without gaps.
pub(super) struct Packed<E> {
    /// With their places in the order of the key's events.
    pub(super) events: Vec<(u64, E)>,
    /// Event, stage and predecessor.
    pub(super) nodes: Vec<(EventId, u16, NodeId)>,
    /// The new numbers of nodes.
    pub(super) numbers: Vec<NodeId>,
}

/// New numbers for places, in the order given.
fn numbers(places: &[u32], count: usize) -> Vec<u32> {
    let mut numbers = vec![NO_NODE; count];
    for (number, place) in places.iter().enumerate() {
        numbers[*place as usize] = number as u32;
    }
    numbers
}

/// Appends, and answers where.
fn push<T>(to: &mut Vec<T>, element: T) -> u32 {
    let place = u32::try_from(to.len()).ok().filter(|place| *place != NO_NODE);
    to.push(element);
    place.expect("invariant: fewer than 2^32 - 1 nodes per key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_beginnings_stay_until_the_last_path_is_given_up() {
        let mut buffer = MatchBuffer::default();
        let take = |buffer: &mut MatchBuffer<char>, event: char, previous| {
            let place = buffer.reserve(u64::from(event));
            let node = buffer.add(place, 0, previous);
            buffer.hold(node);
            buffer.settle(place, event);
            node
        };
        let a = take(&mut buffer, 'a', NO_NODE);
        let (b, c) = (take(&mut buffer, 'b', a), take(&mut buffer, 'c', a));
        buffer.release(a);
        assert_eq!(buffer.len(), (3, 3));
        buffer.release(b);
        assert_eq!(buffer.path(c).map(|node| *buffer.event(node.event)).collect::<String>(), "ca");
        assert_eq!(buffer.len(), (2, 2));
        buffer.release(c);
        assert_eq!(buffer.len(), (0, 0));
    }
}
