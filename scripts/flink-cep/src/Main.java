import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;

/** Reads cases, a JSON object per line, and writes them with Flink's answer as their field {@code flink}. */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        // What Flink prints is not an answer.
        System.setOut(System.err);
        ObjectMapper json = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode given = (ObjectNode) json.readTree(line);
            given.set("flink", Judge.judge(json, given));
            out.println(json.writeValueAsString(given));
        }
        out.flush();
    }
}
