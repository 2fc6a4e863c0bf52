// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Reflection;

namespace Dayfly.Guest
{
    /// <summary>How the names of properties are written when no attribute names them.</summary>
    enum JsonNames { AsDeclared, CamelCase }

    /// <summary>
    /// Objects to JSON and back, by their public properties and fields. Names are compared
    /// without regard to case; JsonPropertyName, JsonProperty and DataMember name others, and
    /// JsonIgnore leaves out, whichever library the attributes are from.
    /// </summary>
    static class JsonMapper
    {
        const int DepthMax = 200; // of objects in objects; past it they hold each other

        public static object To(object json, Type type)
        {
            var inner = Nullable.GetUnderlyingType(type);
            if (inner != null) return json == null ? null : To(json, inner);
            if (json == null) return type.IsValueType ? Activator.CreateInstance(type) : null;
            if (type == typeof(object)) return json;
            if (type.IsInstanceOfType(json)) return json;
            if (type.IsEnum) return ToEnum(json, type);
            var text = json as string;
            if (text != null) return FromText(text, type);
            var items = json as List<object>;
            if (items != null) return ToList(items, type);
            var members = json as Dictionary<string, object>;
            if (members != null) return ToObject(members, type);
            if (json is IConvertible && typeof(IConvertible).IsAssignableFrom(type) && type != typeof(string) &&
                json is bool == (type == typeof(bool)))
                return Convert.ChangeType(json, type, CultureInfo.InvariantCulture);
            throw Misfit(json, type);
        }

        static JsonException Misfit(object json, Type type)
        {
            var kind = json is string ? "a string" : json is bool ? "a boolean" :
                json is List<object> ? "an array" : json is Dictionary<string, object> ? "an object" : "a number";
            return new JsonException("The JSON value, " + kind + ", could not be converted to " + type.FullName + ".");
        }

        static object ToEnum(object json, Type type)
        {
            var name = json as string;
            return name != null ? Enum.Parse(type, name, true) : Enum.ToObject(type, json);
        }

        static object FromText(string text, Type type)
        {
            if (type == typeof(DateTime))
                return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);
            if (type == typeof(DateTimeOffset)) return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
            if (type == typeof(TimeSpan)) return TimeSpan.Parse(text, CultureInfo.InvariantCulture);
            if (type == typeof(Guid)) return new Guid(text);
            if (type == typeof(Uri)) return new Uri(text, UriKind.RelativeOrAbsolute);
            if (type == typeof(byte[])) return Convert.FromBase64String(text);
            if (type == typeof(char) && text.Length == 1) return text[0];
            throw Misfit(text, type);
        }

        static object ToList(List<object> items, Type type)
        {
            if (type.IsArray)
            {
                var array = Array.CreateInstance(type.GetElementType(), items.Count);
                for (var i = 0; i < items.Count; i++) array.SetValue(To(items[i], type.GetElementType()), i);
                return array;
            }
            var element = Element(type, typeof(IEnumerable<>));
            if (element == null && !typeof(IEnumerable).IsAssignableFrom(type)) throw Misfit(items, type);
            element = element ?? typeof(object);
            var made = type.IsInterface || type.IsAbstract ? typeof(List<>).MakeGenericType(element) : type;
            var list = Activator.CreateInstance(made);
            var add = made.GetMethod("Add", new[] { element });
            if (add == null) throw Misfit(items, type);
            foreach (var item in items) add.Invoke(list, new[] { To(item, element) });
            return list;
        }

        static object ToObject(Dictionary<string, object> members, Type type)
        {
            var value = Element(type, typeof(IDictionary<,>));
            if (value != null || typeof(IDictionary).IsAssignableFrom(type))
            {
                value = value ?? typeof(object);
                var made = type.IsInterface ? typeof(Dictionary<,>).MakeGenericType(typeof(string), value) : type;
                var map = (IDictionary)Activator.CreateInstance(made);
                foreach (var member in members) map[member.Key] = To(member.Value, value);
                return map;
            }
            if (typeof(IEnumerable).IsAssignableFrom(type) || type.IsPrimitive || type == typeof(string))
                throw Misfit(members, type);
            return ToProperties(members, type);
        }

        static object ToProperties(Dictionary<string, object> members, Type type)
        {
            object made;
            try
            {
                made = Activator.CreateInstance(type, true);
            }
            catch (MissingMethodException)
            {
                throw new JsonException(type.FullName + " has no constructor without parameters.");
            }
            var byName = new Dictionary<string, object>(StringComparer.OrdinalIgnoreCase);
            foreach (var member in members) byName[member.Key] = member.Value;
            foreach (var property in Property.Of(type))
            {
                object value;
                if (property.CanWrite && byName.TryGetValue(property.Given ?? property.Name, out value))
                    property.Set(made, To(value, property.Type));
            }
            return made;
        }

