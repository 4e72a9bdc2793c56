import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import io.debezium.engine.format.KeyValueHeaderChangeEventFormat;
import java.io.FileInputStream;
import java.io.PrintStream;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Prints the events of a connector, one a line: topic, key, value and headers with tabs between, "null" where there is none. */
public final class Events {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        try (FileInputStream file = new FileInputStream(args[0])) {
            settings.load(file);
        }
        long idle = Long.parseLong(args[1]);
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        AtomicLong last = new AtomicLong(System.nanoTime() + TimeUnit.SECONDS.toNanos(30));
        DebeziumEngine<ChangeEvent<String, String>> engine = DebeziumEngine
                .create(KeyValueHeaderChangeEventFormat.of(Json.class, Json.class, Json.class))
                .using(settings)
                .using((DebeziumEngine.CompletionCallback) (success, message, error) -> {
                    if (!success) {
                        System.err.println(message);
                        if (error != null) {
                            error.printStackTrace();
                        }
                        System.exit(1);
                    }
                })
                .notifying(event -> {
                    StringBuilder headers = new StringBuilder();
                    event.headers().stream().filter(h -> h.getKey().endsWith("key")).forEach(h -> headers.append(h.getKey()).append('=').append(h.getValue()).append(' '));
                    out.println(event.destination() + "\t" + event.key() + "\t" + event.value() + "\t" + headers);
                    last.set(System.nanoTime());
                })
                .build();
        var executor = Executors.newSingleThreadExecutor();
        executor.execute(engine);
        while (System.nanoTime() - last.get() < TimeUnit.SECONDS.toNanos(idle)) {
            Thread.sleep(100);
        }
        out.flush();
        engine.close();
        executor.shutdownNow();
        System.exit(0);
    }
}
