package app;

import com.google.cloud.functions.HttpFunction;
import com.google.cloud.functions.HttpRequest;
import com.google.cloud.functions.HttpResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A function for the tests of streams. */
public class Flow implements HttpFunction {
  static {
    System.out.println("loaded");
  }

  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final CountDownLatch GO = new CountDownLatch(1);
  private static volatile CountDownLatch all;
  private static volatile String state = "none";
  private final Thread loader = Thread.currentThread();

  @Override
  public void service(HttpRequest request, HttpResponse response) throws Exception {
    OutputStream out = response.getOutputStream();
    switch (request.getPath()) {
      case "/echo":
        request.getInputStream().transferTo(out);
        return;
      case "/unread":
        out.write("unread".getBytes());
        return;
      case "/endless":
        endless(out);
        return;
      case "/state":
        out.write(state.getBytes());
        return;
      case "/pieces":
        out.write("first".getBytes());
        out.flush();
        GO.await();
        out.write("second".getBytes());
        return;
      case "/go":
        GO.countDown();
        return;
      case "/together":
        together(Integer.parseInt(request.getFirstQueryParameter("n").get()));
        out.write("together".getBytes());
        return;
      case "/log":
        log();
        out.write("logged".getBytes());
        return;
      case "/count":
        out.write(String.valueOf(COUNT.incrementAndGet()).getBytes());
        return;
      case "/thread":
        out.write((Thread.currentThread() == loader ? "same" : "another").getBytes());
        return;
      case "/deadlock":
        new CountDownLatch(1).await();
        return;
      case "/spin":
        while (COUNT.get() >= 0) {
          COUNT.compareAndSet(0, 1);
        }
        return;
      default:
        flood();
    }
  }

  private static void endless(OutputStream out) throws IOException {
    byte[] data = new byte[10_000];
    try {
      while (true) {
        out.write(data);
      }
    } catch (IOException e) {
      state = "canceled";
      throw e;
    }
  }

  private static void together(int calls) throws InterruptedException {
    synchronized (Flow.class) {
      if (all == null) {
        all = new CountDownLatch(calls);
      }
    }
    System.out.println("here");
    all.countDown();
    all.await();
    Thread thread = new Thread(() -> System.out.println("there"));
    thread.start();
    thread.join();
  }

  private static void log() throws InterruptedException {
    System.out.println("one\n");
    System.err.println("two é");
    System.out.println("x".repeat(16400));
    Thread thread = new Thread(() -> System.out.println("by a thread"));
    thread.start();
    thread.join();
    System.out.print("no end");
  }

  private static void flood() {
    try {
      for (int i = 0; i < 300; i++) {
        Thread thread = new Thread(() -> {
          try {
            new CountDownLatch(1).await();
          } catch (InterruptedException e) {
            return;
          }
        });
        thread.start();
      }
    } finally {
      while (true) {
        Thread.onSpinWait();
      }
    }
  }
}
