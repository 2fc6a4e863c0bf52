// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as maps, lists, strings, numbers, booleans and null. */
final class Json {
  private static final int DEPTH_MAX = 1000;
  private static final String HEX = "0123456789ABCDEF";

  private final String text;
  private int at;
  private int depth;

  private Json(String text) {
    this.text = text;
  }

  /** What was read is no JSON. */
  static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1;

    Malformed(String message) {
      super(message);
    }
  }

  static Object read(byte[] data) {
    return read(new String(data, StandardCharsets.UTF_8));
  }

  static Object read(String text) {
    Json json = new Json(text);
    Object value = json.value();
    if (json.peek() != -1) {
      throw json.unexpected();
    }
    return value;
  }

  /** The object in data. */
  @SuppressWarnings("unchecked")
  static Map<String, Object> object(byte[] data) {
    Object value = read(data);
    if (!(value instanceof Map)) {
      throw new Malformed("want a JSON object");
    }
    return (Map<String, Object>) value;
  }

  private int peek() {
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
        return c;
      }
      at++;
    }
    return -1;
  }

  private Malformed unexpected() {
    if (at >= text.length()) {
      return new Malformed("unexpected end of JSON");
    }
    return new Malformed("unexpected character '" + text.charAt(at) + "' at " + at);
  }

  private Object value() {
    switch (peek()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return word("true", Boolean.TRUE);
      case 'f':
        return word("false", Boolean.FALSE);
      case 'n':
        return word("null", null);
      default:
        return number();
    }
  }

  private Object word(String word, Object value) {
    if (!text.startsWith(word, at)) {
      throw unexpected();
    }
    at += word.length();
    return value;
  }

  private void deeper() {
    at++;
    if (++depth > DEPTH_MAX) {
      throw new Malformed("JSON is nested deeper than " + DEPTH_MAX);
    }
  }

  private Map<String, Object> object() {
    deeper();
    Map<String, Object> map = new LinkedHashMap<>();
    if (peek() == '}') {
      at++;
      depth--;
      return map;
    }
    while (true) {
      if (peek() != '"') {
        throw unexpected();
      }
      String name = string();
      if (peek() != ':') {
        throw unexpected();
      }
      at++;
      map.put(name, value());
      if (!more('}')) {
        return map;
      }
    }
  }

  private List<Object> array() {
    deeper();
    List<Object> list = new ArrayList<>();
    if (peek() == ']') {
      at++;
      depth--;
      return list;
    }
    do {
      list.add(value());
    } while (more(']'));
    return list;
  }

  private boolean more(char close) {
    int c = peek();
    if (c != ',' && c != close) {
      throw unexpected();
    }
    at++;
    if (c == close) {
      depth--;
    }
    return c == ',';
  }

  private String string() {
    int start = ++at;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '"') {
        return text.substring(start, at++);
      }
      if (c == '\\') {
        return escaped(start);
      }
      if (c < ' ') {
        throw unexpected();
      }
      at++;
    }
    throw unexpected();
  }

  private String escaped(int start) {
    StringBuilder out = new StringBuilder(text.length() - start < 64 ? 64 : 256);
    out.append(text, start, at);
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return out.toString();
      }
      if (c < ' ') {
        at--;
        throw unexpected();
      }
      out.append(c == '\\' ? escape() : c);
    }
    throw unexpected();
  }

  private char escape() {
    if (at >= text.length()) {
      throw unexpected();
    }
    char c = text.charAt(at++);
    switch (c) {
      case '"':
      case '\\':
      case '/':
        return c;
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'u':
        return unicode();
      default:
        at--;
        throw unexpected();
    }
  }

  private char unicode() {
    int code = 0;
    for (int i = 0; i < 4; i++, at++) {
      int digit = at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
      if (digit < 0) {
        throw unexpected();
      }
      code = code << 4 | digit;
    }
    return (char) code;
  }

  private Object number() {
    int start = at;
    boolean real = false;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (c == '.' || c == 'e' || c == 'E' || c == '+') {
        real = true;
      } else if (c != '-' && (c < '0' || c > '9')) {
        break;
      }
      at++;
    }
    String digits = text.substring(start, at);
    try {
      return real ? (Object) Double.valueOf(digits) : whole(digits);
    } catch (NumberFormatException e) {
      at = start;
      throw unexpected();
    }
  }

  // The smallest type that holds it, as Jackson chooses.
  private static Object whole(String digits) {
    if (digits.length() <= 9) {
      return Integer.valueOf(digits);
    }
    if (digits.length() > 19) {
      return new BigInteger(digits);
    }
    BigInteger exact = new BigInteger(digits);
    if (exact.bitLength() < 32) {
      return exact.intValue();
    }
    return exact.bitLength() < 64 ? (Object) exact.longValue() : exact;
  }

  /** A value that is neither null, map, list, array, string, number nor boolean. */
  static final class Unknown extends RuntimeException {
    private static final long serialVersionUID = 1;

    Unknown(Object value) {
      super(value.getClass().getName() + " has no form in JSON");
    }
  }

  static String write(Object value) {
    StringBuilder out = new StringBuilder(128);
    write(out, value, 0);
    return out.toString();
  }

  private static void write(StringBuilder out, Object value, int depth) {
    if (depth > DEPTH_MAX) {
      throw new Malformed("a value is nested deeper than " + DEPTH_MAX);
    }
    if (value instanceof CharSequence || value instanceof Character) {
      quote(out, value.toString());
    } else if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Number) {
      number(out, (Number) value);
    } else if (value instanceof Map) {
      write(out, (Map<?, ?>) value, depth);
    } else if (value instanceof Iterable && value instanceof java.util.Collection) {
      write(out, (Iterable<?>) value, depth);
    } else if (value instanceof Object[]) {
      write(out, java.util.Arrays.asList((Object[]) value), depth);
    } else if (value instanceof Enum) {
      quote(out, ((Enum<?>) value).name());
    } else {
      throw new Unknown(value);
    }
  }

  private static void number(StringBuilder out, Number value) {
    if (value instanceof Double || value instanceof Float) {
      double real = value.doubleValue();
      boolean finite = !Double.isNaN(real) && !Double.isInfinite(real);
      out.append(finite ? "" : "\"").append(value).append(finite ? "" : "\"");
    } else if (value instanceof Integer || value instanceof Long || value instanceof Short
        || value instanceof Byte || value instanceof BigInteger || value instanceof BigDecimal) {
      out.append(value);
    } else {
      throw new Unknown(value);
    }
  }

  private static void write(StringBuilder out, Map<?, ?> map, int depth) {
    char separator = '{';
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (entry.getValue() == null) {
        continue; // as the clients of AWS write maps
      }
      if (!(entry.getKey() instanceof String) && !(entry.getKey() instanceof Number)) {
        throw new Unknown(entry.getKey() == null ? map : entry.getKey());
      }
      out.append(separator);
      quote(out, entry.getKey().toString());
      out.append(':');
      write(out, entry.getValue(), depth + 1);
      separator = ',';
    }
    out.append(separator == '{' ? "{}" : "}");
  }


  private static void write(StringBuilder out, Iterable<?> list, int depth) {
    char separator = '[';
    for (Object item : list) {
      out.append(separator);
      write(out, item, depth + 1);
      separator = ',';
    }
    out.append(separator == '[' ? "[]" : "]");
  }

  /** A text as AWS's client writes it in results: pairs of surrogates as escapes. */
  static void quote(StringBuilder out, String text) {
    out.append('"');
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= ' ' && c != '"' && c != '\\' && (c < 0xd800 || c > 0xdfff)) {
        continue;
      }
      out.append(text, start, i);
      start = i + 1;
      int known = "\"\\\b\f\n\r\t".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("\"\\bfnrt".charAt(known));
      } else {
        unicode(out, c, HEX);
      }
    }
    out.append(text, start, text.length()).append('"');
  }

  /** A character as an escape, in digits of the caller's choice. */
  static void unicode(StringBuilder out, char c, String digits) {
    out.append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) {
      out.append(digits.charAt(c >> shift & 15));
    }
  }
}
