// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.Collections;

/**
 * Actions of OpenWhisk: static JsonObject main(JsonObject), by the Gson of the code. Parameters
 * are made of HTTP requests, and answers of results, by the relay in front of us.
 */
final class OpenWhisk implements Guest.Handler {
  static final String OBJECT = "com.google.gson.JsonObject";

  private final Method action;
  private final Method parse;
  private final boolean arrays; // the action takes or gives lists as well

  private OpenWhisk(Method action, Method parse) {
    this.action = action;
    this.parse = parse;
    this.arrays = !action.getReturnType().getName().equals(OBJECT);
  }

  static Guest.Handler load(Class<?> type, String name) throws ReflectiveOperationException {
    for (Method method : type.getMethods()) {
      Class<?>[] in = method.getParameterTypes();
      boolean fits = method.getName().equals(name) && Modifier.isStatic(method.getModifiers())
          && in.length == 1 && in[0].getName().startsWith("com.google.gson.Json");
      if (fits) {
        method.setAccessible(true);
        Method parse = Class.forName("com.google.gson.Gson").getMethod("fromJson", String.class,
            Class.class);
        return new OpenWhisk(method, parse);
      }
    }
    throw new Failure.Fault(LambdaFault.BAD_CODE, "Class " + type.getName()
        + " has no method public static JsonObject " + name + "(JsonObject)");
  }

  @Override
  public String dialect() {
    return "openwhisk";
  }

  @Override
  public void serve(Call call) throws Throwable {
    String json = new String(call.all(), StandardCharsets.UTF_8);
    Object gson = parse.getDeclaringClass().getConstructor().newInstance();
    Object given = parse.invoke(gson, json, action.getParameterTypes()[0]);
    Object result = Lambda.invoke(action, null, new Object[] {given});
    if (result == null && !arrays) {
      throw new Call.BadResponse("The action did not return a dictionary.");
    }
    call.answer(200,
        Collections.singletonList(new String[] {"content-type", "application/json"}),
        String.valueOf(result).getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public String report(Throwable t) {
    return Failure.print(t);
  }

  @Override
  public byte[] payload(Throwable t) {
    String message = t instanceof Call.BadResponse ? t.getMessage()
        : "An error has occurred while invoking the action (see logs for details): " + t;
    return ("{\"error\":" + Json.write(Failure.cut(message)) + "}")
        .getBytes(StandardCharsets.UTF_8);
  }
}