        /// <summary>Gives the last type argument of the generic interface that a type is or has.</summary>
        static Type Element(Type type, Type wanted)
        {
            var candidates = new List<Type>(type.GetInterfaces()) { type };
            foreach (var candidate in candidates)
            {
                if (!candidate.IsGenericType || candidate.GetGenericTypeDefinition() != wanted) continue;
                var arguments = candidate.GetGenericArguments();
                return arguments[arguments.Length - 1];
            }
            return null;
        }

        public static object From(object value, JsonNames names) { return From(value, names, 0); }

        static object From(object value, JsonNames names, int depth)
        {
            if (depth > DepthMax) throw new JsonException("the value is nested too deeply, or holds itself");
            if (value == null || value is string || value is bool || value is double || value is decimal) return value;
            if (value is float) return (double)(decimal)(float)value;
            if (value is Enum) return Convert.ToInt64(value, CultureInfo.InvariantCulture);
            if (value is DateTime)
                return ((DateTime)value).ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture);
            if (value is DateTimeOffset)
                return ((DateTimeOffset)value).ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);
            if (value is byte[]) return Convert.ToBase64String((byte[])value);
            if (value is char || value is Guid || value is Uri || value is TimeSpan) return value.ToString();
            if (value.GetType().IsPrimitive) return value;
            var map = value as IDictionary;
            if (map != null) return FromMap(map, names, depth);
            var items = value as IEnumerable;
            return items != null ? FromItems(items, names, depth) : FromProperties(value, names, depth);
        }

        static object FromItems(IEnumerable items, JsonNames names, int depth)
        {
            var list = new List<object>();
            foreach (var item in items) list.Add(From(item, names, depth + 1));
            return list;
        }

        static object FromProperties(object value, JsonNames names, int depth)
        {
            var members = new Dictionary<string, object>();
            foreach (var property in Property.Of(value.GetType()))
            {
                if (!property.CanRead) continue;
                members[property.Given ?? Named(property.Name, names)] = From(property.Get(value), names, depth + 1);
            }
            return members;
        }

        static object FromMap(IDictionary map, JsonNames names, int depth)
        {
            var members = new Dictionary<string, object>();
            foreach (DictionaryEntry member in map)
                members[Convert.ToString(member.Key, CultureInfo.InvariantCulture)] =
                    From(member.Value, names, depth + 1);
            return members;
        }

        static string Named(string name, JsonNames names)
        {
            if (names == JsonNames.AsDeclared || !char.IsUpper(name[0])) return name;
            return char.ToLowerInvariant(name[0]) + name.Substring(1);
        }
    }

    /// <summary>One public property or field of a type.</summary>
    sealed class Property
    {
        static readonly Dictionary<Type, List<Property>> known = new Dictionary<Type, List<Property>>();

        PropertyInfo property;
        FieldInfo field;

        public string Name { get; private set; }
        /// <summary>What an attribute calls it; null for nothing.</summary>
        public string Given { get; private set; }
        public Type Type { get { return property != null ? property.PropertyType : field.FieldType; } }
        public bool CanRead { get { return property == null || property.GetGetMethod() != null; } }
        public bool CanWrite { get { return property == null ? !field.IsInitOnly : property.GetSetMethod() != null; } }

        public object Get(object of) { return property != null ? property.GetValue(of, null) : field.GetValue(of); }

        public void Set(object of, object value)
        {
            if (property != null) property.SetValue(of, value, null);
            else field.SetValue(of, value);
        }

        public static List<Property> Of(Type type)
        {
            lock (known)
            {
                List<Property> list;
                if (!known.TryGetValue(type, out list)) known[type] = list = Find(type);
                return list;
            }
        }

        static List<Property> Find(Type type)
        {
            var list = new List<Property>();
            foreach (var p in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
                if (p.GetIndexParameters().Length == 0) Add(list, new Property { property = p, Name = p.Name }, p);
            foreach (var f in type.GetFields(BindingFlags.Public | BindingFlags.Instance))
                Add(list, new Property { field = f, Name = f.Name }, f);
            return list;
        }

        static void Add(List<Property> list, Property found, MemberInfo member)
        {
            foreach (var attribute in member.GetCustomAttributes(true))
            {
                var type = attribute.GetType();
                switch (type.Name)
                {
                    case "JsonIgnoreAttribute": return;
                    case "JsonPropertyNameAttribute": case "DataMemberAttribute":
                        found.Given = (string)type.GetProperty("Name").GetValue(attribute, null);
                        break;
                    case "JsonPropertyAttribute":
                        found.Given = (string)type.GetProperty("PropertyName").GetValue(attribute, null);
                        break;
                }
            }
            list.Add(found);
        }
    }
}
