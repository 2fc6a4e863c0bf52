// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Entries such as my.ns/handler: the function of a var, called with the event as a map and, if
 * it takes two, the context. Clojure itself is the code's own.
 */
final class Clojure {
  private Clojure() {}

  static Guest.Handler handler(Revision revision, String entry) throws Throwable {
    int slash = entry.indexOf('/');
    String space = entry.substring(0, slash);
    if (!revision.dialect.isEmpty() && !revision.dialect.equals("lambda")) {
      throw new Failure.Fault(LambdaFault.BAD_CODE, "an entry of the form namespace/name is of the "
          + "dialect lambda, not " + revision.dialect);
    }
    Class<?> api;
    try {
      api = Class.forName("clojure.java.api.Clojure");
    } catch (ClassNotFoundException e) {
      throw new Failure.Fault(LambdaFault.BAD_CODE,
          "the entry " + entry + " is one of Clojure, which is not among the code's jars", e);
    }
    Method var = api.getMethod("var", Object.class, Object.class);
    Class<?> function = Class.forName("clojure.lang.IFn");
    Method one = function.getMethod("invoke", Object.class);
    Method two = function.getMethod("invoke", Object.class, Object.class);
    Object symbol = api.getMethod("read", String.class).invoke(null, space);
    Lambda.invoke(one, var.invoke(null, "clojure.core", "require"), new Object[] {symbol});
    Object handler = var.invoke(null, space, entry.substring(slash + 1));
    if (!(Boolean) handler.getClass().getMethod("isBound").invoke(handler)) {
      throw new Failure.Fault(LambdaFault.BAD_CODE,
          "the namespace " + space + " has no " + entry.substring(slash + 1));
    }
    boolean context = takesTwo(handler);
    Form form = new Form(function);
    return new Lambda((event, call) -> {
      Object given = form.toClojure(Lambda.read(new Forms.Own(Object.class), event));
      Object result = context
          ? Lambda.invoke(two, handler, new Object[] {given, contextOf(revision, call)})
          : Lambda.invoke(one, handler, new Object[] {given});
      return Lambda.write(new Forms.Own(Object.class), form.toJson(result));
    }, revision.concurrency == 1);
  }

  // A function of several arities is a class with several methods invoke.
  private static boolean takesTwo(Object var) throws ReflectiveOperationException {
    Object function = var.getClass().getMethod("deref").invoke(var);
    boolean one = false;
    boolean two = false;
    for (Method method : function.getClass().getDeclaredMethods()) {
      if (method.getName().startsWith("invoke")) {
        one |= method.getParameterCount() == 1;
        two |= method.getParameterCount() == 2;
      }
    }
    return two || !one;
  }

  private static Object contextOf(Revision revision, Call call) {
    try {
      return AwsHandlers.context(revision, call);
    } catch (LinkageError e) { // without AWS's interfaces: the same, as a map
      Map<String, Object> context = new LinkedHashMap<>();
      context.put("aws-request-id", call.text("id"));
      context.put("function-name", revision.function);
      context.put("deadline-ms", call.number("deadline_ms"));
      return context;
    }
  }

  /** Values of JSON as Clojure's own, with strings as keys, and back. */
  private static final class Form {
    private final Method map;
    private final Method vector;
    private final Class<?> named;

    Form(Class<?> near) throws ReflectiveOperationException {
      ClassLoader loader = near.getClassLoader();
      map = Class.forName("clojure.lang.PersistentHashMap", true, loader)
          .getMethod("create", Map.class);
      vector = Class.forName("clojure.lang.PersistentVector", true, loader)
          .getMethod("create", Iterable.class);
      named = Class.forName("clojure.lang.Named", true, loader);
    }

    Object toClojure(Object value) throws ReflectiveOperationException {
      if (value instanceof Map) {
        Map<Object, Object> copy = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          copy.put(entry.getKey(), toClojure(entry.getValue()));
        }
        return map.invoke(null, copy);
      }
      if (value instanceof List) {
        List<Object> copy = new ArrayList<>();
        for (Object item : (List<?>) value) {
          copy.add(toClojure(item));
        }
        return vector.invoke(null, copy);
      }
      return value instanceof Integer ? (Object) ((Integer) value).longValue() : value;
    }

    Object toJson(Object value) throws ReflectiveOperationException {
      if (named.isInstance(value)) { // a keyword or symbol, without its namespace
        return named.getMethod("getName").invoke(value);
      }
      if (value instanceof Map) {
        Map<String, Object> copy = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
          copy.put(String.valueOf(toJson(entry.getKey())), toJson(entry.getValue()));
        }
        return copy;
      }
      if (value instanceof Iterable) {
        List<Object> copy = new ArrayList<>();
        for (Object item : (Iterable<?>) value) {
          copy.add(toJson(item));
        }
        return copy;
      }
      if (value instanceof Number && value.getClass().getName().startsWith("clojure.")) {
        return ((Number) value).doubleValue(); // a ratio, a BigInt
      }
      return Beans.plainOf(value);
    }
  }
}
