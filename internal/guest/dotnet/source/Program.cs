// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.IO;
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
            var sample = (Sample)JsonMapper.To(Json.Parse(text), typeof(Sample));
            Json.Write(JsonMapper.From(sample, JsonNames.AsDeclared));
            var method = typeof(Program).GetMethod("Echo",
                System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static);
            method.Invoke(null, new object[] { sample });
            try
            {
                throw new InvalidOperationException("warm");
            }
            catch (InvalidOperationException e)
            {
                Failure.Lambda(e);
            }
            Encoding.UTF8.GetString(new MemoryStream(Encoding.UTF8.GetBytes(text)).ToArray());
            using (var done = new System.Threading.ManualResetEvent(false))
            {
                System.Threading.ThreadPool.QueueUserWorkItem(_ => done.Set());
                done.WaitOne();
            }
        }

        static object Echo(Sample sample) { return sample; }

        sealed class Sample
        {
            public string Name { get; set; }
            public int Count { get; set; }
            public Dictionary<string, string> Tags { get; set; }
        }
    }
}
