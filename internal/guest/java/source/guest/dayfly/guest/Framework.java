// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.google.cloud.functions.HttpFunction;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;

/** Functions of functions-framework that take HTTP. */
final class Framework implements Guest.Handler {
  private static final List<String> HIDDEN = List.of("/robots.txt", "/favicon.ico");
  private static final List<String[]> CRASH = List.of(
      new String[] {"content-type", "text/plain; charset=utf-8"},
      new String[] {"x-google-status", "crash"});

  private final HttpFunction function;
  private final String dialect;

  Framework(HttpFunction function, String dialect) {
    this.function = function;
    this.dialect = dialect;
  }

  static Guest.Handler http(Class<?> type) {
    Object made = Load.make(type);
    if (!(made instanceof HttpFunction)) {
      throw lacks(type, "HttpFunction");
    }
    return new Framework((HttpFunction) made, "framework");
  }

  static Failure.Fault lacks(Class<?> type, String name) {
    return new Failure.Fault(LambdaFault.BAD_CODE, "Class " + type.getName()
        + " does not implement com.google.cloud.functions." + name);
  }

  @Override
  public String dialect() {
    return dialect;
  }

  @Override
  public void serve(Call call) throws Throwable {
    if (dialect.equals("framework") && HIDDEN.contains(call.text("path"))) {
      call.answer(404, Collections.emptyList(), new byte[0]);
      return;
    }
    Reply reply = new Reply(call);
    try {
      function.service(new Request(call), reply);
      reply.finish();
    } catch (Call.Canceled | Call.BadResponse e) {
      throw e;
    } catch (Throwable t) {
      crash(call, t);
    }
  }

  /** Answers as the framework does for a function that throws; the host hears why. */
  static void crash(Call call, Throwable t) throws Throwable {
    if (call.answered() || t instanceof VirtualMachineError) {
      throw t;
    }
    Logs.message(Logs.STDERR, Failure.print(t));
    call.respond(500, CRASH, Failure.of("exception", t, null));
    byte[] text = "Internal Server Error".getBytes(StandardCharsets.UTF_8);
    call.send(text, 0, text.length);
    call.end();
  }

  @Override
  public String report(Throwable t) {
    return Failure.print(t);
  }
}
