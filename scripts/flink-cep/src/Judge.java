import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.cep.EventComparator;
import org.apache.flink.cep.functions.PatternProcessFunction;
import org.apache.flink.cep.functions.TimedOutPartialMatchHandler;
import org.apache.flink.cep.nfa.compiler.NFACompiler;
import org.apache.flink.cep.operator.CepOperator;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** Answers one case by running Flink's CEP operator over it. */
final class Judge {
    private static final OutputTag<Integer> LATE = new OutputTag<>("late", Types.INT);
    private static final OutputTag<String> TIMED_OUT = new OutputTag<>("timed out", Types.STRING);

    private Judge() {}

    /**
     * The answer: {@code refused}, or {@code matches}, {@code timed_out} and {@code late}, with {@code failed} if the job
     * failed on the way.
     */
    static ObjectNode judge(ObjectMapper json, JsonNode given) {
        ObjectNode answer = json.createObjectNode();
        Pattern<Integer, Integer> pattern;
        NFACompiler.NFAFactory<Integer> factory;
        try {
            pattern = Patterns.sequence(given.get("pattern"), Patterns.skip(given.get("skip")));
            factory = NFACompiler.compileFactory(pattern, true);
        } catch (RuntimeException | StackOverflowError refused) {
            return answer.put("refused", message(refused));
        }

        boolean processingTime = given.path("processing_time").asBoolean();
        EventComparator<Integer> comparator = given.path("by_value").asBoolean() ? new ByValue() : null;
        CepOperator<Integer, Integer, String> operator =
                new CepOperator<>(
                        IntSerializer.INSTANCE,
                        processingTime,
                        factory,
                        comparator,
                        pattern.getAfterMatchSkipStrategy(),
                        new Write(),
                        LATE);
        List<Event> events = new ArrayList<>();
        for (JsonNode item : given.get("input")) {
            if (item.isArray()) {
                events.add(Event.read(events.size(), item));
            }
        }
        Condition.begin();
        Event.all = events.toArray(Event[]::new);

        try (var harness = new KeyedOneInputStreamOperatorTestHarness<Integer, Integer, String>(
                operator, id -> Event.of(id).key(), Types.INT)) {
            harness.open();
            try {
                int next = 0;
                for (JsonNode item : given.get("input")) {
                    if (!item.isArray() && processingTime) {
                        harness.setProcessingTime(item.asLong());
                    } else if (!item.isArray()) {
                        harness.processWatermark(new Watermark(item.asLong()));
                    } else {
                        Event event = Event.of(next++);
                        if (processingTime) {
                            harness.setProcessingTime(event.time());
                        }
                        harness.processElement(new StreamRecord<>(event.id(), event.time()));
                    }
                }
                if (!processingTime) {
                    harness.processWatermark(Watermark.MAX_WATERMARK);
                }
            } catch (Exception | StackOverflowError failed) {
                answer.put("failed", message(failed));
            }
            ArrayNode matches = answer.putArray("matches");
            for (Object out : harness.getOutput()) {
                if (out instanceof StreamRecord<?> record) {
                    matches.add(written(record, processingTime));
                }
            }
            ArrayNode timedOut = answer.putArray("timed_out");
            var partial = harness.getSideOutput(TIMED_OUT);
            if (partial != null) {
                partial.forEach(record -> timedOut.add(written(record, processingTime)));
            }
            ArrayNode late = answer.putArray("late");
            var dropped = harness.getSideOutput(LATE);
            if (dropped != null) {
                dropped.forEach(record -> late.add(record.getValue()));
            }
        } catch (Exception failed) {
            answer.put("failed", message(failed));
        }
        return answer;
    }

    private static String written(StreamRecord<?> record, boolean processingTime) {
        return processingTime ? record.getValue().toString() : record.getValue() + "@" + record.getTimestamp();
    }

    private static String message(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }

    /** Sorts events of equal time. */
    private static final class ByValue implements EventComparator<Integer> {
        private static final long serialVersionUID = 1;

        @Override
        public int compare(Integer one, Integer other) {
            return Integer.compare(Event.of(one).value(), Event.of(other).value());
        }
    }

    /** Writes a match as {@code a:0,2 b:3}: stages by name, events by number. */
    private static final class Write extends PatternProcessFunction<Integer, String>
            implements TimedOutPartialMatchHandler<Integer> {
        private static final long serialVersionUID = 1;

        @Override
        public void processMatch(Map<String, List<Integer>> match, Context context, Collector<String> out) {
            out.collect(written(match));
        }

        @Override
        public void processTimedOutMatch(Map<String, List<Integer>> match, Context context) {
            context.output(TIMED_OUT, written(match));
        }

        private static String written(Map<String, List<Integer>> match) {
            List<String> stages = new ArrayList<>();
            new TreeMap<>(match).forEach((stage, events) ->
                    stages.add(stage + ":" + String.join(",", events.stream().map(String::valueOf).toList())));
            return String.join(" ", stages);
        }
    }
}
