// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;

/** Classes that implement AWS's interfaces, which the code brings. */
final class AwsHandlers {
  private AwsHandlers() {}

  static Lambda.Step load(Revision revision, Class<?> type) {
    LambdaContext.install();
    if (RequestStreamHandler.class.isAssignableFrom(type)) {
      RequestStreamHandler handler = (RequestStreamHandler) Load.make(type);
      return new Lambda.Step() {
        @Override
        public byte[] call(byte[] event, Call call) throws Throwable {
          ByteArrayOutputStream out = new ByteArrayOutputStream();
          handler.handleRequest(new ByteArrayInputStream(event), out, context(revision, call));
          return out.toByteArray();
        }
      };
    }
    if (!RequestHandler.class.isAssignableFrom(type)) {
      throw new Failure.Fault(LambdaFault.BAD_CODE,
          "Class does not implement an appropriate handler interface: " + type.getName());
    }
    return request(revision, type);
  }

  @SuppressWarnings("unchecked")
  private static Lambda.Step request(Revision revision, Class<?> type) {
    Type[] types = Types.arguments(type, RequestHandler.class);
    if (types == null) {
      throw new Failure.Fault(LambdaFault.BAD_CODE, "Class " + type.getName()
          + " does not implement RequestHandler with concrete type parameters");
    }
    for (Type one : types) {
      if (one instanceof TypeVariable && ((TypeVariable<?>) one).getBounds()[0] == Object.class) {
        throw new Failure.Fault(LambdaFault.BAD_CODE, "Class " + type.getName()
            + " does not implement RequestHandler with concrete type parameters: parameter "
            + one + " has no upper bound.");
      }
    }
    RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) Load.make(type);
    Forms from = Types.isVoid(types[0]) ? null : Forms.of(types[0]);
    Forms to = Types.isVoid(types[1]) ? null : Forms.of(types[1]);
    return new Lambda.Step() {
      @Override
      public byte[] call(byte[] event, Call call) {
        Object input = from == null ? null : Lambda.read(from, event);
        return Lambda.write(to, handler.handleRequest(input, context(revision, call)));
      }
    };
  }

  static Context context(Revision revision, Call call) {
    return new LambdaContext(revision, call);
  }
}
