import java.time.Duration;
import org.apache.flink.cep.nfa.aftermatch.AfterMatchSkipStrategy;
import org.apache.flink.cep.pattern.Pattern;
import org.apache.flink.cep.pattern.WithinType;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.MissingNode;

/** Builds Flink's patterns from their descriptions. */
final class Patterns {
    private Patterns() {}

    static AfterMatchSkipStrategy skip(JsonNode node) {
        if (node == null) {
            return AfterMatchSkipStrategy.noSkip();
        }
        String stage = argument(node, 0).asText();
        boolean miss = argument(node, 1).asBoolean();
        switch (tag(node)) {
            case "next":
                return AfterMatchSkipStrategy.skipToNext();
            case "past_last":
                return AfterMatchSkipStrategy.skipPastLastEvent();
            case "first":
                var first = AfterMatchSkipStrategy.skipToFirst(stage);
                return miss ? first.throwExceptionOnMiss() : first;
            case "last":
                var last = AfterMatchSkipStrategy.skipToLast(stage);
                return miss ? last.throwExceptionOnMiss() : last;
            default:
                throw new IllegalArgumentException("no skip strategy is called " + node);
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static Pattern<Integer, Integer> sequence(JsonNode stages, AfterMatchSkipStrategy skip) {
        Pattern pattern = null;
        for (JsonNode stage : stages) {
            pattern = step(pattern, stage, skip);
            // Flink takes it as an argument of the modifier before.
            Duration repeatsWithin = null;
            for (JsonNode modifier : stage.path("with")) {
                if (tag(modifier).equals("repeats_within")) {
                    repeatsWithin = Duration.ofMillis(argument(modifier, 0).asLong());
                }
            }
            for (JsonNode modifier : stage.path("with")) {
                pattern = modified(pattern, modifier, repeatsWithin);
            }
        }
        return pattern;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Pattern step(Pattern before, JsonNode stage, AfterMatchSkipStrategy skip) {
        String link = stage.get("link").asText();
        if (stage.has("group")) {
            Pattern group = sequence(stage.get("group"), AfterMatchSkipStrategy.noSkip());
            return switch (link) {
                case "begin" -> Pattern.begin(group, skip);
                case "next" -> before.next(group);
                case "followed_by" -> before.followedBy(group);
                case "followed_by_any" -> before.followedByAny(group);
                default -> throw new IllegalArgumentException("no group is linked by " + link);
            };
        }
        String name = stage.get("name").asText();
        return switch (link) {
            case "begin" -> Pattern.begin(name, skip);
            case "next" -> before.next(name);
            case "followed_by" -> before.followedBy(name);
            case "followed_by_any" -> before.followedByAny(name);
            case "not_next" -> before.notNext(name);
            case "not_followed_by" -> before.notFollowedBy(name);
            default -> throw new IllegalArgumentException("no stage is linked by " + link);
        };
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Pattern modified(Pattern pattern, JsonNode modifier, Duration repeatsWithin) {
        JsonNode first = argument(modifier, 0);
        return switch (tag(modifier)) {
            case "where" -> pattern.where(Condition.read(first));
            case "or" -> pattern.or(Condition.read(first));
            case "until" -> pattern.until(Condition.read(first));
            case "times" -> pattern.times(first.asInt(), repeatsWithin);
            case "times_range" -> pattern.times(first.asInt(), argument(modifier, 1).asInt(), repeatsWithin);
            case "times_or_more" -> pattern.timesOrMore(first.asInt(), repeatsWithin);
            case "one_or_more" -> pattern.oneOrMore(repeatsWithin);
            case "repeats_within" -> pattern;
            case "optional" -> pattern.optional();
            case "greedy" -> pattern.greedy();
            case "consecutive" -> pattern.consecutive();
            case "allow_combinations" -> pattern.allowCombinations();
            case "within" -> pattern.within(Duration.ofMillis(first.asLong()), WithinType.FIRST_AND_LAST);
            case "within_each" -> pattern.within(Duration.ofMillis(first.asLong()), WithinType.PREVIOUS_AND_CURRENT);
            default -> throw new IllegalArgumentException("no modifier is called " + modifier);
        };
    }

    /** The name of a variant: {@code "name"}, {@code {"name": argument}} or {@code {"name": [argument, ..]}}. */
    static String tag(JsonNode variant) {
        return variant.isTextual() ? variant.asText() : variant.fieldNames().next();
    }

    /** An argument of a variant; missing, if it has fewer. */
    static JsonNode argument(JsonNode variant, int index) {
        JsonNode only = variant.path(tag(variant));
        return only.isArray() ? only.path(index) : index == 0 ? only : MissingNode.getInstance();
    }
}
