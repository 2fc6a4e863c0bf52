// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.ReentrantLock;

/** What code prints, line by line, for the call that it belongs to. */
final class Logs {
  static final int LINE_MAX = 16384;
  static final int STDOUT = 1;
  static final int STDERR = 2;

  private static boolean concurrent;
  private static volatile Call only; // the call under way, where there is one at a time
  private static final ThreadLocal<Call> CALL = new InheritableThreadLocal<>();
  // Lines of no call; null until the host is there to hear them.
  private static Lines[] none;

  private Logs() {}

  /** Takes over System.out and System.err. */
  static void install(Wire to) {
    none = new Lines[] {new Lines(to, 0, STDOUT), new Lines(to, 0, STDERR)};
    System.setOut(new PrintStream(new Output(STDOUT), false, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(new Output(STDERR), false, StandardCharsets.UTF_8));
  }

  /** Tells whether calls overlap: then a thread, and those that it starts, have theirs. */
  static void concurrent(boolean several) {
    concurrent = several;
  }

  static void enter(Call call) {
    if (concurrent) {
      CALL.set(call);
    } else {
      only = call;
    }
  }

  static void leave() {
    if (concurrent) {
      CALL.remove();
    } else {
      only = null;
    }
  }

  /** The call of this thread, or null. */
  static Call current() {
    return concurrent ? CALL.get() : only;
  }

  /** One message, which begins and ends a line. */
  static void message(byte[] text) {
    Lines lines = lines(STDOUT);
    lines.write(text, 0, text.length);
    lines.flush();
  }

  static void message(int which, String text) {
    Lines lines = lines(which);
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    lines.write(bytes, 0, bytes.length);
    lines.flush();
  }

  /** Sends what belongs to no call and has no end of line yet. */
  static void flush() {
    if (none != null) {
      none[0].flush();
      none[1].flush();
    }
  }

  private static Lines lines(int which) {
    Call call = current();
    if (call == null || call.over()) {
      return none[which - 1];
    }
    return which == STDOUT ? call.stdout : call.stderr;
  }

  /** The lines of one stream that one call prints. */
  static final class Lines {
    private final Wire wire;
    private final int stream;
    private final int which;
    private final ReentrantLock lock = new ReentrantLock();
    private byte[] line = new byte[128];
    private int size;

    Lines(Wire wire, int stream, int which) {
      this.wire = wire;
      this.stream = stream;
      this.which = which;
    }

    void write(byte[] data, int offset, int length) {
      lock.lock();
      try {
        for (int i = offset; i < offset + length; i++) {
          if (data[i] == '\n') {
            send(true);
          } else {
            add(data[i]);
          }
        }
      } finally {
        lock.unlock();
      }
    }

    private void add(byte b) {
      // A line that is too long is cut, but not within a character.
      int unsigned = b & 0xff;
      int character = unsigned < 0xc0 ? 1 : unsigned < 0xe0 ? 2 : unsigned < 0xf0 ? 3 : 4;
      if (size + character > LINE_MAX) {
        send(true);
      }
      if (size == line.length) {
        line = java.util.Arrays.copyOf(line, Math.min(LINE_MAX, 2 * size));
      }
      line[size++] = b;
    }

    void flush() {
      lock.lock();
      try {
        send(false);
      } finally {
        lock.unlock();
      }
    }

    private void send(boolean even) {
      if (size == 0 && !even) {
        return;
      }
      if (size > 0 && line[size - 1] == '\r') {
        size--;
      }
      byte[] payload = new byte[size + 1];
      payload[0] = (byte) which;
      System.arraycopy(line, 0, payload, 1, size);
      size = 0;
      try {
        wire.send(Wire.LOG, stream, payload);
      } catch (IOException e) {
        size = 0; // the host is gone, and this process will be
      }
    }
  }

  /** Where System.out and System.err lead. */
  private static final class Output extends OutputStream {
    private final int which;

    Output(int which) {
      this.which = which;
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] data, int offset, int length) {
      lines(which).write(data, offset, length);
    }
  }
}
