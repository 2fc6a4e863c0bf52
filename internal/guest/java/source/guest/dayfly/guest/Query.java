// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Query strings. */
final class Query {
  private Query() {}

  static Map<String, List<String>> parse(String query) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    if (query == null || query.isEmpty()) {
      return all;
    }
    for (String pair : query.split("&")) {
      int equals = pair.indexOf('=');
      String name = equals < 0 ? pair : pair.substring(0, equals);
      String value = equals < 0 ? "" : pair.substring(equals + 1);
      if (!pair.isEmpty()) {
        all.computeIfAbsent(decode(name), key -> new ArrayList<>()).add(decode(value));
      }
    }
    return all;
  }

  /** The text without its escapes, or as it is when they are wrong. */
  static String decode(String text) {
    try {
      return URLDecoder.decode(text, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return text;
    }
  }
}
