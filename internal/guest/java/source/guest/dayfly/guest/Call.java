// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** One stream: a request whose body flows in, and an answer that flows out. */
final class Call {
  /** The caller is gone. */
  static final class Canceled extends IOException {
    private static final long serialVersionUID = 1;

    Canceled() {
      super("the caller is gone");
    }
  }

  final int id;
  final Map<String, Object> head;
  final Logs.Lines stdout;
  final Logs.Lines stderr;

  private final Wire wire;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<byte[]> chunks = new ArrayDeque<>();
  private boolean whole; // the request's body has ended
  private boolean canceled;
  private int allowance = Wire.WINDOW_BYTES; // of body bytes that may be sent
  private int consumed; // and not granted again
  private boolean answered; // the head was sent
  private volatile boolean over;

  Call(Wire wire, int id, Map<String, Object> head) {
    this.wire = wire;
    this.id = id;
    this.head = head;
    this.stdout = new Logs.Lines(wire, id, Logs.STDOUT);
    this.stderr = new Logs.Lines(wire, id, Logs.STDERR);
  }

  String text(String name) {
    Object value = head.get(name);
    return value instanceof String ? (String) value : "";
  }

  long number(String name) {
    Object value = head.get(name);
    return value instanceof Number ? ((Number) value).longValue() : 0;
  }

  /** Whether the call carries an event instead of an HTTP request. */
  boolean event() {
    return "event".equals(head.get("kind"));
  }

  /** The headers, names in lower case, in the order that they came in. */
  Map<String, List<String>> headers() {
    Map<String, List<String>> headers = new LinkedHashMap<>();
    if (head.get("headers") instanceof List) {
      for (Object pair : (List<?>) head.get("headers")) {
        List<?> both = (List<?>) pair;
        String name = (String) both.get(0);
        List<String> values = headers.get(name);
        if (values == null) { // no lambda: it would cost the first call a millisecond
          values = new ArrayList<>();
          headers.put(name, values);
        }
        values.add((String) both.get(1));
      }
    }
    return headers;
  }

  boolean over() {
    return over;
  }

  boolean answered() {
    return answered;
  }

  // What the reader of frames calls.

  void body(byte[] data) {
    lock.lock();
    try {
      if (data.length > 0 && !over) {
        chunks.add(data);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  void bodyEnd() {
    lock.lock();
    try {
      whole = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void cancel() {
    lock.lock();
    try {
      canceled = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  void grant(int bytes) {
    lock.lock();
    try {
      allowance += bytes;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // What the handler's thread calls.

  /** The request's body; reading waits for what is still on its way. */
  InputStream input() {
    return new Body();
  }

  /** The whole of the request's body. */
  byte[] all() throws IOException {
    byte[] first = chunk();
    if (first == null) {
      return new byte[0];
    }
    byte[] next = chunk();
    if (next == null) {
      return first;
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(first);
    for (; next != null; next = chunk()) {
      all.write(next);
    }
    return all.toByteArray();
  }

  private byte[] chunk() throws IOException {
    byte[] data;
    int grant = 0;
    lock.lock();
    try {
      while (chunks.isEmpty() && !whole && !canceled) {
        changed.awaitUninterruptibly();
      }
      if (chunks.isEmpty() && !whole) {
        throw new Canceled();
      }
      data = chunks.poll();
      consumed += data == null ? 0 : data.length;
      if (!whole && consumed >= Wire.WINDOW_BYTES / 2) {
        grant = consumed;
        consumed = 0;
      }
    } finally {
      lock.unlock();
    }
    if (grant > 0) {
      wire.send(Wire.WINDOW, id, Wire.integer(grant));
    }
    return data;
  }

  /** The whole answer, of which head, body and end leave together when it is small. */
  void answer(int status, List<String[]> headers, byte[] body) throws IOException {
    if (body.length > Wire.BODY_MAX) {
      respond(status, headers, null);
      send(body, 0, body.length);
      end();
      return;
    }
    flushLogs();
    byte[] answer = head(status, headers, null);
    Wire.Frames frames = new Wire.Frames(3 * Wire.HEAD + answer.length + body.length);
    frames.add(Wire.RESPONSE, id, answer, 0, answer.length);
    if (body.length > 0) {
      frames.add(Wire.BODY, id, body, 0, body.length);
    }
    frames.add(Wire.END, id, body, 0, 0);
    answered = true;
    over = true;
    wire.write(frames);
  }

  /** The head of an answer; failure, which may be null, is told to the host alone. */
  void respond(int status, List<String[]> headers, Map<String, Object> failure)
      throws IOException {
    byte[] payload = head(status, headers, failure);
    answered = true;
    wire.send(Wire.RESPONSE, id, payload);
  }

  private static byte[] head(int status, List<String[]> headers, Map<String, Object> failure)
      throws IOException {
    StringBuilder text = new StringBuilder(64);
    text.append("{\"status\":").append(status).append(",\"headers\":[");
    for (int i = 0; i < headers.size(); i++) {
      text.append(i == 0 ? "[" : ",[");
      Json.quote(text, headers.get(i)[0]);
      text.append(',');
      Json.quote(text, headers.get(i)[1]);
      text.append(']');
    }
    text.append(']');
    if (failure != null) {
      text.append(",\"failure\":").append(Json.write(failure));
    }
    byte[] payload = text.append('}').toString().getBytes(StandardCharsets.UTF_8);
    if (payload.length > Wire.PAYLOAD_MAX) {
      throw new BadResponse("the response's headers take " + payload.length + " bytes, at most "
          + Wire.PAYLOAD_MAX + " are allowed");
    }
    return payload;
  }

  /** The handler's answer cannot be sent on. */
  static final class BadResponse extends IOException {
    private static final long serialVersionUID = 1;

    BadResponse(String message) {
      super(message);
    }
  }

  /** Bytes of the answer, as the window allows. */
  void send(byte[] data, int offset, int length) throws IOException {
    while (length > 0) {
      int n = room(Math.min(length, Wire.BODY_MAX));
      Wire.Frames frames = new Wire.Frames(Wire.HEAD + n);
      frames.add(Wire.BODY, id, data, offset, n);
      wire.write(frames);
      offset += n;
      length -= n;
    }
  }

  private int room(int wanted) throws Canceled {
    lock.lock();
    try {
      while (allowance <= 0 && !canceled) {
        changed.awaitUninterruptibly();
      }
      if (canceled) {
        throw new Canceled();
      }
      int n = Math.min(wanted, allowance);
      allowance -= n;
      return n;
    } finally {
      lock.unlock();
    }
  }

  void end() throws IOException {
    flushLogs();
    over = true;
    wire.send(Wire.END, id, new byte[0]);
  }

  void error(Map<String, Object> failure) throws IOException {
    flushLogs();
    over = true;
    wire.send(Wire.ERROR, id, Failure.encode(failure));
  }

  private void flushLogs() {
    stdout.flush();
    stderr.flush();
  }

  /** The request's body as a stream. */
  private final class Body extends InputStream {
    private byte[] chunk = new byte[0];
    private int at;

    @Override
    public int read() throws IOException {
      return more() ? chunk[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] data, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      if (!more()) {
        return -1;
      }
      int n = Math.min(length, chunk.length - at);
      System.arraycopy(chunk, at, data, offset, n);
      at += n;
      return n;
    }

    @Override
    public int available() {
      return chunk == null ? 0 : chunk.length - at;
    }

    private boolean more() throws IOException {
      if (chunk != null && at == chunk.length) {
        chunk = chunk();
        at = 0;
      }
      return chunk != null;
    }
  }
}
