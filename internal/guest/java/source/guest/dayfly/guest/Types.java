// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

/** Generic types, asked. */
final class Types {
  private Types() {}

  /** What type gives for the parameters of an interface above it, or null. */
  static Type[] arguments(Type type, Class<?> wanted) {
    return arguments(type, wanted, Collections.emptyMap());
  }

  private static Type[] arguments(Type type, Class<?> wanted, Map<TypeVariable<?>, Type> known) {
    Class<?> raw = raw(type);
    Map<TypeVariable<?>, Type> bound = new HashMap<>();
    if (type instanceof ParameterizedType) {
      Type[] given = ((ParameterizedType) type).getActualTypeArguments();
      for (int i = 0; i < given.length; i++) {
        given[i] = bind(given[i], known);
        bound.put(raw.getTypeParameters()[i], given[i]);
      }
      if (raw == wanted) {
        return given;
      }
    }
    if (!wanted.isAssignableFrom(raw)) {
      return null;
    }
    for (Type above : raw.getGenericInterfaces()) {
      Type[] found = arguments(above, wanted, bound);
      if (found != null) {
        return found;
      }
    }
    Type parent = raw.getGenericSuperclass();
    return parent == null ? null : arguments(parent, wanted, bound);
  }

  // The type with what is known in the place of its variables: List<T> as List<String>.
  private static Type bind(Type type, Map<TypeVariable<?>, Type> known) {
    if (!(type instanceof ParameterizedType)) {
      return known.getOrDefault(type, type);
    }
    ParameterizedType open = (ParameterizedType) type;
    Type[] given = open.getActualTypeArguments();
    boolean changed = false;
    for (int i = 0; i < given.length; i++) {
      Type bound = bind(given[i], known);
      changed |= bound != given[i];
      given[i] = bound;
    }
    return changed ? new Bound(open, given) : type;
  }

  /** A generic type whose variables are known. */
  private static final class Bound implements ParameterizedType {
    private final ParameterizedType open;
    private final Type[] given;

    Bound(ParameterizedType open, Type[] given) {
      this.open = open;
      this.given = given;
    }

    @Override
    public Type[] getActualTypeArguments() {
      return given.clone();
    }

    @Override
    public Type getRawType() {
      return open.getRawType();
    }

    @Override
    public Type getOwnerType() {
      return open.getOwnerType();
    }
  }

  /** The class of a type: that of its bound, where it is open. */
  static Class<?> raw(Type type) {
    if (type instanceof Class) {
      return (Class<?>) type;
    }
    if (type instanceof ParameterizedType) {
      return raw(((ParameterizedType) type).getRawType());
    }
    if (type instanceof TypeVariable) {
      return raw(((TypeVariable<?>) type).getBounds()[0]);
    }
    if (type instanceof WildcardType) {
      return raw(((WildcardType) type).getUpperBounds()[0]);
    }
    Class<?> item = raw(((GenericArrayType) type).getGenericComponentType());
    return java.lang.reflect.Array.newInstance(item, 0).getClass();
  }

  /** The i-th argument of a type, or Object. */
  static Type argument(Type type, Class<?> of, int i) {
    Type[] all = arguments(type, of);
    return all == null || i >= all.length ? Object.class : all[i];
  }

  static boolean isVoid(Type type) {
    return type == void.class || type == Void.class;
  }
}
