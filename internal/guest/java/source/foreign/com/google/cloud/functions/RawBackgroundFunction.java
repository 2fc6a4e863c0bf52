// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

/** A signature to compile against. */
public interface RawBackgroundFunction {
  void accept(String json, Context context) throws Exception;
}
