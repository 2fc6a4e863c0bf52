// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.google.cloud.functions.HttpRequest;
import com.google.cloud.functions.HttpResponse;
import com.google.cloud.functions.TypedFunction;
import java.io.IOException;
import java.lang.reflect.Type;

/** TypedFunction of functions-framework, which its older versions lack. */
final class Typed {
  private Typed() {}

  @SuppressWarnings("unchecked")
  static Guest.Handler load(Class<?> type) {
    Object made = Load.make(type);
    if (!(made instanceof TypedFunction)) {
      throw Framework.lacks(type, "TypedFunction");
    }
    TypedFunction<Object, Object> function = (TypedFunction<Object, Object>) made;
    TypedFunction.WireFormat own = function.getWireFormat();
    TypedFunction.WireFormat format = own == null ? new JsonFormat() : own;
    Type argument = Types.argument(type, TypedFunction.class, 0);
    return new Framework((request, response) -> {
      Object value;
      try {
        value = format.deserialize(request, argument);
      } catch (Exception e) {
        Logs.message(Logs.STDERR, Failure.print(e));
        response.setStatusCode(400);
        return;
      }
      format.serialize(function.apply(value), response);
    }, "typed");
  }

  /** JSON, as the framework reads and writes it by default. */
  private static final class JsonFormat implements TypedFunction.WireFormat {
    @Override
    public void serialize(Object object, HttpResponse response) throws Exception {
      if (object == null) {
        response.setStatusCode(204);
        return;
      }
      if (!response.getContentType().isPresent()) {
        response.setContentType("application/json");
      }
      response.getWriter().write(Json.write(Beans.plainOf(object)));
    }

    @Override
    public Object deserialize(HttpRequest request, Type type) throws IOException,
        ReflectiveOperationException {
      return Beans.read(Json.read(request.getInputStream().readAllBytes()), type);
    }
  }
}
