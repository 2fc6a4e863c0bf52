// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.google.cloud.functions.BackgroundFunction;
import com.google.cloud.functions.CloudEventsFunction;
import com.google.cloud.functions.Context;
import com.google.cloud.functions.RawBackgroundFunction;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Functions of functions-framework that take events: CloudEvents, and those of before. */
final class Events implements Guest.Handler {
  /** Takes an event in whichever of the two forms the function wants. */
  private interface Taker {
    void take(Event event) throws Exception;
  }

  private final Taker taker;
  private final String dialect;

  private Events(Taker taker, String dialect) {
    this.taker = taker;
    this.dialect = dialect;
  }

  @SuppressWarnings("unchecked")
  static Guest.Handler handler(Class<?> type, String dialect) {
    Object made = Load.make(type);
    if (made instanceof CloudEventsFunction) {
      return new Events(event -> ((CloudEventsFunction) made).accept(event.cloud()), dialect);
    }
    if (made instanceof RawBackgroundFunction) {
      return new Events(event -> {
        Legacy legacy = event.legacy();
        ((RawBackgroundFunction) made).accept(Whole.write(legacy.data), legacy);
      }, dialect);
    }
    if (!(made instanceof BackgroundFunction)) {
      throw Framework.lacks(type, "CloudEventsFunction, RawBackgroundFunction or BackgroundFunction");
    }
    Type payload = Types.argument(type, BackgroundFunction.class, 0);
    return new Events(event -> {
      Legacy legacy = event.legacy();
      ((BackgroundFunction<Object>) made).accept(Beans.read(legacy.data, payload), legacy);
    }, dialect);
  }

  @Override
  public String dialect() {
    return dialect;
  }

  @Override
  public void serve(Call call) throws Throwable {
    List<Event> events;
    try {
      events = Event.all(call);
    } catch (Json.Malformed | IllegalArgumentException | java.time.DateTimeException e) {
      String message = "the request is no event: " + Failure.messageOf(e);
      call.answer(400, Collections.singletonList(
          new String[] {"content-type", "text/plain; charset=utf-8"}),
          message.getBytes(StandardCharsets.UTF_8));
      return;
    }
    List<Object> failed = new ArrayList<>();
    for (Event event : events) {
      try {
        taker.take(event);
      } catch (Throwable t) {
        failed.add(Map.of("itemIdentifier", event.id()));
        if (failed.size() == events.size()) {
          Framework.crash(call, t);
          return;
        }
        System.err.println(report(t));
      }
    }
    if (failed.isEmpty()) {
      call.answer(200, Collections.emptyList(), new byte[0]);
      return;
    }
    String told = Json.write(Map.of("batchItemFailures", failed)); // which must come again
    call.answer(207, Collections.singletonList(new String[] {"content-type", "application/json"}),
        told.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String report(Throwable t) {
    return Failure.print(t);
  }

  /** An event of before CloudEvents: its context, and the data beside. */
  static final class Legacy implements Context {
    final String id;
    final String time;
    final String type;
    final Object resource; // text, or an object with service, name and type
    final Map<String, String> params;
    final String domain;
    final Map<String, Object> data;

    Legacy(Map<?, ?> context, Map<String, Object> data) {
      this.id = text(context, "eventId");
      this.time = text(context, "timestamp");
      this.type = text(context, "eventType");
      this.domain = text(context, "domain");
      this.resource = context.get("resource");
      this.params = Collections.emptyMap();
      this.data = data;
    }

    static String text(Map<?, ?> map, String name) {
      Object value = map.get(name);
      return value == null ? null : value.toString();
    }

    @Override
    public String eventId() {
      return id;
    }

    @Override
    public String timestamp() {
      return time;
    }

    @Override
    public String eventType() {
      return type;
    }

    @Override
    public String resource() {
      return resource == null ? null
          : resource instanceof String ? (String) resource : Whole.write(resource);
    }

    @Override
    public Map<String, String> attributes() {
      return params;
    }
  }

  /** JSON with its nulls: an event is passed on as it came. */
  static final class Whole {
    private Whole() {}

    static String write(Object value) {
      StringBuilder out = new StringBuilder();
      write(out, value);
      return out.toString();
    }

    private static void write(StringBuilder out, Object value) {
      char separator;
      if (value instanceof Map) {
        separator = '{';
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          out.append(separator);
          Json.quote(out, entry.getKey().toString());
          write(out.append(':'), entry.getValue());
          separator = ',';
        }
        out.append(separator == '{' ? "{}" : "}");
      } else if (value instanceof List) {
        separator = '[';
        for (Object item : (List<?>) value) {
          write(out.append(separator), item);
          separator = ',';
        }
        out.append(separator == '[' ? "[]" : "]");
      } else {
        out.append(Json.write(value));
      }
    }
  }
}
