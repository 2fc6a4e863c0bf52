// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.invoke.MethodHandle;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /**
   * Makes a folder the one that relative names start from: for java.nio.file everywhere, for
   * java.io where Java can call the system (22 and later).
   */
  static void folder(String task) {
    System.setProperty("user.dir", task);
    if (Runtime.version().feature() < 22) {
      return;
    }
    try {
      if (changeFolder == null) {
        changeFolder = system("chdir");
      }
      Class<?> arenas = Class.forName("java.lang.foreign.Arena");
      try (AutoCloseable arena = (AutoCloseable) arenas.getMethod("ofConfined").invoke(null)) {
        Object path = Class.forName("java.lang.foreign.SegmentAllocator")
            .getMethod("allocateFrom", String.class).invoke(arena, task);
        changeFolder.invokeWithArguments(path);
      }
    } catch (Throwable t) {
      return; // a build of Java without it: as in older ones
    }
  }

  private static MethodHandle changeFolder;

  // A function of the C library that takes one address and gives an int.
  private static MethodHandle system(String name) throws ReflectiveOperationException {
    String foreign = "java.lang.foreign.";
    Class<?> linkers = Class.forName(foreign + "Linker");
    Class<?> layouts = Class.forName(foreign + "MemoryLayout");
    Class<?> values = Class.forName(foreign + "ValueLayout");
    Class<?> functions = Class.forName(foreign + "FunctionDescriptor");
    Class<?> options = Class.forName(foreign + "Linker$Option");
    Object linker = linkers.getMethod("nativeLinker").invoke(null);
    Object found = Class.forName(foreign + "SymbolLookup").getMethod("find", String.class)
        .invoke(linkers.getMethod("defaultLookup").invoke(linker), name);
    Object address = ((Optional<?>) found).orElseThrow();
    Object in = Array.newInstance(layouts, 1);
    Array.set(in, 0, values.getField("ADDRESS").get(null));
    Object shape = functions.getMethod("of", layouts, in.getClass())
        .invoke(null, values.getField("JAVA_INT").get(null), in);
    Object none = Array.newInstance(options, 0);
    return (MethodHandle) linkers.getMethod("downcallHandle",
        Class.forName(foreign + "MemorySegment"), functions, none.getClass())
        .invoke(linker, address, shape, none);
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
