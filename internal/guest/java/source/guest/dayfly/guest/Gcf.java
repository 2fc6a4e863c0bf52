// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Events of Google's services, from the form before CloudEvents and back. */
final class Gcf {
  private static final Pattern BUCKET =
      Pattern.compile("^(projects/_/buckets/[^/]+)/(objects/.*?)(?:#\\d+)?$");
  private static final Pattern DOCUMENT = Pattern.compile("^(projects/.+)/((documents|refs)/.+)$");
  private static final Pattern DATABASE =
      Pattern.compile("^projects/_/(instances/[^/]+)/((documents|refs)/.+)$");
  private static final Pattern SOURCE = Pattern.compile("//([^/]+)/(.+)");
  private static final String MESSAGE = "type.googleapis.com/google.pubsub.v1.PubsubMessage";

  private static final Map<String, String> CLOUD = new LinkedHashMap<>(); // by the type of before
  private static final Map<String, String> BEFORE = new LinkedHashMap<>(); // by the type of today

  static {
    same("google.pubsub.topic.publish", "google.cloud.pubsub.topic.v1.messagePublished");
    for (String[] names : new String[][] {{"finalize", "finalized"}, {"delete", "deleted"},
        {"archive", "archived"}, {"metadataUpdate", "metadataUpdated"}}) {
      same("google.storage.object." + names[0], "google.cloud.storage.object.v1." + names[1]);
    }
    for (String[] names : new String[][] {{"write", "written"}, {"create", "created"},
        {"update", "updated"}, {"delete", "deleted"}}) {
      same("providers/cloud.firestore/eventTypes/document." + names[0],
          "google.cloud.firestore.document.v1." + names[1]);
      same("providers/google.firebase.database/eventTypes/ref." + names[0],
          "google.firebase.database.ref.v1." + names[1]);
    }
    same("providers/firebase.auth/eventTypes/user.create", "google.firebase.auth.user.v1.created");
    same("providers/firebase.auth/eventTypes/user.delete", "google.firebase.auth.user.v1.deleted");
    same("providers/google.firebase.analytics/eventTypes/event.log",
        "google.firebase.analytics.log.v1.written");
    same("providers/cloud.storage/eventTypes/object.change",
        "google.cloud.storage.object.v1.changed");
    CLOUD.put("providers/cloud.pubsub/eventTypes/topic.publish",
        "google.cloud.pubsub.topic.v1.messagePublished");
  }

  private Gcf() {}

  private static void same(String before, String cloud) {
    CLOUD.put(before, cloud);
    BEFORE.put(cloud, before);
  }

  static Event cloud(Events.Legacy event) {
    String type = CLOUD.get(event.type);
    if (type == null) {
      throw new IllegalArgumentException("Unrecognized event type \"" + event.type + "\"");
    }
    boolean object = event.resource instanceof Map;
    Map<?, ?> resource = object ? (Map<?, ?>) event.resource : Map.of();
    String name = object ? Events.Legacy.text(resource, "name") : event.resource();
    String service = Events.Legacy.text(resource, "service");
    String[] found = place(type, String.valueOf(name), event);
    Map<String, Object> attributes = new TreeMap<>();
    attributes.put("specversion", "1.0");
    attributes.put("id", event.id);
    attributes.put("type", type);
    attributes.put("source", "//" + (service == null ? service(type) : service) + "/" + found[0]);
    attributes.put("subject", found[1]);
    attributes.put("datacontenttype", "application/json");
    attributes.put("time", event.time);
    attributes.values().removeIf(value -> value == null);
    String data = Events.Whole.write(reshape(type, event));
    return new Event(attributes, data.getBytes(StandardCharsets.UTF_8), null);
  }

  private static String service(String type) {
    String[] known = {"pubsub", "storage", "firestore", "firebase.database", "firebase.auth",
        "firebase.analytics"};
    for (String name : known) {
      if (type.contains("." + name + ".")) {
        String service = name.replace(".", "");
        return (service.equals("firebaseanalytics") ? "firebase" : service) + ".googleapis.com";
      }
    }
    throw new IllegalArgumentException("Unrecognized event type \"" + type + "\"");
  }

