// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.google.cloud.functions.HttpRequest;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A request of functions-framework. An event is a POST of its JSON to /. */
final class Request extends Message implements HttpRequest {
  private static final int PARTS_MAX = 1000;

  private final Call call;

  Request(Call call) {
    super(headers(call), call.input(), call.event() ? -1 : call.number("length"));
    this.call = call;
  }

  private static Map<String, List<String>> headers(Call call) {
    return call.event() ? Map.of("content-type", List.of("application/json")) : call.headers();
  }

  @Override
  public String getMethod() {
    return call.event() ? "POST" : call.text("method");
  }

  @Override
  public String getUri() {
    if (call.event()) {
      return "http://localhost/";
    }
    return call.text("scheme") + "://" + call.text("host") + call.text("path")
        + (call.text("query").isEmpty() ? "" : "?" + call.text("query"));
  }

  @Override
  public String getPath() {
    return call.event() ? "/" : Query.decode(call.text("path").replace("+", "%2B"));
  }

  @Override
  public Optional<String> getQuery() {
    String query = call.text("query");
    return query.isEmpty() ? Optional.empty() : Optional.of(query);
  }

  @Override
  public Map<String, List<String>> getQueryParameters() {
    return Query.parse(call.text("query"));
  }

  @Override
  public Optional<String> getFirstQueryParameter(String name) {
    List<String> values = getQueryParameters().get(name);
    return values == null ? Optional.empty() : Optional.of(values.get(0));
  }

  @Override
  public Map<String, HttpPart> getParts() {
    String type = getContentType().orElse("");
    String boundary = parameter(type, "boundary");
    if (!type.startsWith("multipart/form-data") || boundary == null) {
      throw new IllegalStateException("Content-Type must be multipart/form-data: " + type);
    }
    try {
      return parts(getInputStream().readAllBytes(), "--" + boundary);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Bytes as characters of the same number, so that text methods find what they look for.
  private static Map<String, HttpPart> parts(byte[] body, String boundary) {
    String text = "\r\n" + new String(body, StandardCharsets.ISO_8859_1);
    String mark = "\r\n" + boundary;
    Map<String, HttpPart> parts = new LinkedHashMap<>();
    int at = text.indexOf(mark);
    while (at >= 0 && parts.size() < PARTS_MAX) {
      int from = at + mark.length();
      int head = text.indexOf("\r\n\r\n", from);
      at = text.indexOf(mark, from);
      if (text.startsWith("--", from) || head < 0 || at < 0) {
        break;
      }
      if (head + 2 > at) {
        continue; // a part without a head
      }
      String content = text.substring(Math.min(head + 4, at), at);
      Part part = new Part(partHeaders(text.substring(from, head)),
          content.getBytes(StandardCharsets.ISO_8859_1));
      String name = part.disposition("name");
      if (name != null) {
        parts.put(name, part);
      }
    }
    return Collections.unmodifiableMap(parts);
  }

  private static Map<String, List<String>> partHeaders(String head) {
    Map<String, List<String>> headers = new LinkedHashMap<>();
    for (String line : head.split("\r\n")) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        byte[] value = line.substring(colon + 1).trim().getBytes(StandardCharsets.ISO_8859_1);
        headers.computeIfAbsent(line.substring(0, colon).trim(), name -> new ArrayList<>())
            .add(new String(value, StandardCharsets.UTF_8));
      }
    }
    return headers;
  }

  /** One part of a form. */
  private static final class Part extends Message implements HttpPart {
    Part(Map<String, List<String>> headers, byte[] content) {
      super(headers, new ByteArrayInputStream(content), content.length);
    }

    String disposition(String name) {
      return getFirstHeader("content-disposition").map(value -> parameter(value, name))
          .orElse(null);
    }

    @Override
    public Optional<String> getFileName() {
      return Optional.ofNullable(disposition("filename"));
    }
  }
}
