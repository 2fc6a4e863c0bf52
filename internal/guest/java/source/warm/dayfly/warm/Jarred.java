// SPDX-License-Identifier: Apache-2.0

package dayfly.warm;

import java.util.List;

/** What Sample has from a jar. */
public class Jarred {
  /** A list of all kinds. */
  public List<Object> list() {
    return List.of(1, 2.5, true, "text");
  }
}
