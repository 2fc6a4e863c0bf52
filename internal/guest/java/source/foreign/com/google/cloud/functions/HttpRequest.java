// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A signature to compile against. */
public interface HttpRequest extends HttpMessage {
  String getMethod();

  String getUri();

  String getPath();

  Optional<String> getQuery();

  Map<String, List<String>> getQueryParameters();

  Optional<String> getFirstQueryParameter(String name);

  Map<String, HttpPart> getParts();

  /** One part of a form. */
  interface HttpPart extends HttpMessage {
    Optional<String> getFileName();
  }
}
