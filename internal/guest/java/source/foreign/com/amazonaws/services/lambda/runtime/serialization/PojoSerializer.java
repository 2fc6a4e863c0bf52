// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime.serialization;

import java.io.InputStream;
import java.io.OutputStream;

/** A signature to compile against. */
public interface PojoSerializer<T> {
  T fromJson(InputStream input);

  T fromJson(String input);

  void toJson(T value, OutputStream output);
}