  /** The source below its service, and the subject. */
  private static String[] place(String type, String name, Events.Legacy event) {
    Matcher match;
    if (type.contains(".storage.")) {
      match = BUCKET.matcher(name);
    } else if (type.contains(".firestore.") || type.contains(".analytics.")) {
      match = DOCUMENT.matcher(name);
    } else if (type.contains(".database.")) {
      match = DATABASE.matcher(name);
      String location = location(event.domain);
      if (match.matches() && location != null) {
        return new String[] {"projects/_/locations/" + location + "/" + match.group(1),
          match.group(2)};
      }
      return new String[] {name, null};
    } else {
      Object user = type.contains(".auth.") ? event.data.get("uid") : null;
      return new String[] {name, user == null ? null : "users/" + user};
    }
    return match.matches() ? new String[] {match.group(1), match.group(2)}
        : new String[] {name, null};
  }

  private static String location(String domain) {
    if (domain == null || domain.equals("firebaseio.com")) {
      return domain == null ? null : "us-central1";
    }
    return domain.indexOf('.') > 0 ? domain.substring(0, domain.indexOf('.')) : null;
  }

  private static Map<String, Object> reshape(String type, Events.Legacy event) {
    Map<String, Object> data = new LinkedHashMap<>(event.data);
    if (type.contains(".pubsub.")) {
      data.put("messageId", event.id);
      data.put("publishTime", event.time);
      return new LinkedHashMap<>(Map.of("message", data));
    }
    if (type.contains(".auth.")) {
      rename(data, "createdAt", "createTime");
      rename(data, "lastSignedInAt", "lastSignInTime");
    }
    return data;
  }

  @SuppressWarnings("unchecked")
  private static void rename(Map<String, Object> data, String from, String to) {
    if (data.get("metadata") instanceof Map) {
      Map<String, Object> metadata = new LinkedHashMap<>((Map<String, Object>) data.get("metadata"));
      if (metadata.containsKey(from)) {
        metadata.put(to, metadata.remove(from));
      }
      data.put("metadata", metadata);
    }
  }

  /** An event of none of Google's services: its attributes say the same in other words. */
  private static Events.Legacy other(Map<String, Object> attributes, byte[] body) {
    Map<String, Object> context = new LinkedHashMap<>();
    context.put("eventId", attributes.get("id"));
    context.put("timestamp", attributes.getOrDefault("time",
        java.time.Instant.now().toString()));
    context.put("eventType", attributes.get("type"));
    context.put("resource", attributes.get("source"));
    return new Events.Legacy(context, body == null ? new LinkedHashMap<>() : Json.object(body));
  }

  @SuppressWarnings("unchecked")
  static Events.Legacy legacy(Map<String, Object> attributes, byte[] body) {
    String cloud = (String) attributes.get("type");
    String type = BEFORE.get(cloud);
    Matcher source = SOURCE.matcher((String) attributes.get("source"));
    if (type == null || !source.matches()) {
      return other(attributes, body);
    }
    if (body == null) {
      throw new IllegalStateException("Event has no \"data\" component");
    }
    Map<String, Object> data = Json.object(body);
    String whole = source.group(2) + "/" + attributes.get("subject");
    Map<String, Object> resource = new LinkedHashMap<>();
    resource.put("service", source.group(1));
    Object told = whole;
    if (cloud.contains(".pubsub.")) {
      resource.put("name", source.group(2));
      resource.put("type", MESSAGE);
      told = resource;
      if (data.get("message") instanceof Map) {
        data = new LinkedHashMap<>((Map<String, Object>) data.get("message"));
      }
      data.remove("messageId");
      data.remove("publishTime");
    } else if (cloud.contains(".storage.")) {
      resource.put("name", whole);
      resource.put("type", data.get("kind"));
      resource.values().removeIf(value -> value == null);
      told = resource;
    } else if (cloud.contains(".auth.")) {
      rename(data, "createTime", "createdAt");
      rename(data, "lastSignInTime", "lastSignedInAt");
      told = source.group(2);
    } else if (cloud.contains(".database.")) {
      told = whole.replaceFirst("/locations/[^/]+", "");
    }
    Map<String, Object> context = new LinkedHashMap<>();
    context.put("eventId", attributes.get("id"));
    context.put("timestamp", attributes.getOrDefault("time",
        java.time.Instant.now().toString()));
    context.put("eventType", type);
    context.put("resource", told);
    return new Events.Legacy(context, data);
  }
}
