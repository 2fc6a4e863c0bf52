// SPDX-License-Identifier: Apache-2.0

package com.google.cloud.functions;

import io.cloudevents.CloudEvent;

/** A signature to compile against. */
public interface CloudEventsFunction {
  void accept(CloudEvent event) throws Exception;
}
