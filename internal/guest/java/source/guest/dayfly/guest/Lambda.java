// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Handlers of Lambda events: RequestHandler, RequestStreamHandler, and plain methods. HTTP
 * requests are made events by the relay in front of us.
 */
final class Lambda implements Guest.Handler {
  /** One call of the handler: an event in, its result out, both as bytes. */
  interface Step {
    byte[] call(byte[] event, Call call) throws Throwable;
  }

  private static final String CONTEXT = "com.amazonaws.services.lambda.runtime.Context";
  private static final String TRACE = "com.amazonaws.xray.traceHeader";
  private static final List<String[]> JSON = Collections.singletonList(
      new String[] {"content-type", "application/json"});
  static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

  private final Step step;
  private final boolean alone; // the process serves one call at a time

  Lambda(Step step, boolean alone) {
    this.step = step;
    this.alone = alone;
  }

  static Lambda load(Revision revision, Class<?> type, String method) throws Throwable {
    Step step = method == null ? AwsHandlers.load(revision, type)
        : overload(revision, type, method);
    return new Lambda(step, revision.concurrency == 1);
  }

  @Override
  public String dialect() {
    return "lambda";
  }

  @Override
  public void serve(Call call) throws Throwable {
    byte[] event = call.all();
    if (alone) {
      traceHeader(call.text("trace"));
    }
    call.answer(200, JSON, step.call(event, call));
  }

  @Override
  public byte[] payload(Throwable t) {
    return LambdaFault.payload(t);
  }

  @Override
  public String report(Throwable t) {
    return LambdaFault.report(t);
  }

  private static void traceHeader(String parent) {
    String header = xray(parent);
    if (header == null) {
      System.clearProperty(TRACE);
    } else {
      System.setProperty(TRACE, header);
    }
  }

  /** The trace of a W3C traceparent as X-Ray spells it, or null. */
  static String xray(String parent) {
    if (parent.length() != 55) {
      return null;
    }
    return "Root=1-" + parent.substring(3, 11) + "-" + parent.substring(11, 35) + ";Parent="
        + parent.substring(36, 52) + ";Sampled=" + (parent.endsWith("1") ? 1 : 0);
  }

  /** Of the methods with that name, the one that AWS's client would call. */
  private static Step overload(Revision revision, Class<?> type, String name) throws Throwable {
    Method[] methods;
    try {
      methods = type.getMethods();
    } catch (NoClassDefFoundError e) {
      throw new Failure.Fault(e.getClass().getName(),
          "Error loading method " + name + " on class " + type.getName(), e);
    }
    List<Method> named = new ArrayList<>();
    for (Method method : methods) {
      if (method.getName().equals(name)) {
        named.add(method);
      }
    }
    named.sort(Comparator.comparing(Method::isBridge)
        .thenComparing(Comparator.comparing(Lambda::weight).reversed()));
    for (Method method : named) {
      Type[] in = method.getGenericParameterTypes();
      if (fits(in)) {
        return bind(revision, type, method, in);
      }
    }
    String message = named.isEmpty()
        ? "Class " + type.getName() + " has no public method named " + name
        : "No public method named " + name + " with appropriate method signature found on class "
            + type.getName();
    throw new Failure.Fault(LambdaFault.BAD_CODE, message);
  }

  private static int weight(Method method) {
    Class<?>[] in = method.getParameterTypes();
    return in.length + (in.length > 0 && context(in[in.length - 1]) ? 1 : 0);
  }

  private static boolean context(Type type) {
    return type.getTypeName().equals(CONTEXT);
  }

  private static boolean fits(Type[] in) {
    switch (in.length) {
      case 0:
      case 1:
        return true;
      case 2:
        boolean both = in[0] == InputStream.class && in[1] == OutputStream.class;
        return both || context(in[1]) && !context(in[0]);
      case 3:
        return in[0] == InputStream.class && in[1] == OutputStream.class && context(in[2]);
      default:
        return false;
    }
  }

  private static Step bind(Revision revision, Class<?> type, Method method, Type[] in)
      throws Throwable {
    method.setAccessible(true);
    Object self = Modifier.isStatic(method.getModifiers()) ? null : Load.make(type);
    boolean streams = in.length > 0 && (in[0] == InputStream.class || in[0] == OutputStream.class);
    if (streams) {
      return streaming(revision, method, in, self);
    }
    boolean takes = in.length > 0 && !context(in[0]);
    Forms from = takes ? Forms.of(in[0]) : null;
    Type result = method.getGenericReturnType();
    Forms to = Types.isVoid(result) ? null : Forms.of(result);
    boolean asks = in.length > 0 && context(in[in.length - 1]);
    return (event, call) -> {
      Object[] given = new Object[in.length];
      if (takes) {
        given[0] = read(from, event);
      }
      if (asks) {
        given[in.length - 1] = AwsHandlers.context(revision, call);
      }
      return write(to, invoke(method, self, given));
    };
  }

  private static Step streaming(Revision revision, Method method, Type[] in, Object self) {
    return (event, call) -> {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      boolean writes = Arrays.asList(in).contains(OutputStream.class);
      Object[] given = new Object[in.length];
      for (int i = 0; i < in.length; i++) {
        given[i] = in[i] == InputStream.class ? new ByteArrayInputStream(event)
            : in[i] == OutputStream.class ? out : AwsHandlers.context(revision, call);
      }
      invoke(method, self, given);
      return writes ? out.toByteArray() : NULL;
    };
  }

  static Object invoke(Method method, Object self, Object[] given) throws Throwable {
    try {
      return method.invoke(self, given);
    } catch (InvocationTargetException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }

  static Object read(Forms form, byte[] event) {
    try {
      return form.read(event);
    } catch (Throwable t) {
      throw new RuntimeException("An error occurred during JSON parsing", t);
    }
  }

  static byte[] write(Forms form, Object value) {
    if (form == null) {
      return NULL;
    }
    try {
      return form.write(value);
    } catch (Throwable t) {
      throw new RuntimeException("An error occurred during JSON serialization of response", t);
    }
  }
}
