import org.apache.flink.cep.pattern.conditions.IterativeCondition;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/** The conditions that a case may use. */
final class Condition extends IterativeCondition<Integer> {
    private static final long serialVersionUID = 1;

    /** How often conditions are asked for one case, lest one with exponentially many matches takes for ever. */
    private static final int LIMIT = 200_000;

    private static int asked;

    private final String what;
    private final String name;
    private final int limit;

    private Condition(String what, String name, int limit) {
        this.what = what;
        this.name = name;
        this.limit = limit;
    }

    static Condition read(JsonNode node) {
        String what = Patterns.tag(node);
        JsonNode first = Patterns.argument(node, 0);
        return switch (what) {
            case "any" -> new Condition(what, null, 0);
            case "kind", "rises" -> new Condition(what, first.asText(), 0);
            case "above" -> new Condition(what, null, first.asInt());
            case "sum" -> new Condition(what, first.asText(), Patterns.argument(node, 1).asInt());
            default -> throw new IllegalArgumentException("no condition is called " + what);
        };
    }

    /** To be called for each case. */
    static void begin() {
        asked = 0;
    }

    @Override
    public boolean filter(Integer id, Context<Integer> context) throws Exception {
        if (++asked > LIMIT) {
            throw new IllegalStateException("conditions are asked more than " + LIMIT + " times");
        }
        Event event = Event.of(id);
        switch (what) {
            case "any":
                return true;
            case "kind":
                return event.kind().equals(name);
            case "above":
                return event.value() > limit;
            case "rises":
                boolean above = true;
                for (Integer other : context.getEventsForPattern(name)) {
                    above = event.value() > Event.of(other).value();
                }
                return above;
            default:
                int sum = event.value();
                for (Integer other : context.getEventsForPattern(name)) {
                    sum += Event.of(other).value();
                }
                return sum < limit;
        }
    }
}
