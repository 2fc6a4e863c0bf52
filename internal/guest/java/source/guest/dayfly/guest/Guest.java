// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/** The life of one connection: a stem, then an instance of one revision. */
class Guest {
  /** What a dialect makes of a class: it answers calls. */
  interface Handler {
    /** Answers the call, to its end. What it throws becomes an error frame. */
    void serve(Call call) throws Throwable;

    /** The error as event callers of the dialect read it, or null. */
    default byte[] payload(Throwable t) {
      return null;
    }

    /** The line that the dialect's own platform logs for an error, or null. */
    default String report(Throwable t) {
      return null;
    }

    /** The dialect's name, for the host. */
    String dialect();
  }

  private static final int HALTED = 70; // the exit status when the guest itself is broken

  private final Wire wire;
  private final Map<Integer, Call> calls = new ConcurrentHashMap<>();
  // Code is loaded, and with a concurrency of 1 called, on one thread: some keeps state there.
  private final Executor main;
  private volatile boolean wanted; // a revision has come
  private volatile Executor workers;
  private volatile Handler handler;
  private volatile int concurrency = 1;

  Guest(Wire wire, Executor main) {
    this.wire = wire;
    this.main = main;
    this.workers = main;
  }

  /** Ends the process at once. */
  void halt(int status) {
    Runtime.getRuntime().halt(status);
  }

  /** Reads frames until the host goes away, at which the process ends at once. */
  void run() {
    main.execute(new Runnable() { // no lambda here and below: those cost at their first use
      @Override
      public void run() {
        Warm.up(Guest.this);
      }
    });
    try {
      while (true) {
        take(wire.read());
      }
    } catch (IOException e) {
      halt(0);
    } catch (Throwable t) {
      halt(HALTED);
    }
  }

  /** Whether a revision has come. */
  boolean wanted() {
    return wanted;
  }

  void take(Wire.Frame frame) throws IOException {
    Call call = calls.get(frame.stream);
    switch (frame.type) {
      case Wire.SPECIALISE:
        wanted = true;
        main.execute(new Runnable() {
          @Override
          public void run() {
            become(frame.payload);
          }
        });
        break;
      case Wire.REQUEST:
        open(frame);
        break;
      case Wire.BODY:
        if (call != null) {
          call.body(frame.payload);
        }
        break;
      case Wire.END:
        if (call != null) {
          call.bodyEnd();
        }
        break;
      case Wire.CANCEL:
        if (call != null) {
          call.cancel();
        }
        break;
      case Wire.WINDOW:
        if (call != null && frame.payload.length == 4) {
          call.grant(Wire.integer(frame.payload, 0));
        }
        break;
      default:
        throw new IOException("frame of type " + frame.type + " from the host");
    }
  }

  private void open(Wire.Frame frame) throws IOException {
    if (handler == null || frame.stream == 0) {
      throw new IOException("a request before ready");
    }
    Call call = new Call(wire, frame.stream, Json.object(frame.payload));
    calls.put(frame.stream, call);
    workers.execute(new Runnable() {
      @Override
      public void run() {
        serve(call);
      }
    });
  }

  private void become(byte[] payload) {
    Handler loaded = null;
    try {
      Revision revision = new Revision(Json.object(payload));
      concurrency = revision.concurrency;
      Logs.concurrent(concurrency > 1);
      workers = Workers.of(concurrency, main);
      revision.enter();
      loaded = Load.handler(revision);
      handler = loaded;
      Logs.flush();
      String ready = "{\"serve\":\"frames\",\"dialect\":" + Json.write(loaded.dialect()) + "}";
      wire.send(Wire.READY, 0, ready.getBytes(StandardCharsets.UTF_8));
    } catch (Throwable t) {
      refuse(t);
    }
  }

  private void refuse(Throwable t) {
    try {
      Logs.message(Logs.STDERR, LambdaFault.report(t));
      Logs.flush();
      byte[] told = LambdaFault.payload(t);
      wire.send(Wire.ERROR, 0, Failure.encode(Failure.of("init", t, told)));
    } catch (Throwable e) {
      halt(HALTED);
    }
    halt(1);
  }

  private void serve(Call call) {
    Logs.enter(call);
    try {
      handler.serve(call);
      if (!call.over()) {
        call.end();
      }
    } catch (Call.Canceled e) {
      finish(call, e);
    } catch (Throwable t) {
      fail(call, t);
    } finally {
      Thread.interrupted(); // what the code left behind
      Logs.leave();
      calls.remove(call.id);
    }
  }

  private void finish(Call call, Throwable t) {
    try {
      if (!call.over()) {
        call.error(Failure.of("exception", t, null));
      }
    } catch (IOException e) {
      halt(0);
    }
  }

  private void fail(Call call, Throwable t) {
    boolean broken = concurrency == 1
        && (t instanceof VirtualMachineError || t instanceof java.io.IOError);
    try {
      String report = handler.report(t);
      if (report != null) {
        Logs.message(Logs.STDERR, report);
      }
      String kind = t instanceof Call.BadResponse ? "bad_response" : "exception";
      if (!call.over()) {
        Map<String, Object> failure = Failure.of(kind, t, handler.payload(t));
        if (broken) {
          failure.put("last", true);
        }
        call.error(failure);
      }
    } catch (IOException e) {
      halt(0);
    } catch (Throwable e) {
      broken = true;
    }
    if (broken) {
      halt(1);
    }
  }
}
