// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A signature to compile against. */
public interface HttpMessage {
  Optional<String> getContentType();

  long getContentLength();

  Optional<String> getCharacterEncoding();

  InputStream getInputStream() throws IOException;

  BufferedReader getReader() throws IOException;

  Map<String, List<String>> getHeaders();

  Optional<String> getFirstHeader(String name);
}
