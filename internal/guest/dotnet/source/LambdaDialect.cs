// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Dayfly.Guest
{
    /// <summary>AWS Lambda: Method(T input, ILambdaContext context), of any result.</summary>
    sealed class LambdaDialect : IDialect
    {
        readonly MethodInfo method;
        readonly object target;
        readonly Serializer serializer;
        readonly Dictionary<string, object> revision;
        readonly Func<Call, Dictionary<string, object>, object> context; // null when none is taken
        readonly Type input;

        public LambdaDialect(MethodInfo method, Dictionary<string, object> revision)
        {
            this.method = method;
            this.revision = revision;
            var parameters = new List<ParameterInfo>(method.GetParameters());
            var last = parameters.Count - 1;
            if (last >= 0 && parameters[last].ParameterType.FullName == "Amazon.Lambda.Core.ILambdaContext")
            {
                parameters.RemoveAt(last);
                context = Contexts();
            }
            if (parameters.Count > 1)
                throw new LoadException("LambdaValidationException", "Method '" + method.Name + "' of type '" +
                    method.ReflectedType.FullName + "' is not supported: the method has more than 2 parameters.");
            input = parameters.Count > 0 ? parameters[0].ParameterType : null;
            target = Revision.Target(method);
            serializer = Serializer.Of(method);
        }

        /// <summary>Only this needs the interface's assembly, which may be one that the function brings.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        static Func<Call, Dictionary<string, object>, object> Contexts() { return LambdaContext.Of; }

        public byte[] Tell(Exception fault) { return Failure.Lambda(fault); }

        public Answer Call(Call call)
        {
            var arguments = new List<object>();
            if (input != null) arguments.Add(typeof(Stream).IsAssignableFrom(input)
                ? call.Body : serializer.Read(call.Body, input));
            if (context != null) arguments.Add(context(call, revision));
            var result = Revision.Await(method.Invoke(target, arguments.ToArray()));
            var answer = new Answer { Body = Encode(result) };
            answer.Header("content-type", "application/json");
            return answer;
        }

        byte[] Encode(object result)
        {
            var stream = result as Stream;
            if (stream == null) return serializer.Write(result, ResultType());
            using (stream)
            {
                var copy = new MemoryStream();
                if (stream.CanSeek) stream.Position = 0;
                stream.CopyTo(copy);
                return copy.ToArray();
            }
        }

        /// <summary>The type of results as the method declares it, without its task.</summary>
        Type ResultType()
        {
            var type = method.ReturnType;
            if (type == typeof(void) || type == typeof(System.Threading.Tasks.Task)) return typeof(object);
            return type.IsGenericType && type.GetGenericTypeDefinition() == typeof(System.Threading.Tasks.Task<>)
                ? type.GetGenericArguments()[0] : type;
        }
    }

    /// <summary>Reads inputs and writes results: by the function's LambdaSerializer, or by the mapper.</summary>
    sealed class Serializer
    {
        readonly object given; // an ILambdaSerializer; null for the mapper
        readonly JsonNames names;

        Serializer(object given, JsonNames names)
        {
            this.given = given;
            this.names = names;
        }

        public static Serializer Of(MethodInfo method)
        {
            var type = Named(method.GetCustomAttributes(true)) ??
                Named(method.ReflectedType.Assembly.GetCustomAttributes(true));
            if (type == null) return new Serializer(null, JsonNames.AsDeclared);
            if (!Revision.IsStandIn(type)) return new Serializer(Activator.CreateInstance(type), JsonNames.AsDeclared);
            // The stand-ins are this mapper, which is compiled already.
            return new Serializer(null, type.Name.StartsWith("CamelCase") ? JsonNames.CamelCase : JsonNames.AsDeclared);
        }

        static Type Named(object[] attributes)
        {
            foreach (var attribute in attributes)
                if (attribute.GetType().FullName == "Amazon.Lambda.Core.LambdaSerializerAttribute")
                    return (Type)attribute.GetType().GetProperty("SerializerType").GetValue(attribute, null);
            return null;
        }

        public object Read(MemoryStream body, Type type)
        {
            if (given == null)
                return JsonMapper.To(Json.Parse(Encoding.UTF8.GetString(body.ToArray())), type);
            return Generic("Deserialize", type).Invoke(given, new object[] { body });
        }

        public byte[] Write(object result, Type type)
        {
            if (given == null || result == null)
                return Encoding.UTF8.GetBytes(Json.Write(JsonMapper.From(result, names)));
            var stream = new MemoryStream();
            Generic("Serialize", type).Invoke(given, new[] { result, stream });
            return stream.ToArray();
        }

        MethodInfo Generic(string name, Type type)
        {
            foreach (var candidate in given.GetType().GetInterfaces())
                if (candidate.FullName == "Amazon.Lambda.Core.ILambdaSerializer")
                    return candidate.GetMethod(name).MakeGenericMethod(type);
            throw new LoadException("LambdaValidationException", "The serializer '" + given.GetType().FullName +
                "' does not implement Amazon.Lambda.Core.ILambdaSerializer.");
        }
    }

    /// <summary>OpenWhisk: Main(parameters), of one dictionary to another.</summary>
    sealed class OpenWhiskDialect : IDialect
    {
        readonly MethodInfo method;
        readonly object target;

        public OpenWhiskDialect(MethodInfo method)
        {
            this.method = method;
            target = Revision.Target(method);
            if (method.GetParameters().Length > 1)
                throw new LoadException("Runtime.BadSignature", "an OpenWhisk action takes one dictionary");
        }

        public byte[] Tell(Exception fault)
        {
            var error = new Dictionary<string, object> { { "error", fault.Message } };
            return Encoding.UTF8.GetBytes(Json.Write(error));
        }

        public Answer Call(Call call)
        {
            var arguments = new List<object>();
            foreach (var parameter in method.GetParameters())
                arguments.Add(JsonMapper.To(Json.Parse(Encoding.UTF8.GetString(call.Body.ToArray())),
                    parameter.ParameterType));
            var result = Revision.Await(method.Invoke(target, arguments.ToArray()));
            var text = Json.Write(JsonMapper.From(result, JsonNames.AsDeclared));
            var answer = new Answer { Body = Encoding.UTF8.GetBytes(text) };
            answer.Header("content-type", "application/json");
            return answer;
        }
    }

    /// <summary>OpenFaaS: FunctionHandler.Handle(string), of the body to the answer.</summary>
    sealed class OpenFaasDialect : IDialect
    {
        readonly MethodInfo method;
        readonly object target;

        public OpenFaasDialect(MethodInfo method)
        {
            this.method = method;
            var parameters = method.GetParameters();
            if (parameters.Length != 1 || parameters[0].ParameterType != typeof(string))
                throw new LoadException("Runtime.BadSignature", "an OpenFaaS handler takes one string");
            target = Revision.Target(method);
        }

        public byte[] Tell(Exception fault) { return null; }

        public Answer Call(Call call)
        {
            var body = Encoding.UTF8.GetString(call.Body.ToArray());
            var result = Revision.Await(method.Invoke(target, new object[] { body }));
            var answer = new Answer { Body = Encoding.UTF8.GetBytes(Convert.ToString(result)) };
            foreach (var header in call.Headers())
                if (header[0] == "content-type") answer.Header(header[0], header[1]); // as the watchdog does
            return answer;
        }
    }
}
