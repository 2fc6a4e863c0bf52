// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What requests and the parts of forms have in common. */
class Message {
  private final Map<String, List<String>> headers;
  private final InputStream body;
  private final long length;
  private BufferedReader reader;
  private boolean streamed;

  Message(Map<String, List<String>> headers, InputStream body, long length) {
    Map<String, List<String>> any = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    any.putAll(headers);
    this.headers = Collections.unmodifiableMap(any);
    this.body = body;
    this.length = length;
  }

  public Map<String, List<String>> getHeaders() {
    return headers;
  }

  public Optional<String> getFirstHeader(String name) {
    List<String> values = headers.get(name);
    return values == null || values.isEmpty() ? Optional.empty() : Optional.of(values.get(0));
  }

  public Optional<String> getContentType() {
    return getFirstHeader("content-type");
  }

  public long getContentLength() {
    return length;
  }

  public Optional<String> getCharacterEncoding() {
    Optional<String> type = getContentType();
    return type.isPresent() ? Optional.ofNullable(parameter(type.get(), "charset")) : type;
  }

  public InputStream getInputStream() throws IOException {
    if (reader != null) {
      throw new IllegalStateException("getReader() already called");
    }
    streamed = true;
    return body;
  }

  public BufferedReader getReader() throws IOException {
    if (streamed) {
      throw new IllegalStateException("getInputStream() already called");
    }
    if (reader == null) {
      reader = new BufferedReader(new InputStreamReader(body, charset(getCharacterEncoding())));
    }
    return reader;
  }

  static Charset charset(Optional<String> name) {
    try {
      return name.isPresent() ? Charset.forName(name.get()) : StandardCharsets.UTF_8;
    } catch (IllegalArgumentException e) {
      return StandardCharsets.UTF_8;
    }
  }

  /** A parameter of a header such as text/plain; charset=utf-8, or null. */
  static String parameter(String header, String name) {
    for (String part : header.split(";")) {
      int equals = part.indexOf('=');
      if (equals > 0 && part.substring(0, equals).trim().equalsIgnoreCase(name)) {
        String value = part.substring(equals + 1).trim();
        boolean quoted = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"");
        return quoted ? value.substring(1, value.length() - 1) : value;
      }
    }
    return null;
  }
}
