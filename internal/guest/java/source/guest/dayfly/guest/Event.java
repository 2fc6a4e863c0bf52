// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import io.cloudevents.CloudEvent;
import io.cloudevents.CloudEventData;
import io.cloudevents.SpecVersion;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** An event as it came: a CloudEvent, binary or structured, or one of before. */
final class Event {
  private static final Set<String> KNOWN = Set.of("specversion", "id", "type", "source",
      "datacontenttype", "dataschema", "subject", "time");
  private static final int EVENTS_MAX = 10_000; // of one batch

  private final Map<String, Object> attributes; // of a CloudEvent, extensions among them
  private final byte[] data;
  private final Events.Legacy before;

  Event(Map<String, Object> attributes, byte[] data, Events.Legacy before) {
    this.attributes = attributes;
    this.data = data;
    this.before = before;
  }

  /** The events of a call: those of a batch, or the one that it is. */
  static List<Event> all(Call call) throws IOException {
    byte[] body = call.all();
    if (!call.event()) {
      Map<String, List<String>> headers = call.headers();
      String type = headers.getOrDefault("content-type", List.of("")).get(0);
      String kind = type.toLowerCase(Locale.ROOT);
      if (kind.startsWith("application/cloudevents-batch")) {
        return batch(body);
      }
      if (!kind.startsWith("application/cloudevents+json") && headers.containsKey("ce-specversion")) {
        return List.of(binary(headers, type, body));
      }
    }
    return List.of(of(body));
  }

  @SuppressWarnings("unchecked")
  private static List<Event> batch(byte[] body) {
    Object list = Json.read(body);
    if (!(list instanceof List) || ((List<?>) list).size() > EVENTS_MAX) {
      throw new IllegalArgumentException("a batch is a list of at most " + EVENTS_MAX + " events");
    }
    List<Event> events = new ArrayList<>();
    for (Object one : (List<?>) list) {
      if (!(one instanceof Map)) {
        throw new IllegalArgumentException("a CloudEvent is an object");
      }
      events.add(structured((Map<String, Object>) one));
    }
    return events;
  }

  private static Event of(byte[] body) throws IOException {
    Map<String, Object> object = Json.object(body);
    return object.containsKey("specversion") ? structured(object) : legacy(object);
  }

  private static Event binary(Map<String, List<String>> headers, String type, byte[] body) {
    Map<String, Object> attributes = new TreeMap<>();
    headers.forEach((name, values) -> {
      if (name.startsWith("ce-")) {
        attributes.put(name.substring(3), unescape(values.get(0)));
      }
    });
    if (!type.isEmpty()) {
      attributes.put("datacontenttype", type);
    }
    return new Event(checked(attributes), body.length == 0 ? null : body, null);
  }

  // Header values: quotes of RFC 7230, then one round of percent escapes.
  private static String unescape(String value) {
    if (value.length() > 1 && value.startsWith("\"") && value.endsWith("\"")) {
      value = value.substring(1, value.length() - 1).replaceAll("\\\\(.)", "$1");
    }
    return value.indexOf('%') < 0 ? value : Query.decode(value.replace("+", "%2B"));
  }

  private static Event structured(Map<String, Object> object) {
    Map<String, Object> attributes = new TreeMap<>(object);
    Object data = attributes.remove("data");
    Object encoded = attributes.remove("data_base64");
    byte[] bytes = null;
    if (encoded instanceof String) {
      bytes = Base64.getDecoder().decode((String) encoded);
    } else if (data != null) {
      String type = String.valueOf(attributes.getOrDefault("datacontenttype", ""));
      boolean text = data instanceof String && !type.isEmpty() && !type.contains("json");
      bytes = (text ? (String) data : Events.Whole.write(data)).getBytes(StandardCharsets.UTF_8);
    }
    attributes.values().removeIf(value -> value == null);
    return new Event(checked(attributes), bytes, null);
  }

  private static Map<String, Object> checked(Map<String, Object> attributes) {
    for (String name : List.of("specversion", "id", "type", "source")) {
      if (!(attributes.get(name) instanceof String)) {
        throw new IllegalArgumentException("a CloudEvent has no " + name);
      }
    }
    if (attributes.containsKey("time")) {
      OffsetDateTime.parse(attributes.get("time").toString());
    }
    URI.create((String) attributes.get("source"));
    return attributes;
  }

  /** {"context": …, "data": …}, or the members of the context beside the data. */
  @SuppressWarnings("unchecked")
  private static Event legacy(Map<String, Object> object) {
    Object data = object.get("data");
    Object context = object.getOrDefault("context", object);
    if (!(data instanceof Map) || !(context instanceof Map)) {
      throw new IllegalArgumentException("it has neither specversion nor context and data");
    }
    return new Event(null, null,
        new Events.Legacy((Map<?, ?>) context, (Map<String, Object>) data));
  }

  String id() {
    return before == null ? (String) attributes.get("id") : before.id;
  }

  CloudEvent cloud() {
    Event event = before == null ? this : Gcf.cloud(before);
    return new Cloud(event.attributes, event.data);
  }

  Events.Legacy legacy() {
    return before == null ? Gcf.legacy(attributes, data) : before;
  }

  /** The event as the SDK of CloudEvents wants it. */
  private static final class Cloud implements CloudEvent {
    private final Map<String, Object> attributes;
    private final byte[] data;

    Cloud(Map<String, Object> attributes, byte[] data) {
      this.attributes = attributes;
      this.data = data;
    }

    private String text(String name) {
      Object value = attributes.get(name);
      return value == null ? null : value.toString();
    }

    @Override
    public CloudEventData getData() {
      return data == null ? null : () -> data;
    }

    @Override
    public SpecVersion getSpecVersion() {
      return SpecVersion.parse(text("specversion"));
    }

    @Override
    public String getId() {
      return text("id");
    }

    @Override
    public String getType() {
      return text("type");
    }

    @Override
    public URI getSource() {
      return URI.create(text("source"));
    }

    @Override
    public String getDataContentType() {
      return text("datacontenttype");
    }

    @Override
    public URI getDataSchema() {
      return text("dataschema") == null ? null : URI.create(text("dataschema"));
    }

    @Override
    public String getSubject() {
      return text("subject");
    }

    @Override
    public OffsetDateTime getTime() {
      return text("time") == null ? null : OffsetDateTime.parse(text("time"));
    }

    @Override
    public Object getAttribute(String name) {
      switch (name) {
        case "specversion":
          return getSpecVersion();
        case "source":
          return getSource();
        case "dataschema":
          return getDataSchema();
        case "time":
          return getTime();
        default:
          if (!KNOWN.contains(name)) {
            throw new IllegalArgumentException("Spec version v1 doesn't have attribute named "
                + name);
          }
          return text(name);
      }
    }

    @Override
    public Set<String> getAttributeNames() {
      Set<String> names = new LinkedHashSet<>(attributes.keySet());
      names.retainAll(KNOWN);
      return names;
    }

    @Override
    public Object getExtension(String name) {
      return KNOWN.contains(name) ? null : attributes.get(name);
    }

    @Override
    public Set<String> getExtensionNames() {
      Set<String> names = new LinkedHashSet<>(attributes.keySet());
      names.removeAll(KNOWN);
      return names;
    }

    @Override
    public String toString() {
      return "CloudEvent" + new LinkedHashMap<>(attributes);
    }
  }
}
