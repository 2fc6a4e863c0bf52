// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.Reflection;
using System.Text;

namespace Dayfly.Guest
{
    /// <summary>A revision that cannot be loaded; Type is what Lambda calls it.</summary>
    sealed class LoadException : Exception
    {
        public readonly string Type;

        public LoadException(string type, string message) : base(message) { Type = type; }
    }

    /// <summary>Exceptions as Lambda's .NET runtime tells them.</summary>
    static class Failure
    {
        const int BytesMax = 256 << 10; // of the error JSON; the runtime's bound
        const int CausesMax = 100;      // that are told, in all
        const string TooLarge = "{\"errorMessage\": \"Exception exceeded maximum payload size of 256KB.\"}";

        /// <summary>Takes off what reflection and tasks put around the handler's own exception.</summary>
        public static Exception Unwrap(Exception e)
        {
            while (e is TargetInvocationException && e.InnerException != null) e = e.InnerException;
            return e;
        }

        public static string TypeOf(Exception e)
        {
            var load = e as LoadException;
            return load != null ? load.Type : e.GetType().Name;
        }

        public static List<string> Stack(Exception e)
        {
            var lines = new List<string>();
            foreach (var line in (e.StackTrace ?? "").Split('\n'))
                if (line.Trim().Length > 0) lines.Add(line.Trim());
            return lines;
        }

        /// <summary>The error JSON, printed over several lines as Lambda's own runtime does.</summary>
        public static byte[] Lambda(Exception e)
        {
            var text = new StringBuilder();
            var left = CausesMax;
            Append(text, e, 0, "\n", ref left);
            var bytes = Encoding.UTF8.GetBytes(text.ToString());
            return bytes.Length <= BytesMax ? bytes : Encoding.UTF8.GetBytes(TooLarge);
        }

        static void Append(StringBuilder text, Exception e, int depth, string after, ref int left)
        {
            left--;
            var pad = new string(' ', 2 * depth + 2);
            text.Append(' ', 2 * depth).Append("{\n");
            Line(text, pad, "errorType", TypeOf(e));
            text.Append(",\n");
            Line(text, pad, "errorMessage", e.Message);
            var stack = Stack(e);
            if (stack.Count > 0)
            {
                text.Append(",\n").Append(pad).Append("\"stackTrace\": [\n");
                for (var i = 0; i < stack.Count; i++)
                {
                    text.Append(i > 0 ? ",\n" : "").Append(pad).Append("  ");
                    Json.AppendString(text, stack[i]);
                }
                text.Append('\n').Append(pad).Append(']');
            }
            var causes = Causes(e);
            if (e.InnerException != null && left > 0)
            {
                text.Append(",\n").Append(pad).Append("\"cause\": ");
                Append(text, e.InnerException, depth + 1, causes.Count > 0 ? ",\n" : "\n", ref left);
                AppendCauses(text, causes, depth, pad, ref left);
            }
            else
            {
                text.Append('\n');
            }
            text.Append(' ', 2 * depth).Append('}').Append(after);
        }

        static void AppendCauses(StringBuilder text, IList<Exception> causes, int depth, string pad, ref int left)
        {
            if (causes.Count == 0) return;
            text.Append(pad).Append("\"causes\": [");
            for (var i = 0; i < causes.Count && left > 0; i++)
                Append(text, causes[i], depth + 2, i < causes.Count - 1 && left > 1 ? ",\n" : "\n", ref left);
            text.Append(pad).Append("]\n");
        }

        static IList<Exception> Causes(Exception e)
        {
            var many = e as AggregateException;
            return many != null ? (IList<Exception>)many.InnerExceptions : new Exception[0];
        }

        static void Line(StringBuilder text, string pad, string name, string value)
        {
            text.Append(pad).Append('"').Append(name).Append("\": ");
            Json.AppendString(text, value);
        }
    }
}
