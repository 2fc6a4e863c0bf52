// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime.serialization.factories;

import com.amazonaws.services.lambda.runtime.serialization.PojoSerializer;
import java.lang.reflect.Type;

/** A signature to compile against. */
public class JacksonFactory {
  public static JacksonFactory getInstance() {
    throw new UnsupportedOperationException();
  }

  public PojoSerializer<Object> getSerializer(Type type) {
    throw new UnsupportedOperationException();
  }
}
