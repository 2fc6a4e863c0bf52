package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOError;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Fails in every way. */
public class Failing implements RequestHandler<String, Object> {
  /** An exception whose message fails. */
  public static class Sly extends RuntimeException {
    @Override
    public String getMessage() {
      throw new IllegalStateException("no message");
    }
  }

  @Override
  public Object handleRequest(String how, Context context) {
    switch (how) {
      case "plain":
        throw new IllegalArgumentException("boom é \u2028 \u001f");
      case "silent":
        throw new NullPointerException();
      case "caused":
        throw new RuntimeException("outer", new IOException("inner"));
      case "sly":
        throw new Sly();
      case "error":
        throw new AssertionError("wrong");
      case "io":
        throw new IOError(new IOException("disk"));
      case "stack":
        return deeper(0);
      case "memory":
        List<long[]> all = new ArrayList<>();
        while (true) {
          all.add(new long[1 << 20]);
        }
      case "exit":
        System.exit(3);
        return null;
      case "halt":
        Runtime.getRuntime().halt(4);
        return null;
      case "unwritable":
        Map<String, Object> self = new java.util.HashMap<>();
        self.put("self", self);
        return self;
      case "interrupted":
        Thread.currentThread().interrupt();
        return "interrupted";
      default:
        return "fine";
    }
  }

  private int deeper(int n) {
    return deeper(n + 1) + 1;
  }

  public String method(String how) throws IOException {
    throw new IOException("by method");
  }
}
