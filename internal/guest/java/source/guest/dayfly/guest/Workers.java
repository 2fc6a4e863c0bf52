// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The threads that calls run on. */
final class Workers {
  private Workers() {}

  /** One thread for one call at a time; virtual threads, where there are, for several. */
  static ExecutorService of(int concurrency, ExecutorService main) {
    if (concurrency <= 1) {
      return main;
    }
    try {
      return (ExecutorService) Executors.class
          .getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (ReflectiveOperationException | RuntimeException e) {
      return Executors.newCachedThreadPool();
    }
  }
}
