// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

/** A signature to compile against. */
public interface HttpFunction {
  void service(HttpRequest request, HttpResponse response) throws Exception;
}
