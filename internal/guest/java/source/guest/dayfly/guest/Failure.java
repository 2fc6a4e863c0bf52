// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Exceptions as the host and event callers read them. */
final class Failure {
  // What is told of an exception must fit a frame, base64 and all.
  private static final int MESSAGE_MAX = 1 << 17;
  private static final int STACK_MAX = 200;
  private static final String OURS = Failure.class.getPackage().getName() + ".";

  private Failure() {}

  /** A fault of the function that is no exception of its code: a handler that is not there. */
  static final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1;
    final String type;

    Fault(String type, String message, Throwable cause) {
      super(message, cause);
      this.type = type;
    }

    Fault(String type, String message) {
      this(type, message, null);
    }
  }

  /** The error frame's content; payload may be null. */
  static Map<String, Object> of(String kind, Throwable t, byte[] payload) {
    Map<String, Object> failure = new LinkedHashMap<>();
    failure.put("kind", kind);
    failure.put("type", cut(typeOf(t)));
    failure.put("message", cut(messageOf(t)));
    failure.put("stack", stackOf(t));
    if (payload != null) {
      failure.put("payload", Base64.getEncoder().encodeToString(payload));
    }
    return failure;
  }

  static byte[] encode(Map<String, Object> failure) {
    byte[] text = Json.write(failure).getBytes(StandardCharsets.UTF_8);
    if (text.length > Wire.PAYLOAD_MAX) {
      Map<String, Object> less = new LinkedHashMap<>(failure);
      less.remove("payload");
      less.put("stack", Collections.emptyList());
      text = Json.write(less).getBytes(StandardCharsets.UTF_8);
    }
    return text;
  }

  static String typeOf(Throwable t) {
    if (t instanceof Call.BadResponse) {
      return "Function.BadResponse";
    }
    return t instanceof Fault ? ((Fault) t).type : t.getClass().getName();
  }

  /** What the exception says of itself, even when saying it fails. */
  static String messageOf(Throwable t) {
    try {
      String message = t.getLocalizedMessage();
      return message == null ? t.getClass().getName() : message;
    } catch (Throwable e) {
      return t.getClass().getName();
    }
  }

  static String cut(String text) {
    return text.length() <= MESSAGE_MAX ? text : text.substring(0, MESSAGE_MAX);
  }

  /** The frames of the function's own code, those of its causes after them. */
  private static List<String> stackOf(Throwable t) {
    List<String> stack = new ArrayList<>();
    Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    if (t instanceof Fault) {
      t = t.getCause();
    }
    for (boolean first = true; t != null && seen.add(t); first = false, t = t.getCause()) {
      if (!first) {
        stack.add(cut("Caused by: " + t.getClass().getName() + ": " + messageOf(t)));
      }
      for (StackTraceElement element : trace(t)) {
        stack.add(element.toString());
      }
      if (stack.size() > STACK_MAX) {
        return new ArrayList<>(stack.subList(0, STACK_MAX));
      }
    }
    return stack;
  }

  /** The trace down to where we called, without the reflection in between. */
  static StackTraceElement[] trace(Throwable t) {
    StackTraceElement[] all = t.getStackTrace();
    int end = 0;
    while (end < all.length && !all[end].getClassName().startsWith(OURS)) {
      end++;
    }
    if (end < all.length) {
      while (end > 0 && reflection(all[end - 1].getClassName())) {
        end--;
      }
    }
    return java.util.Arrays.copyOf(all, end);
  }

  private static boolean reflection(String name) {
    return name.startsWith("jdk.internal.reflect.") || name.startsWith("java.lang.reflect.")
        || name.startsWith("java.lang.invoke.");
  }

  /** Cuts our frames off the traces of t and of its causes, for good. */
  static <T extends Throwable> T trim(T t) {
    Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    trim(t, seen);
    return t;
  }

  private static void trim(Throwable t, Set<Throwable> seen) {
    if (t == null || !seen.add(t)) {
      return;
    }
    t.setStackTrace(trace(t));
    trim(t.getCause(), seen);
    for (Throwable suppressed : t.getSuppressed()) {
      trim(suppressed, seen);
    }
  }

  /** The trace as Throwable prints it, ours left out. */
  static String print(Throwable t) {
    java.io.StringWriter text = new java.io.StringWriter();
    try {
      trim(t).printStackTrace(new java.io.PrintWriter(text));
      return text.toString();
    } catch (RuntimeException | StackOverflowError e) { // its message fails
      return t.getClass().getName() + "\n\t" + String.join("\n\t", stackOf(t)) + "\n";
    }
  }
}
