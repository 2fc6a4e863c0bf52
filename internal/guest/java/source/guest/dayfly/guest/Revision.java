// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;

/** What specialise says: the revision to become. */
final class Revision {
  final String dialect;
  final String entry;
  final String task;
  final int concurrency;
  final long memoryBytes;
  final int number;
  final String function;
  final Map<String, String> env = new HashMap<>();

  Revision(Map<String, Object> head) {
    dialect = text(head, "dialect");
    entry = text(head, "entry");
    task = text(head, "task");
    function = text(head, "function");
    concurrency = (int) Math.max(1, number(head, "concurrency"));
    memoryBytes = number(head, "memory_bytes");
    number = (int) number(head, "number");
    if (head.get("env") instanceof Map) {
      for (Map.Entry<?, ?> variable : ((Map<?, ?>) head.get("env")).entrySet()) {
        env.put((String) variable.getKey(), (String) variable.getValue());
      }
    }
  }

  private static String text(Map<String, Object> head, String name) {
    Object value = head.get(name);
    return value instanceof String ? (String) value : "";
  }

  private static long number(Map<String, Object> head, String name) {
    Object value = head.get(name);
    return value instanceof Number ? ((Number) value).longValue() : 0;
  }

  /** Makes the process the revision's: its environment, its folder, its classes. */
  void enter() throws ReflectiveOperationException {
    Machine.environment(env);
    Machine.folder(task);
    String zone = env.get("TZ");
    if (zone != null && !zone.isEmpty()) {
      TimeZone.setDefault(TimeZone.getTimeZone(zone.startsWith(":") ? zone.substring(1) : zone));
    }
    Machine.classPath(classPath());
  }

  /** The folders and jars of the code, in the order in which they are searched. */
  private List<String> classPath() {
    List<String> path = new ArrayList<>();
    path.add(task + "/");
    jars(path, task + "/lib");
    String built = task + "/.dayfly/java";
    if (new File(built + "/classes").isDirectory()) {
      path.add(built + "/classes/");
    }
    jars(path, built + "/lib");
    return path;
  }

  private static void jars(List<String> path, String folder) {
    String[] names = new File(folder).list();
    if (names == null) {
      return;
    }
    Arrays.sort(names);
    for (String name : names) {
      if (name.endsWith(".jar")) {
        path.add(folder + "/" + name);
      }
    }
  }
}
