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

  // The client writes errors by another library, which escapes differently.
  private static void quote(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      int known = "\"\\\b\f\n\r\t".indexOf(c);
      if (known >= 0) {
        out.append('\\').append("\"\\bfnrt".charAt(known));
      } else if (c < ' ' || c == 0x2028 || c == 0x2029) {
        Json.unicode(out, c, "0123456789abcdef");
      } else {
        out.append(c);
      }
    }
    out.append('"');
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
