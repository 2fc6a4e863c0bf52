// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One named value of a class: a public field, a getter or setter, a record's component. */
final class Property {
  final String name;
  final Type type;
  private final Field field;
  private final Method method;

  private Property(String name, Type type, Field field, Method method) {
    this.name = name;
    this.type = type;
    this.field = field;
    this.method = method;
  }

  Object get(Object bean) throws ReflectiveOperationException {
    return method == null ? field.get(bean) : method.invoke(bean);
  }

  void set(Object bean, Object value) throws ReflectiveOperationException {
    if (method == null) {
      field.set(bean, value);
    } else {
      method.invoke(bean, value);
    }
  }

  /** The components of a record, or null when the class is none. */
  static Property[] components(Class<?> type) throws ReflectiveOperationException {
    Class<?> parent = type.getSuperclass();
    if (parent == null || !parent.getName().equals("java.lang.Record")) {
      return null;
    }
    Object[] found = (Object[]) Class.class.getMethod("getRecordComponents").invoke(type);
    Property[] components = new Property[found.length];
    for (int i = 0; i < found.length; i++) {
      Class<?> of = found[i].getClass();
      Method accessor = (Method) of.getMethod("getAccessor").invoke(found[i]);
      accessor.setAccessible(true);
      components[i] = new Property((String) of.getMethod("getName").invoke(found[i]),
          (Type) of.getMethod("getGenericType").invoke(found[i]), null, accessor);
    }
    return components;
  }

  /** What can be set: by a setter, else a public field, else any field. */
  static Map<String, Property> writable(Class<?> type) {
    Map<String, Property> found = fields(type);
    for (Field field : type.getFields()) {
      if ((field.getModifiers() & (Modifier.STATIC | Modifier.FINAL)) == 0) {
        field.setAccessible(true);
        found.put(field.getName(), new Property(field.getName(), field.getGenericType(), field,
            null));
      }
    }
    for (Method method : type.getMethods()) {
      if (method.getName().length() > 3 && method.getName().startsWith("set")
          && method.getParameterCount() == 1 && !Modifier.isStatic(method.getModifiers())
          && !method.isBridge()) {
        method.setAccessible(true);
        String name = decapitalize(method.getName().substring(3));
        found.put(name, new Property(name, method.getGenericParameterTypes()[0], null, method));
      }
    }
    return found;
  }

  /** What can be got: in the order of the fields, then what only methods give. */
  static Collection<Property> readable(Class<?> type) throws ReflectiveOperationException {
    Property[] components = components(type);
    if (components != null) {
      return List.of(components);
    }
    Map<String, Property> ordered = new LinkedHashMap<>();
    for (Class<?> at : lineage(type)) {
      for (Field field : at.getDeclaredFields()) {
        if (!Modifier.isStatic(field.getModifiers())) {
          ordered.putIfAbsent(field.getName(), null);
        }
      }
    }
    for (Field field : type.getFields()) {
      if (!Modifier.isStatic(field.getModifiers())) {
        field.setAccessible(true);
        ordered.put(field.getName(),
            new Property(field.getName(), field.getGenericType(), field, null));
      }
    }
    for (Method method : type.getMethods()) {
      String name = getter(method);
      if (name != null) {
        method.setAccessible(true);
        ordered.put(name, new Property(name, method.getGenericReturnType(), null, method));
      }
    }
    ordered.values().removeIf(property -> property == null);
    return ordered.isEmpty() ? fields(type).values() : ordered.values();
  }

  // Classes that are nothing but fields, not public, are what Gson is used with.
  private static Map<String, Property> fields(Class<?> type) {
    Map<String, Property> found = new LinkedHashMap<>();
    for (Class<?> at : lineage(type)) {
      for (Field field : at.getDeclaredFields()) {
        if ((field.getModifiers() & (Modifier.STATIC | Modifier.TRANSIENT)) == 0
            && !field.isSynthetic()) {
          field.setAccessible(true);
          found.put(field.getName(),
              new Property(field.getName(), field.getGenericType(), field, null));
        }
      }
    }
    return found;
  }

  private static List<Class<?>> lineage(Class<?> type) {
    List<Class<?>> up = new ArrayList<>();
    for (Class<?> at = type; at != null && at != Object.class; at = at.getSuperclass()) {
      up.add(0, at);
    }
    return up;
  }

  private static String getter(Method method) {
    String name = method.getName();
    Class<?> result = method.getReturnType();
    if (method.getParameterCount() > 0 || Modifier.isStatic(method.getModifiers())
        || method.isBridge() || result == void.class || method.getDeclaringClass() == Object.class) {
      return null;
    }
    if (name.startsWith("get") && name.length() > 3) {
      return decapitalize(name.substring(3));
    }
    boolean asks = result == boolean.class || result == Boolean.class;
    return asks && name.startsWith("is") && name.length() > 2
        ? decapitalize(name.substring(2)) : null;
  }

  // As java.beans.Introspector does, which is in a module that headless runtimes lack.
  private static String decapitalize(String name) {
    if (name.length() > 1 && Character.isUpperCase(name.charAt(0))
        && Character.isUpperCase(name.charAt(1))) {
      return name;
    }
    return Character.toLowerCase(name.charAt(0)) + name.substring(1);
  }
}
