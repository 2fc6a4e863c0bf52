// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A signature to compile against. */
public interface HttpResponse {
  void setStatusCode(int code);

  void setStatusCode(int code, String message);

  void setContentType(String type);

  Optional<String> getContentType();

  void appendHeader(String name, String value);

  Map<String, List<String>> getHeaders();

  OutputStream getOutputStream() throws IOException;

  BufferedWriter getWriter() throws IOException;
}
