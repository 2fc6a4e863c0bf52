// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.File;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;

/** How values of a type are read of JSON, and written. */
interface Forms {
  Object read(byte[] json) throws Throwable;

  byte[] write(Object value) throws Throwable;

  /**
   * The form of a type: what the code registers for all, ours for JSON's own types, AWS's
   * library for the others when the code has it.
   */
  static Forms of(Type type) {
    if (Library.custom()) {
      return AwsForms.custom(type);
    }
    return Beans.plain(type) || !Library.there() ? new Own(type) : AwsForms.of(type);
  }

  /** What of AWS's libraries the code has. To open a large jar takes milliseconds. */
  final class Library {
    private static final String SERVICE =
        "META-INF/services/com.amazonaws.services.lambda.runtime.CustomPojoSerializer";
    private static final String SERIALIZER =
        "com/amazonaws/services/lambda/runtime/serialization/PojoSerializer.class";

    private Library() {}

    static boolean there() {
      return ClassLoader.getSystemClassLoader().getResource(SERIALIZER) != null;
    }

    /** Whether the code registers a form; AWS's own jars, which cannot, are not searched. */
    static boolean custom() {
      for (String entry : System.getProperty("java.class.path").split(":")) {
        String name = entry.substring(entry.lastIndexOf('/') + 1);
        boolean own = name.startsWith("aws-lambda-java-") && name.endsWith(".jar");
        if (!name.isEmpty() && !own) {
          return ClassLoader.getSystemClassLoader().getResource(SERVICE) != null;
        }
        if (name.isEmpty() && new File(entry + SERVICE).exists()) {
          return true;
        }
      }
      return false;
    }
  }

  /** Ours. */
  final class Own implements Forms {
    private final Type type;

    Own(Type type) {
      this.type = type;
    }

    @Override
    public Object read(byte[] json) throws ReflectiveOperationException {
      Object value = Json.read(json);
      if (type == String.class && value instanceof Number) {
        return new String(json, StandardCharsets.UTF_8).trim(); // 1.10 as it stands there
      }
      return type == Object.class ? value : Beans.read(value, type);
    }

    @Override
    public byte[] write(Object value) throws Throwable {
      String text;
      try {
        text = Json.write(value);
      } catch (Json.Unknown e) {
        if (Library.there()) { // it writes the rest as AWS's client does
          return AwsForms.of(type).write(value);
        }
        text = Json.write(Beans.plainOf(value));
      }
      return text.getBytes(StandardCharsets.UTF_8);
    }
  }
}
