// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * JSON values as the types that a handler declares, for code that brings no library for it:
 * plain values, collections, enums, records, and classes with setters or public fields.
 */
final class Beans {
  private Beans() {}

  /** Whether values of the type are JSON's own, in collections or not. */
  static boolean plain(Type type) {
    Class<?> raw = Types.raw(type);
    if (raw == Map.class || raw == LinkedHashMap.class || raw == java.util.HashMap.class) {
      Class<?> key = Types.raw(Types.argument(type, Map.class, 0));
      return (key == String.class || key == Object.class)
          && plain(Types.argument(type, Map.class, 1));
    }
    if (raw == List.class || raw == ArrayList.class || raw == Collection.class) {
      return plain(Types.argument(type, Collection.class, 0));
    }
    return raw == Object.class || raw == String.class || raw == Integer.class || raw == int.class
        || raw == Long.class || raw == long.class || raw == Boolean.class || raw == boolean.class
        || raw == Double.class || raw == double.class || Types.isVoid(raw);
  }

  /** The value as type wants it. */
  static Object read(Object value, Type type) throws ReflectiveOperationException {
    Class<?> raw = Types.raw(type);
    if (value == null) {
      return raw == Optional.class ? Optional.empty() : zero(raw);
    }
    if (raw == Object.class) {
      return value;
    }
    if (value instanceof List && !raw.isArray() && !Iterable.class.isAssignableFrom(raw)
        && ((List<?>) value).size() < 2) { // as AWS's client has it: none is null, one itself
      return read(((List<?>) value).isEmpty() ? null : ((List<?>) value).get(0), type);
    }
    if (raw == String.class) {
      if (value instanceof Map || value instanceof List) {
        throw mismatch(value, raw);
      }
      return value.toString();
    }
    if (raw.isPrimitive() || Number.class.isAssignableFrom(raw) || raw == Boolean.class
        || raw == Character.class) {
      return scalar(value, raw);
    }
    if (raw == Optional.class) {
      return Optional.of(read(value, Types.argument(type, Optional.class, 0)));
    }
    if (raw == byte[].class && value instanceof String) {
      return Base64.getDecoder().decode((String) value);
    }
    if (raw.isEnum()) {
      return constant(value, raw);
    }
    if ("".equals(value) && !raw.isArray() && !Collection.class.isAssignableFrom(raw)) {
      return null;
    }
    if (Map.class.isAssignableFrom(raw)) {
      return map(object(value, raw), type, raw);
    }
    if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) {
      return collection(list(value), type, raw);
    }
    if (raw.isArray()) {
      return array(list(value), raw.getComponentType());
    }
    return value instanceof Map ? bean((Map<?, ?>) value, raw) : parsed(value, raw);
  }

  private static Failure.Fault mismatch(Object value, Class<?> type) {
    return new Failure.Fault("Runtime.UnmarshalError",
        "a JSON " + value.getClass().getSimpleName() + " cannot become " + type.getName());
  }

  private static Map<?, ?> object(Object value, Class<?> type) {
    if (!(value instanceof Map)) {
      throw mismatch(value, type);
    }
    return (Map<?, ?>) value;
  }

  private static List<?> list(Object value) {
    return value instanceof List ? (List<?>) value : List.of(value);
  }

  private static Object zero(Class<?> type) {
    if (!type.isPrimitive() || type == void.class) {
      return null;
    }
    return Array.get(Array.newInstance(type, 1), 0);
  }

  private static Object scalar(Object value, Class<?> type) {
    String text = value.toString();
    if (value instanceof Map || value instanceof List) {
      throw mismatch(value, type);
    }
    if (type == boolean.class || type == Boolean.class) {
      return value instanceof Number ? ((Number) value).doubleValue() != 0 : Boolean.valueOf(text);
    }
    if (type == char.class || type == Character.class) {
      return text.isEmpty() ? '\0' : text.charAt(0);
    }
    BigDecimal number = new BigDecimal(text.trim());
    if (type == int.class || type == Integer.class) {
      return number.toBigInteger().intValueExact();
    }
    if (type == long.class || type == Long.class) {
      return number.toBigInteger().longValueExact();
    }
    if (type == double.class || type == Double.class) {
      return number.doubleValue();
    }
    if (type == float.class || type == Float.class) {
      return number.floatValue();
    }
    if (type == short.class || type == Short.class) {
      return number.toBigInteger().shortValueExact();
    }
    if (type == byte.class || type == Byte.class) {
      return number.toBigInteger().byteValueExact();
    }
    return type == BigInteger.class ? number.toBigInteger()
        : type == BigDecimal.class ? number : value;
  }

  private static Object constant(Object value, Class<?> type) {
    for (Object constant : type.getEnumConstants()) {
      if (((Enum<?>) constant).name().equals(value.toString())) {
        return constant;
      }
    }
    return null; // as AWS's client reads it
  }

  private static Object map(Map<?, ?> from, Type type, Class<?> raw)
      throws ReflectiveOperationException {
    Type key = Types.argument(type, Map.class, 0);
    Type item = Types.argument(type, Map.class, 1);
    @SuppressWarnings("unchecked")
    Map<Object, Object> to = java.util.SortedMap.class.isAssignableFrom(raw)
        && raw.isInterface() ? new TreeMap<>() : raw.isInterface() ? new LinkedHashMap<>()
        : (Map<Object, Object>) raw.getConstructor().newInstance();
    for (Map.Entry<?, ?> entry : from.entrySet()) {
      to.put(read(entry.getKey(), key), read(entry.getValue(), item));
    }
    return to;
  }

  @SuppressWarnings("unchecked")
  private static Object collection(List<?> from, Type type, Class<?> raw)
      throws ReflectiveOperationException {
    Type item = Types.argument(type, Iterable.class, 0);
    Collection<Object> to;
    if (raw.isAssignableFrom(ArrayList.class)) {
      to = new ArrayList<>();
    } else if (raw.isAssignableFrom(LinkedHashSet.class)) {
      to = new LinkedHashSet<>();
    } else if (raw.isAssignableFrom(TreeSet.class)) {
      to = new TreeSet<>();
    } else {
      to = (Collection<Object>) raw.getConstructor().newInstance();
    }
    for (Object value : from) {
      to.add(read(value, item));
    }
    return to;
  }

  private static Object array(List<?> from, Class<?> item) throws ReflectiveOperationException {
    Object to = Array.newInstance(item, from.size());
    for (int i = 0; i < from.size(); i++) {
      Array.set(to, i, read(from.get(i), item));
    }
    return to;
  }

  // Types that parse their own text: dates, UUIDs, URIs.
  private static Object parsed(Object value, Class<?> type) throws ReflectiveOperationException {
    for (String name : new String[] {"parse", "fromString", "create"}) {
      for (Class<?> text : new Class<?>[] {CharSequence.class, String.class}) {
        try {
          Method method = type.getMethod(name, text);
          if (Modifier.isStatic(method.getModifiers()) && method.getReturnType() == type) {
            return method.invoke(null, value.toString());
          }
        } catch (NoSuchMethodException e) {
          continue;
        }
      }
    }
    if (type == java.util.Date.class && value instanceof Number) {
      return new java.util.Date(((Number) value).longValue());
    }
    if (type.isInstance(value)) {
      return value;
    }
    throw mismatch(value, type);
  }

  private static Object bean(Map<?, ?> from, Class<?> type) throws ReflectiveOperationException {
    Property[] components = Property.components(type);
    if (components != null) {
      return record(from, type, components);
    }
    Constructor<?> make;
    try {
      make = type.getDeclaredConstructor();
    } catch (NoSuchMethodException e) {
      throw new Failure.Fault("Runtime.UnmarshalError", "class " + type.getName()
          + " has no constructor without arguments to make it of JSON with", e);
    }
    make.setAccessible(true);
    Object bean = make.newInstance();
    Map<String, Property> properties = Property.writable(type);
    for (Map.Entry<?, ?> entry : from.entrySet()) {
      Property property = properties.get(entry.getKey());
      if (property != null) {
        property.set(bean, read(entry.getValue(), property.type));
      }
    }
    return bean;
  }

  private static Object record(Map<?, ?> from, Class<?> type, Property[] components)
      throws ReflectiveOperationException {
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = Types.raw(components[i].type);
      values[i] = read(from.get(components[i].name), components[i].type);
    }
    Constructor<?> make = type.getDeclaredConstructor(types);
    make.setAccessible(true);
    return make.newInstance(values);
  }

  /** The value with objects as maps, dates and the like as text. */
  static Object plainOf(Object value) throws ReflectiveOperationException {
    return plainOf(value, 0);
  }

  private static final int DEPTH_MAX = 500;

  private static Object plainOf(Object value, int depth) throws ReflectiveOperationException {
    if (depth > DEPTH_MAX) {
      throw new Json.Malformed("a value is nested deeper than " + DEPTH_MAX);
    }
    if (value == null || value instanceof String || value instanceof Number
        || value instanceof Boolean || value instanceof Enum || value instanceof Character) {
      return value;
    }
    if (value instanceof byte[]) {
      return Base64.getEncoder().encodeToString((byte[]) value);
    }
    if (value instanceof char[]) {
      return new String((char[]) value);
    }
    if (value instanceof Optional) {
      return plainOf(((Optional<?>) value).orElse(null), depth + 1);
    }
    if (value instanceof Map) {
      Map<String, Object> map = new LinkedHashMap<>();
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        map.put(String.valueOf(entry.getKey()), plainOf(entry.getValue(), depth + 1));
      }
      return map;
    }
    if (value instanceof Iterable || value.getClass().isArray()) {
      return listOf(value, depth);
    }
    if (value instanceof java.util.Date) {
      return ((java.util.Date) value).getTime();
    }
    if (value.getClass().getName().startsWith("java.")) {
      return value.toString();
    }
    Map<String, Object> map = new LinkedHashMap<>();
    for (Property property : Property.readable(value.getClass())) {
      map.put(property.name, plainOf(property.get(value), depth + 1));
    }
    return map;
  }

  private static List<Object> listOf(Object value, int depth) throws ReflectiveOperationException {
    List<Object> list = new ArrayList<>();
    if (value instanceof Iterable) {
      for (Object item : (Iterable<?>) value) {
        list.add(plainOf(item, depth + 1));
      }
      return list;
    }
    for (int i = 0; i < Array.getLength(value); i++) {
      list.add(plainOf(Array.get(value, i), depth + 1));
    }
    return list;
  }
}
