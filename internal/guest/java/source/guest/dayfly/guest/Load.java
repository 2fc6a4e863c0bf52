// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Finds the class of an entry, and the dialect that it speaks. */
final class Load {
  private static final Map<String, String> DIALECTS = new LinkedHashMap<>();

  static {
    DIALECTS.put("com.amazonaws.services.lambda.runtime.RequestStreamHandler", "lambda");
    DIALECTS.put("com.amazonaws.services.lambda.runtime.RequestHandler", "lambda");
    DIALECTS.put("com.google.cloud.functions.HttpFunction", "framework");
    DIALECTS.put("com.google.cloud.functions.TypedFunction", "typed");
    DIALECTS.put("com.google.cloud.functions.CloudEventsFunction", "cloudevent");
    DIALECTS.put("com.google.cloud.functions.RawBackgroundFunction", "event");
    DIALECTS.put("com.google.cloud.functions.BackgroundFunction", "event");
    DIALECTS.put("com.openfaas.model.IHandler", "openfaas");
  }

  private Load() {}

  /** An entry, taken apart: pkg.Cls, pkg.Cls::method or a Clojure namespace/var. */
  static final class Entry {
    final String text;
    final String type;
    final String method; // or null

    Entry(String text) {
      int colons = text.lastIndexOf("::");
      this.text = text;
      this.type = colons < 0 ? text : text.substring(0, colons);
      this.method = colons < 0 ? null : text.substring(colons + 2);
    }
  }

  /** What answers the revision's calls. */
  static Guest.Handler handler(Revision revision) throws Throwable {
    Entry entry = new Entry(revision.entry);
    if (entry.type.isEmpty() || entry.method != null && entry.method.isEmpty()) {
      throw new Failure.Fault(LambdaFault.BAD_CODE, "Invalid handler: `" + entry.text + "'");
    }
    if (entry.text.indexOf('/') > 0) {
      return Clojure.handler(revision, entry.text);
    }
    Class<?> type = find(entry.type);
    String dialect = revision.dialect.isEmpty() ? dialect(type, entry) : revision.dialect;
    switch (dialect) {
      case "lambda":
        return Lambda.load(revision, type, entry.method);
      case "framework":
        return Framework.http(type);
      case "typed":
        return Typed.load(type);
      case "cloudevent":
      case "event":
        return Events.handler(type, dialect);
      case "openwhisk":
        return OpenWhisk.load(type, entry.method == null ? "main" : entry.method);
      case "openfaas":
        return OpenFaas.load(type);
      default:
        throw new Failure.Fault(LambdaFault.BAD_CODE,
            "the dialect " + dialect + " is none of Java's");
    }
  }

  private static Class<?> find(String name) {
    try {
      return Class.forName(name, true, ClassLoader.getSystemClassLoader());
    } catch (ClassNotFoundException e) {
      if (!name.equals(e.getMessage())) {
        throw LambdaFault.loading(e, name);
      }
      throw new Failure.Fault(e.getClass().getName(), "Class not found: " + name, e);
    } catch (LinkageError e) {
      throw LambdaFault.loading(e, name);
    }
  }

  private static String dialect(Class<?> type, Entry entry) {
    Set<String> above = new HashSet<>();
    collect(type, above);
    for (Map.Entry<String, String> known : DIALECTS.entrySet()) {
      if (above.contains(known.getKey())) {
        return known.getValue();
      }
    }
    for (Method method : type.getMethods()) {
      boolean named = method.getName().equals(entry.method == null ? "main" : entry.method);
      if (named && Modifier.isStatic(method.getModifiers()) && method.getParameterCount() == 1
          && method.getParameterTypes()[0].getName().equals(OpenWhisk.OBJECT)) {
        return "openwhisk";
      }
    }
    if (entry.method != null) {
      return "lambda";
    }
    throw new Failure.Fault(LambdaFault.BAD_CODE,
        "Class does not implement an appropriate handler interface: " + type.getName());
  }

  private static void collect(Class<?> type, Set<String> above) {
    for (Class<?> at = type; at != null; at = at.getSuperclass()) {
      above.add(at.getName());
      for (Class<?> one : at.getInterfaces()) {
        collect(one, above);
      }
    }
  }

  /** A new object of the class. */
  static Object make(Class<?> type) {
    try {
      return type.getConstructor().newInstance();
    } catch (NoSuchMethodException e) {
      boolean inner = type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers());
      throw new Failure.Fault("java.lang.Exception", "Class " + type.getName() + (inner
          ? " cannot be instantiated because it is a non-static inner class"
          : " has no public zero-argument constructor"), e);
    } catch (java.lang.reflect.InvocationTargetException e) {
      throw Throw.any(e.getCause() == null ? e : e.getCause());
    } catch (ReflectiveOperationException e) {
      throw Throw.any(e);
    }
  }

  /** Throws what may not be declared. */
  static final class Throw {
    private Throw() {}

    static RuntimeException any(Throwable t) {
      return Throw.<RuntimeException>as(t);
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException as(Throwable t) throws T {
      throw (T) t;
    }
  }
}
