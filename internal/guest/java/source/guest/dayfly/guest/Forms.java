// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

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
    ClassLoader loader = ClassLoader.getSystemClassLoader();
    if (loader.getResource("META-INF/services/" + AWS + "CustomPojoSerializer") != null) {
      return AwsForms.custom(type);
    }
    boolean library = loader.getResource(LIBRARY) != null;
    if (library && !Beans.plain(type)) {
      return AwsForms.of(type);
    }
    return new Own(type, library);
  }

  String AWS = "com.amazonaws.services.lambda.runtime.";
  String LIBRARY = "com/amazonaws/services/lambda/runtime/serialization/PojoSerializer.class";

  /** Ours. */
  final class Own implements Forms {
    private final Type type;
    private final boolean library; // which writes what we cannot as AWS's client does

    Own(Type type, boolean library) {
      this.type = type;
      this.library = library;
    }

    @Override
    public Object read(byte[] json) throws ReflectiveOperationException {
      Object value = Json.read(json);
      return type == Object.class ? value : Beans.read(value, type);
    }

    @Override
    public byte[] write(Object value) throws Throwable {
      String text;
      try {
        text = Json.write(value);
      } catch (Json.Unknown e) {
        if (library) {
          return AwsForms.of(type).write(value);
        }
        text = Json.write(Beans.plainOf(value));
      }
      return text.getBytes(StandardCharsets.UTF_8);
    }
  }
}
