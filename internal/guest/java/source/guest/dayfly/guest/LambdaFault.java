// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.nio.charset.StandardCharsets;

/** Errors as AWS's client for Java tells them: to the caller, and in the log. */
final class LambdaFault {
  /** The type of a fault that the client reports without one. */
  static final String BAD_CODE = "Runtime.BadFunctionCode";

  private LambdaFault() {}

  static Failure.Fault loading(Throwable t, String name) {
    Throwable cause = t instanceof ExceptionInInitializerError && t.getCause() != null
        ? t.getCause() : t;
    String message = cause.getMessage() == null ? "" : ": " + cause.getMessage();
    return new Failure.Fault(t.getClass().getName(), "Error loading class " + name + message, t);
  }

  /** The error JSON; its stack stands there for exceptions of the code alone. */
  static byte[] payload(Throwable t) {
    StringBuilder out = new StringBuilder(256);
    out.append("{\"errorMessage\":");
    quote(out, Failure.cut(Failure.messageOf(t)));
    boolean fault = t instanceof Failure.Fault;
    if (!fault || !Failure.typeOf(t).equals(BAD_CODE)) {
      out.append(",\"errorType\":");
      quote(out, Failure.typeOf(t));
    }
    if (!fault) {
      char separator = '[';
      out.append(",\"stackTrace\":");
      for (StackTraceElement element : Failure.trace(t)) {
        out.append(separator);
        quote(out, element.toString());
        separator = ',';
      }
      out.append(separator == '[' ? "[]" : "]");
    }
    return out.append('}').toString().getBytes(StandardCharsets.UTF_8);
  }

  // The client writes errors by a library of its own, which escapes more, in lower case.
  private static void quote(StringBuilder out, String text) {
    int start = out.length();
    Json.quote(out, text);
    for (int i = start; i < out.length(); i++) {
      char c = out.charAt(i);
      if (c == '\u2028' || c == '\u2029') {
        out.replace(i, i + 1, "\\u" + Integer.toHexString(c));
      } else if (c == '\\') {
        if (out.charAt(i + 1) == 'u') {
          out.setCharAt(i + 5, Character.toLowerCase(out.charAt(i + 5)));
        }
        i++;
      }
    }
  }

  /** What the client logs of an error. */
  static String report(Throwable t) {
    if (t instanceof Failure.Fault && Failure.typeOf(t).equals(BAD_CODE) && t.getCause() == null) {
      return Failure.messageOf(t) + "\n";
    }
    Throwable trace = t instanceof Failure.Fault && t.getCause() != null ? t.getCause() : t;
    return Failure.messageOf(t) + ": " + Failure.typeOf(t) + "\n" + Failure.print(trace) + "\n";
  }
}
