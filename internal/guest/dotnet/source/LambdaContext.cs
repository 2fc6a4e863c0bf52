// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using Amazon.Lambda.Core;

namespace Dayfly.Guest
{
    /// <summary>
    /// What a Lambda handler is told of its call. Members are virtual, so that they also
    /// implement what later releases of the interface ask for.
    /// </summary>
    sealed class LambdaContext : ContextMembers, ILambdaContext
    {
        LambdaContext(Call call, Dictionary<string, object> revision) : base(call, revision) { }

        /// <summary>Makes the context; only here the interface's assembly is needed.</summary>
        public static object Of(Call call, Dictionary<string, object> revision)
        {
            return new LambdaContext(call, revision);
        }

        public IClientContext ClientContext { get { return null; } }
        public ICognitoIdentity Identity { get { return null; } }
        public ILambdaLogger Logger { get { return LambdaConsole.Instance; } }
    }

    /// <summary>The members of a context that name no type of the interface's assembly.</summary>
    abstract class ContextMembers
    {
        readonly Call call;
        readonly Dictionary<string, object> revision;

        protected ContextMembers(Call call, Dictionary<string, object> revision)
        {
            this.call = call;
            this.revision = revision;
        }

        static readonly DateTime Epoch = new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc);

        public virtual string AwsRequestId { get { return call.Text("id"); } }
        public virtual string FunctionName { get { return Variable("AWS_LAMBDA_FUNCTION_NAME"); } }
        public virtual string FunctionVersion { get { return Variable("AWS_LAMBDA_FUNCTION_VERSION"); } }
        public virtual string LogGroupName { get { return Variable("AWS_LAMBDA_LOG_GROUP_NAME"); } }
        public virtual string LogStreamName { get { return Variable("AWS_LAMBDA_LOG_STREAM_NAME"); } }
        public virtual int MemoryLimitInMB { get { return (int)((long)revision["memory_bytes"] >> 20); } }
        public virtual string TraceId { get { return call.Text("trace"); } }
        public virtual string TenantId { get { return null; } }

        public virtual string InvokedFunctionArn
        {
            get { return "arn:aws:lambda:" + Variable("AWS_REGION") + ":000000000000:function:" + FunctionName; }
        }

        public virtual TimeSpan RemainingTime
        {
            get { return Epoch.AddMilliseconds(call.Number("deadline_ms")) - DateTime.UtcNow; }
        }

        static string Variable(string name) { return Environment.GetEnvironmentVariable(name) ?? ""; }
    }

    /// <summary>Logs to standard output, where the call's lines are collected.</summary>
    sealed class LambdaConsole : ILambdaLogger
    {
        public static readonly LambdaConsole Instance = new LambdaConsole();

        public void Log(string message) { Console.Write(message); }
        public void LogLine(string message) { Console.WriteLine(message); }
        public void Log(string level, string message) { Console.WriteLine(level + "\t" + message); }
        public void LogTrace(string message) { Log("trce", message); }
        public void LogDebug(string message) { Log("dbug", message); }
        public void LogInformation(string message) { Log("info", message); }
        public void LogWarning(string message) { Log("warn", message); }
        public void LogError(string message) { Log("fail", message); }
        public void LogCritical(string message) { Log("crit", message); }
    }
}
