// SPDX-License-Identifier: Apache-2.0

package com.openfaas.model;

import java.util.Map;

/** A signature to compile against. */
public interface IRequest {
  String getBody();

  byte[] getBodyBytes();

  Map<String, String> getHeaders();

  String getHeader(String name);

  String getQueryRaw();

  Map<String, String> getQuery();

  String getPathRaw();

  Map<String, String> getPath();
}
