// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import com.amazonaws.services.lambda.runtime.serialization.events.LambdaEventSerializers;
import com.amazonaws.services.lambda.runtime.serialization.factories.JacksonFactory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Type;
import java.util.Iterator;
import java.util.ServiceLoader;

/** The forms of AWS's own libraries, when the code brings them. */
final class AwsForms implements Forms {
  private final PojoSerializer<Object> serializer;

  private AwsForms(PojoSerializer<Object> serializer) {
    this.serializer = serializer;
  }

  @SuppressWarnings("unchecked")
  static Forms of(Type type) {
    if (type instanceof Class && LambdaEventSerializers.isLambdaSupportedEvent(type.getTypeName())) {
      return new AwsForms(LambdaEventSerializers.serializerFor((Class<Object>) type,
          ClassLoader.getSystemClassLoader()));
    }
    return new AwsForms(JacksonFactory.getInstance().getSerializer(type));
  }

  @Override
  public Object read(byte[] json) {
    return serializer.fromJson(new ByteArrayInputStream(json));
  }

  @Override
  public byte[] write(Object value) {
    ByteArrayOutputStream json = new ByteArrayOutputStream();
    serializer.toJson(value, json);
    return json.toByteArray();
  }

  /** The form that the code registers for all types. */
  static Forms custom(Type type) {
    Iterator<CustomPojoSerializer> found = ServiceLoader.load(CustomPojoSerializer.class,
        ClassLoader.getSystemClassLoader()).iterator();
    CustomPojoSerializer one = found.next();
    if (found.hasNext()) {
      throw new Failure.Fault("Runtime.TooManySerializers", "Too many serializers provided inside "
          + "the META-INF/services folder, only one is allowed");
    }
    return new Forms() {
      @Override
      public Object read(byte[] json) {
        return one.fromJson(new ByteArrayInputStream(json), type);
      }

      @Override
      public byte[] write(Object value) {
        ByteArrayOutputStream json = new ByteArrayOutputStream();
        one.toJson(value, json, type);
        return json.toByteArray();
      }
    };
  }
}
