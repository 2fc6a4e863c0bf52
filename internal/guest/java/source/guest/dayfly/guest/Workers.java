// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The threads that calls run on. */
final class Workers {
  private Workers() {}

  /** The one thread that loads code, and calls it when calls do not overlap. */
  static Executor one() {
    return new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>());
  }

  /** One thread for one call at a time; virtual threads, where there are, for several. */
  static Executor of(int concurrency, Executor one) {
    if (concurrency <= 1) {
      return one;
    }
    try {
      return (Executor) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    } catch (ReflectiveOperationException | RuntimeException e) {
      return Executors.newCachedThreadPool();
    }
  }
}
