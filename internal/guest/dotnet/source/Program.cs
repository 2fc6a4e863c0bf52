// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.Text;

namespace Dayfly.Guest
{
    /// <summary>Boots, warms what the first call will need, and serves until the host hangs up.</summary>
    static class Program
    {
        const int ProtocolVersion = 1;

        static int Main()
        {
            var connection = new Connection();
            Console.SetOut(new LineWriter(connection, 1));
            Console.SetError(new LineWriter(connection, 2));
            Warm();
            connection.SendJson(FrameType.Hello, 0, new Dictionary<string, object>
            {
                { "protocol", ProtocolVersion }, { "language", "dotnet" },
                { "version", Environment.Version.ToString() },
            });
            return new Session(connection).Serve();
        }

        /// <summary>Compiles, in the stem, the code that reading, mapping and calling pass through.</summary>
        static void Warm()
        {
            const string text = "{\"a\":[1,2.5,\"x\\u00e9\",true,null],\"Name\":\"n\",\"Count\":3,\"Tags\":{\"k\":\"v\"}}";
            var assembly = typeof(Program).Assembly.GetName().Name;
            foreach (var name in new[] { "Same", "Later" })
            {
                var method = Revision.Rehearse(assembly + "::Dayfly.Guest.Sample::" + name);
                var dialect = new LambdaDialect(method, new Dictionary<string, object>());
                var call = new Call(0, (Dictionary<string, object>)Json.Parse(text));
                call.Body.Write(Encoding.UTF8.GetBytes(text), 0, text.Length);
                call.Body.Position = 0;
                Session.Rehearse(dialect.Call(call));
            }
            try
            {
                throw new InvalidOperationException("warm", new ArgumentException("warm"));
            }
            catch (InvalidOperationException e)
            {
                Failure.Lambda(e);
            }
            using (var done = new System.Threading.ManualResetEvent(false))
            {
                System.Threading.ThreadPool.QueueUserWorkItem(_ => done.Set());
                done.WaitOne();
            }
        }
    }

    /// <summary>A handler and what it takes, for the warming.</summary>
    sealed class Sample
    {
        public string Name { get; set; }
        public int Count { get; set; }
        public Dictionary<string, string> Tags { get; set; }
        public List<string> List { get; set; }
        public string[] Array { get; set; }

        public static Sample Same(Sample input) { return input; }

        public static async System.Threading.Tasks.Task<Sample> Later(Sample input)
        {
            await System.Threading.Tasks.Task.Yield();
            return input;
        }
    }
}
