// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Dayfly.Guest
{
    /// <summary>Text that is not JSON.</summary>
    sealed class JsonException : Exception
    {
        public JsonException(string message) : base(message) { }
    }

    /// <summary>
    /// JSON as dictionaries, lists, strings, long, decimal or double, bool and null. Whole
    /// numbers that a long holds stay whole; others are decimal as long as it holds them.
    /// </summary>
    static class Json
    {
        const int DepthMax = 500; // of nesting; deeper text would exhaust the stack

        public static object Parse(string text)
        {
            var reader = new Reader { Text = text };
            var value = reader.Value(0);
            reader.Space();
            if (reader.At < text.Length) throw reader.Wrong("the end");
            return value;
        }

        public static string Write(object value)
        {
            var text = new StringBuilder();
            Append(text, value, 0);
            return text.ToString();
        }

        static void Append(StringBuilder to, object value, int depth)
        {
            if (depth > DepthMax) throw new JsonException("the value is nested too deeply, or holds itself");
            var text = value as string;
            var members = value as IDictionary;
            var items = value as IEnumerable;
            if (value == null) to.Append("null");
            else if (value is bool) to.Append((bool)value ? "true" : "false");
            else if (text != null) AppendString(to, text);
            else if (value is double) AppendDouble(to, (double)value);
            else if (members != null) AppendMembers(to, members, depth);
            else if (items != null) AppendItems(to, items, depth);
            else to.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
        }

        static void AppendDouble(StringBuilder to, double value)
        {
            if (double.IsNaN(value) || double.IsInfinity(value)) throw new JsonException(value + " is no JSON number");
            to.Append(value.ToString("R", CultureInfo.InvariantCulture));
        }

        static void AppendMembers(StringBuilder text, IDictionary members, int depth)
        {
            text.Append('{');
            var first = true;
            foreach (DictionaryEntry member in members)
            {
                if (!first) text.Append(',');
                first = false;
                AppendString(text, (string)member.Key);
                text.Append(':');
                Append(text, member.Value, depth + 1);
            }
            text.Append('}');
        }

        static void AppendItems(StringBuilder text, IEnumerable items, int depth)
        {
            text.Append('[');
            var first = true;
            foreach (var item in items)
            {
                if (!first) text.Append(',');
                first = false;
                Append(text, item, depth + 1);
            }
            text.Append(']');
        }

        public static void AppendString(StringBuilder text, string value)
        {
            text.Append('"');
            foreach (var c in value)
            {
                switch (c)
                {
                    case '"': text.Append("\\\""); break;
                    case '\\': text.Append("\\\\"); break;
                    case '\n': text.Append("\\n"); break;
                    case '\r': text.Append("\\r"); break;
                    case '\t': text.Append("\\t"); break;
                    default:
                        if (c < ' ' || char.IsSurrogate(c)) text.Append("\\u").Append(((int)c).ToString("x4"));
                        else text.Append(c);
                        break;
                }
            }
            text.Append('"');
        }

        sealed class Reader
        {
            public string Text;
            public int At;

            public JsonException Wrong(string wanted)
            {
                return new JsonException("the text is not JSON: " + wanted + " was expected at character " + At);
            }

            public void Space()
            {
                while (At < Text.Length && (Text[At] == ' ' || Text[At] == '\n' || Text[At] == '\r' || Text[At] == '\t'))
                    At++;
            }

            public object Value(int depth)
            {
                if (depth > DepthMax) throw new JsonException("the text is nested too deeply");
                Space();
                if (At == Text.Length) throw Wrong("a value");
                switch (Text[At])
                {
                    case '{': return Members(depth);
                    case '[': return Items(depth);
                    case '"': return String();
                    case 't': return Word("true", true);
                    case 'f': return Word("false", false);
                    case 'n': return Word("null", null);
                    default: return Number();
                }
            }

            object Word(string word, object value)
            {
                if (string.CompareOrdinal(Text, At, word, 0, word.Length) != 0) throw Wrong("a value");
                At += word.Length;
                return value;
            }

            Dictionary<string, object> Members(int depth)
            {
                var members = new Dictionary<string, object>();
                for (var more = Open('}'); more; more = Next('}'))
                {
                    Space();
                    if (At == Text.Length || Text[At] != '"') throw Wrong("a name");
                    var name = String();
                    Space();
                    if (At == Text.Length || Text[At++] != ':') throw Wrong("a colon");
                    members[name] = Value(depth + 1);
                }
                return members;
            }

            List<object> Items(int depth)
            {
                var items = new List<object>();
                for (var more = Open(']'); more; more = Next(']')) items.Add(Value(depth + 1));
                return items;
            }

            bool Open(char close)
            {
                At++;
                Space();
                if (At == Text.Length || Text[At] != close) return true;
                At++;
                return false;
            }

            bool Next(char close)
            {
                Space();
                if (At < Text.Length && Text[At] == ',')
                {
                    At++;
                    return true;
                }
                if (At == Text.Length || Text[At] != close) throw Wrong("a comma or " + close);
                At++;
                return false;
            }

            string String()
            {
                var text = new StringBuilder();
                for (At++; ;)
                {
                    if (At == Text.Length) throw Wrong("the end of a string");
                    var c = Text[At++];
                    if (c == '"') return text.ToString();
                    if (c < ' ') throw Wrong("no control character");
                    text.Append(c == '\\' ? Escape() : c);
                }
            }

            char Escape()
            {
                if (At == Text.Length) throw Wrong("an escape");
                var c = Text[At++];
                var at = "\"\\/bfnrt".IndexOf(c);
                if (at >= 0) return "\"\\/\b\f\n\r\t"[at];
                ushort code;
                if (c != 'u' || At + 4 > Text.Length || !ushort.TryParse(Text.Substring(At, 4),
                        NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
                    throw Wrong("an escape");
                At += 4;
                return (char)code;
            }

            object Number()
            {
                var from = At;
                while (At < Text.Length && "+-.eE0123456789".IndexOf(Text[At]) >= 0) At++;
                var text = Text.Substring(from, At - from);
                long whole;
                decimal exact;
                double any;
                if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
                    return whole;
                if (text.IndexOfAny(new[] { 'e', 'E' }) < 0 && decimal.TryParse(text,
                        NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
                        CultureInfo.InvariantCulture, out exact))
                    return exact;
                if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out any)) return any;
                At = from;
                throw Wrong("a value");
            }
        }
    }
}
