import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/** An event of a case: {@code [kind, value, time, key]}. */
record Event(int id, String kind, int value, long time, int key) {

    /**
     * The events of the case that is being judged. What flows through Flink is an event's number in here, so that no
     * serializer has to be told of events.
     */
    static Event[] all = {};

    static Event of(Integer id) {
        return all[id];
    }

    static Event read(int id, JsonNode node) {
        return new Event(
                id, node.get(0).asText(), node.get(1).asInt(), node.get(2).asLong(), node.get(3).asInt());
    }
}
