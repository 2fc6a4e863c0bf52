// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import java.lang.reflect.Type;

/** A signature to compile against. */
public interface TypedFunction<T, R> {
  R apply(T argument) throws Exception;

  WireFormat getWireFormat();

  /** How values are read of requests and written to responses. */
  interface WireFormat {
    void serialize(Object object, HttpResponse response) throws Exception;

    Object deserialize(HttpRequest request, Type type) throws Exception;
  }
}
