// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.util.function.BooleanSupplier;

/** Runs what a cold start will run, so that it is loaded and compiled by then. */
final class Warm {
  private Warm() {}

  /** Trains until done, or until stop says that somebody waits. */
  static void up(BooleanSupplier stop) {
  }
}
