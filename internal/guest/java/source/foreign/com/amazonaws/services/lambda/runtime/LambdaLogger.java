// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime;

/** A signature to compile against. */
public interface LambdaLogger {
  void log(String message);

  void log(byte[] message);
}
