// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import java.util.Map;

/** A signature to compile against. */
public interface Context {
  String eventId();

  String timestamp();

  String eventType();

  String resource();

  Map<String, String> attributes();
}
