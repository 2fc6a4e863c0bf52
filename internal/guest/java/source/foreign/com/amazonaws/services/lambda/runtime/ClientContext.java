// SPDX-License-Identifier: Apache-2.0

package com.amazonaws.services.lambda.runtime;

import java.util.Map;

/** A signature to compile against. */
public interface ClientContext {
  Map<String, String> getCustom();

  Map<String, String> getEnvironment();
}
