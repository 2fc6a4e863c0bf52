// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime.serialization.events;

import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;

/** A signature to compile against. */
public class LambdaEventSerializers {
  public static boolean isLambdaSupportedEvent(String name) {
    throw new UnsupportedOperationException();
  }

  public static <T> PojoSerializer<T> serializerFor(Class<T> type, ClassLoader loader) {
    throw new UnsupportedOperationException();
  }
}
