// SPDX-License-Identifier: Apache-2.0

package io.cloudevents;

/** A signature to compile against. */
public interface CloudEventData {
  byte[] toBytes();
}
