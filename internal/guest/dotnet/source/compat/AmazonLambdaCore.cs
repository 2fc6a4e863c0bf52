// SPDX-License-Identifier: Apache-2.0

using System;
using System.IO;
using System.Reflection;
using System.Text;
using Dayfly.Guest;

// What stands in for Amazon.Lambda.Core, its serializers and the attributes of
// System.Text.Json when a function is compiled without NuGet: the same names, so that the
// same source compiles, and no more than functions use.
[assembly: AssemblyTitle("Amazon.Lambda.Core")]
[assembly: AssemblyVersion("1.0.0.0")]

namespace Amazon.Lambda.Core
{
    /// <summary>What a handler is told of its call.</summary>
    public interface ILambdaContext
    {
        string AwsRequestId { get; }
        IClientContext ClientContext { get; }
        string FunctionName { get; }
        string FunctionVersion { get; }
        ICognitoIdentity Identity { get; }
        string InvokedFunctionArn { get; }
        ILambdaLogger Logger { get; }
        string LogGroupName { get; }
        string LogStreamName { get; }
        int MemoryLimitInMB { get; }
        TimeSpan RemainingTime { get; }
        string TraceId { get; }
        string TenantId { get; }
    }

    /// <summary>What a mobile application says of itself.</summary>
    public interface IClientContext
    {
        System.Collections.Generic.IDictionary<string, string> Environment { get; }
        System.Collections.Generic.IDictionary<string, string> Custom { get; }
        IClientApplication Client { get; }
    }

    /// <summary>The application of an IClientContext.</summary>
    public interface IClientApplication
    {
        string AppPackageName { get; }
        string AppTitle { get; }
        string AppVersionCode { get; }
        string AppVersionName { get; }
        string InstallationId { get; }
    }

    /// <summary>Who a mobile application's user is.</summary>
    public interface ICognitoIdentity
    {
        string IdentityId { get; }
        string IdentityPoolId { get; }
    }

    /// <summary>Where a handler's log lines go.</summary>
    public interface ILambdaLogger
    {
        void Log(string message);
        void LogLine(string message);
        void Log(string level, string message);
        void LogTrace(string message);
        void LogDebug(string message);
        void LogInformation(string message);
        void LogWarning(string message);
        void LogError(string message);
        void LogCritical(string message);
    }

    /// <summary>Logs from outside of handlers.</summary>
    public static class LambdaLogger
    {
        public static void Log(string message) { Console.Write(message); }
    }

    /// <summary>Reads inputs and writes results.</summary>
    public interface ILambdaSerializer
    {
        T Deserialize<T>(Stream requestStream);
        void Serialize<T>(T response, Stream responseStream);
    }

    /// <summary>Names the serializer of an assembly or a method.</summary>
    [AttributeUsage(AttributeTargets.Method | AttributeTargets.Assembly)]
    public sealed class LambdaSerializerAttribute : Attribute
    {
        public LambdaSerializerAttribute(Type serializerType) { SerializerType = serializerType; }

        public Type SerializerType { get; set; }
    }
}

namespace Amazon.Lambda.Serialization.SystemTextJson
{
    /// <summary>Writes names as they are declared.</summary>
    public class DefaultLambdaJsonSerializer : Amazon.Lambda.Core.ILambdaSerializer
    {
        public T Deserialize<T>(Stream requestStream) { return Mapped.Read<T>(requestStream); }

        public void Serialize<T>(T response, Stream responseStream)
        {
            Mapped.Write(response, responseStream, JsonNames.AsDeclared);
        }
    }

    /// <summary>Writes names in camelCase.</summary>
    public class CamelCaseLambdaJsonSerializer : Amazon.Lambda.Core.ILambdaSerializer
    {
        public T Deserialize<T>(Stream requestStream) { return Mapped.Read<T>(requestStream); }

        public void Serialize<T>(T response, Stream responseStream)
        {
            Mapped.Write(response, responseStream, JsonNames.CamelCase);
        }
    }

    /// <summary>The serializer's older name.</summary>
    public class LambdaJsonSerializer : DefaultLambdaJsonSerializer { }
}

namespace Dayfly.Guest
{
    /// <summary>The mapper on streams.</summary>
    static class Mapped
    {
        public static T Read<T>(Stream stream)
        {
            using (var copy = new MemoryStream())
            {
                stream.CopyTo(copy);
                return (T)JsonMapper.To(Json.Parse(Encoding.UTF8.GetString(copy.ToArray())), typeof(T));
            }
        }

        public static void Write(object value, Stream stream, JsonNames names)
        {
            var text = Encoding.UTF8.GetBytes(Json.Write(JsonMapper.From(value, names)));
            stream.Write(text, 0, text.Length);
        }
    }
}

namespace Amazon.Lambda.Serialization.Json
{
    /// <summary>The serializer that Newtonsoft's is elsewhere.</summary>
    public class JsonSerializer : Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer { }
}

namespace System.Text.Json.Serialization
{
    /// <summary>Names a property in JSON.</summary>
    [AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
    public sealed class JsonPropertyNameAttribute : Attribute
    {
        public JsonPropertyNameAttribute(string name) { Name = name; }

        public string Name { get; private set; }
    }

    /// <summary>Leaves a property out of JSON.</summary>
    [AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
    public sealed class JsonIgnoreAttribute : Attribute { }
}
