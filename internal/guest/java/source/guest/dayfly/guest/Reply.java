// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.google.cloud.functions.HttpResponse;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** An answer of functions-framework; what is written leaves when the buffer is full or flushed. */
final class Reply implements HttpResponse {
  private static final int BUFFER = 16 << 10;

  private final Call call;
  private final Map<String, List<String>> headers =
      new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream();
  private int status = 200;
  private OutputStream out;
  private BufferedWriter writer;

  Reply(Call call) {
    this.call = call;
  }

  @Override
  public void setStatusCode(int code) {
    status = code;
  }

  @Override
  public void setStatusCode(int code, String message) {
    status = code;
  }

  @Override
  public void setContentType(String type) {
    headers.put("content-type", new ArrayList<>(List.of(type)));
  }

  @Override
  public Optional<String> getContentType() {
    List<String> values = headers.get("content-type");
    return values == null ? Optional.empty() : Optional.of(values.get(0));
  }

  @Override
  public void appendHeader(String name, String value) {
    if (name.equalsIgnoreCase("content-type")) {
      setContentType(value);
    } else {
      headers.putIfAbsent(name, new ArrayList<>());
      headers.get(name).add(value);
    }
  }

  @Override
  public Map<String, List<String>> getHeaders() {
    return headers;
  }

  @Override
  public OutputStream getOutputStream() {
    if (writer != null) {
      throw new IllegalStateException("getWriter called");
    }
    return stream();
  }

  @Override
  public BufferedWriter getWriter() {
    if (writer == null) {
      if (out != null) {
        throw new IllegalStateException("getOutputStream called");
      }
      Optional<String> charset = getContentType();
      if (charset.isPresent()) {
        charset = Optional.ofNullable(Message.parameter(charset.get(), "charset"));
      }
      writer = new BufferedWriter(new OutputStreamWriter(stream(), Message.charset(charset)));
    }
    return writer;
  }

  private OutputStream stream() {
    if (out == null) {
      out = new Stream();
    }
    return out;
  }

  private List<String[]> head() {
    List<String[]> all = new ArrayList<>();
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      for (String value : header.getValue()) {
        all.add(new String[] {header.getKey(), value});
      }
    }
    return all;
  }

  /** Sends what is left. */
  void finish() throws IOException {
    if (writer != null) {
      writer.flush();
    }
    if (!call.answered()) {
      call.answer(status, head(), buffer.toByteArray());
      return;
    }
    drain();
    call.end();
  }

  private void drain() throws IOException {
    if (!call.answered()) {
      call.respond(status, head(), null);
    }
    call.send(buffer.toByteArray(), 0, buffer.size());
    buffer.reset();
  }

  private final class Stream extends OutputStream {
    private boolean closed;

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] data, int offset, int length) throws IOException {
      if (closed) {
        throw new IOException("the response is closed");
      }
      if (buffer.size() + length > BUFFER) {
        drain();
        call.send(data, offset, length);
      } else {
        buffer.write(data, offset, length);
      }
    }

    @Override
    public void flush() throws IOException {
      // A writer that is closed flushes first: what is complete leaves in one piece.
      if (!closed && buffer.size() > 0 && writer == null) {
        drain();
      }
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
