// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a virtual machine fixes at its start, and a stem learns later. The manifest of our jar
 * opens the packages for it.
 */
final class Machine {
  private static final Set<String> ADDED = new HashSet<>();

  private Machine() {}

  /** Replaces what System.getenv and ProcessBuilder see. */
  @SuppressWarnings("unchecked")
  static void environment(Map<String, String> env) throws ReflectiveOperationException {
    Class<?> holder = Class.forName("java.lang.ProcessEnvironment");
    Field field = holder.getDeclaredField("theEnvironment");
    field.setAccessible(true);
    Map<Object, Object> variables = (Map<Object, Object>) field.get(null);
    Class<?> strings = Class.forName("java.lang.ProcessEnvironment$StringEnvironment");
    Constructor<?> view = strings.getDeclaredConstructor(Map.class);
    view.setAccessible(true);
    Map<String, String> writable = (Map<String, String>) view.newInstance(variables);
    writable.clear();
    writable.putAll(env);
  }

  /** Makes a folder the one that relative names start from. */
  static void folder(String task) {
    System.setProperty("user.dir", task);
  }

  /** Adds to the class path of the application's loader, ours: user code is part of it. */
  static void classPath(List<String> entries) throws ReflectiveOperationException {
    ClassLoader loader = ClassLoader.getSystemClassLoader();
    Method append = loader.getClass()
        .getDeclaredMethod("appendToClassPathForInstrumentation", String.class);
    append.setAccessible(true);
    for (String entry : entries) {
      if (ADDED.add(entry)) {
        append.invoke(loader, entry);
      }
    }
    System.setProperty("java.class.path", String.join(":", entries));
  }
}
