// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

/** A signature to compile against. */
public interface BackgroundFunction<T> {
  void accept(T payload, Context context) throws Exception;
}
