// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.StringConcatFactory;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.concurrent.Executor;

/**
 * Runs what a cold start will run, so that it is loaded and compiled by then. It makes up a
 * revision and calls, whose frames lead nowhere, and leaves no trace in the process.
 */
public final class Warm {
  // Enough for the compiler to take up what a cold start spends its time in.
  private static final int ROUNDS = 250;

  private static final String HEAD = "{\"id\":\"01a2091e-4fce-7f8a-8d64-c0ca3908cb8c\","
      + "\"kind\":\"http\",\"deadline_ms\":1783348638390,\"received_ms\":1783348608390,"
      + "\"method\":\"GET\",\"path\":\"/a/path\",\"prefix\":\"/function/warm\",\"query\":\"a=1\","
      + "\"proto\":\"HTTP/1.1\",\"scheme\":\"http\",\"host\":\"localhost:8080\","
      + "\"remote\":\"127.0.0.1\",\"length\":0,\"headers\":[[\"accept\",\"*/*\"],"
      + "[\"user-agent\",\"warm/1\"],[\"x-a\",\"\\u00e9\"]],"
      + "\"trace\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}";

  private static final String SAMPLE = "dayfly.warm.Sample";
  private static final String EVENT =
      "{\"name\":\"x\",\"list\":[1,2.5,null,true],\"rawPath\":\"/a\\\"b\"}";

  private Warm() {}

  /** Trains until done, or until a revision comes for the stem. */
  static void up(Guest stem) {
    try {
      ByteArrayOutputStream sent = new ByteArrayOutputStream();
      List<Runnable> work = new ArrayList<>();
      Guest guest = new Shadow(new Wire(new ByteArrayInputStream(new byte[0]), sent), work);
      guest.take(new Wire.Frame(Wire.SPECIALISE, 0, bytes(revision())));
      run(work);
      texts();
      Class<?> sample = Class.forName(SAMPLE);
      sample.getMethod("use").invoke(sample.getConstructor().newInstance());
      Field hook = sample.getDeclaredField("hook");
      hook.setAccessible(true);
      hook.set(null, new Thread());
      for (int i = 1; i < ROUNDS && !stem.wanted(); i++) {
        new Revision(Json.object(bytes(revision())));
        call(guest, i, i % 64 == 1 ? "{\"fail\":true}" : EVENT);
        run(work);
        sent.reset();
      }
    } catch (Throwable t) {
      return; // the revision will meet it as well, and tell
    } finally {
      TimeZone.setDefault(null);
      Machine.folder("/var/task");
    }
  }

  private static void run(List<Runnable> work) {
    for (Runnable one : work) {
      one.run();
    }
    work.clear();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  // The process' own environment: nothing changes by it.
  private static String revision() {
    Map<String, String> env = new HashMap<>(System.getenv());
    env.put("TZ", ":UTC");
    return "{\"function\":\"warm\",\"project\":\"default\",\"revision\":\"warm.default@1\","
        + "\"number\":1,\"dialect\":\"lambda\",\"entry\":\"" + SAMPLE
        + "::handle\",\"task\":" + Json.write(task()) + ",\"port\":8080,\"concurrency\":1,"
        + "\"memory_bytes\":268435456,\"timeout_ms\":30000,\"env\":" + Json.write(env) + "}";
  }

  private static void call(Guest guest, int stream, String event) throws IOException {
    byte[] body = bytes(event);
    guest.take(new Wire.Frame(Wire.REQUEST, stream, bytes(HEAD)));
    guest.take(new Wire.Frame(Wire.BODY, stream, body));
    guest.take(new Wire.Frame(Wire.END, stream, new byte[0]));
  }

  // The folder of the function that stems train with, beside our jar.
  private static String task() {
    String jar = Warm.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    return new File(jar).getParent() + "/task";
  }

  // Once a call site of each common form was linked, others like it are quick: javac makes
  // one of every text that is put together.
  private static void texts() throws Throwable {
    Object[][] forms = {{"\1\1", String.class, String.class}, {"a\1", Object.class},
        {"a\1", String.class}, {"\1a", String.class}, {"a\1b", String.class},
        {"a\1b\1", String.class, String.class}, {"a\1", int.class}, {"\1a\1", String.class,
        String.class}, {"a\1b\1c", Object.class, Object.class}, {"a\1b\1", String.class,
        int.class}};
    for (Object[] form : forms) {
      Class<?>[] types = new Class<?>[form.length - 1];
      Object[] values = new Object[types.length];
      for (int i = 0; i < types.length; i++) {
        types[i] = (Class<?>) form[i + 1];
        values[i] = types[i] == int.class ? (Object) 1 : "x";
      }
      StringConcatFactory.makeConcatWithConstants(MethodHandles.lookup(), "warm",
          MethodType.methodType(String.class, types), (String) form[0])
          .getTarget().invokeWithArguments(values);
    }
  }

  /** A guest whose work waits to be run here, and whose end is nobody's. */
  private static final class Shadow extends Guest {
    Shadow(Wire wire, List<Runnable> work) {
      super(wire, new Executor() {
        @Override
        public void execute(Runnable one) {
          work.add(one);
        }
      });
    }

    @Override
    void halt(int status) {
      throw new IllegalStateException("the warm-up met a revision that does not load");
    }
  }
}
