// SPDX-License-Identifier: Apache-2.0

package com.openfaas.model;

import java.util.Map;

/** A signature to compile against. */
public interface IResponse {
  String getBody();

  byte[] getBodyBytes();

  Map<String, String> getHeaders();

  String getHeader(String name);

  void setHeader(String name, String value);

  void setBody(String body);

  String getContentType();

  void setContentType(String type);

  int getStatusCode();
}
