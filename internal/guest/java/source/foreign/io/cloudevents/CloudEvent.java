// SPDX-License-Identifier: Apache-2.0

package io.cloudevents;

import java.net.URI;
import java.time.OffsetDateTime;
import java.util.Set;

/** A signature to compile against. */
public interface CloudEvent {
  CloudEventData getData();

  SpecVersion getSpecVersion();

  String getId();

  String getType();

  URI getSource();

  String getDataContentType();

  URI getDataSchema();

  String getSubject();

  OffsetDateTime getTime();

  Object getAttribute(String name);

  Set<String> getAttributeNames();

  Object getExtension(String name);

  Set<String> getExtensionNames();
}
