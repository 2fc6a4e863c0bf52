// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime;

/** A signature to compile against. */
public interface RequestHandler<I, O> {
  O handleRequest(I input, Context context);
}
