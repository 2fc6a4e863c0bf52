// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;

namespace Dayfly.Guest
{
    /// <summary>What answers the calls of one revision.</summary>
    interface IDialect
    {
        /// <summary>Answers one call; what it throws is the handler's failure.</summary>
        Answer Call(Call call);

        /// <summary>How an exception is told to who sent an event, as UTF-8; null for not at all.</summary>
        byte[] Tell(Exception fault);
    }

    /// <summary>An answer, whole.</summary>
    sealed class Answer
    {
        public int Status = 200;
        public readonly List<object> Headers = new List<object>();
        public byte[] Body = new byte[0];

        public void Header(string name, string value) { Headers.Add(new List<object> { name, value }); }
    }

    /// <summary>One call: its head, its body as it arrives, and how much of the answer may be sent.</summary>
    sealed class Call
    {
        const int WindowBytes = 256 << 10; // of a body that may be sent unasked

        public readonly uint Stream;
        public readonly Dictionary<string, object> Head;
        public readonly MemoryStream Body = new MemoryStream();
        int allowance = WindowBytes;
        bool gone;

        public Call(uint stream, Dictionary<string, object> head)
        {
            Stream = stream;
            Head = head;
        }

        public string Text(string name)
        {
            object value;
            return Head.TryGetValue(name, out value) && value is string ? (string)value : "";
        }

        public long Number(string name)
        {
            object value;
            return Head.TryGetValue(name, out value) && value is long ? (long)value : 0;
        }

        /// <summary>The values of a request header, whose name is in lower case.</summary>
        public IEnumerable<string[]> Headers()
        {
            object list;
            if (!Head.TryGetValue("headers", out list) || !(list is List<object>)) yield break;
            foreach (List<object> pair in (List<object>)list)
                yield return new[] { (string)pair[0], (string)pair[1] };
        }

        public void Grant(int bytes)
        {
            lock (Body)
            {
                allowance += bytes;
                Monitor.PulseAll(Body);
            }
        }

        public void Cancel()
        {
            lock (Body)
            {
                gone = true;
                Monitor.PulseAll(Body);
            }
        }

        /// <summary>Waits until some of want bytes may be sent, and gives how many; 0 when the caller is gone.</summary>
        public int Spend(int want)
        {
            lock (Body)
            {
                while (allowance == 0 && !gone) Monitor.Wait(Body);
                if (gone) return 0;
                var n = Math.Min(want, allowance);
                allowance -= n;
                return n;
            }
        }
    }

    /// <summary>The guest's life: becomes a revision, then answers its calls.</summary>
    sealed class Session
    {
        const int ChunkBytes = 64 << 10; // of a body in one frame; the protocol's bound

        readonly Connection connection;
        readonly Dictionary<uint, Call> calls = new Dictionary<uint, Call>();
        IDialect dialect;

        public Session(Connection connection) { this.connection = connection; }

        public int Serve()
        {
            Frame frame;
            while (connection.Read(out frame)) Receive(frame);
            return 0;
        }

        void Receive(Frame frame)
        {
            switch (frame.Type)
            {
                case FrameType.Specialise:
                    Specialise((Dictionary<string, object>)Json.Parse(Encoding.UTF8.GetString(frame.Payload)));
                    return;
                case FrameType.Request:
                    var head = (Dictionary<string, object>)Json.Parse(Encoding.UTF8.GetString(frame.Payload));
                    lock (calls) calls[frame.Stream] = new Call(frame.Stream, head);
                    return;
            }
            Call call;
            lock (calls) if (!calls.TryGetValue(frame.Stream, out call)) return;
            switch (frame.Type)
            {
                case FrameType.Body:
                    call.Body.Write(frame.Payload, 0, frame.Payload.Length);
                    SendWindow(frame.Stream, frame.Payload.Length);
                    break;
                case FrameType.End:
                    ThreadPool.QueueUserWorkItem(_ => Run(call));
                    break;
                case FrameType.Cancel:
                    call.Cancel();
                    break;
                case FrameType.Window:
                    var p = frame.Payload;
                    call.Grant(p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]);
                    break;
            }
        }

        void SendWindow(uint stream, int n)
        {
            connection.Send(FrameType.Window, stream,
                new[] { (byte)(n >> 24), (byte)(n >> 16), (byte)(n >> 8), (byte)n });
        }

        void Specialise(Dictionary<string, object> revision)
        {
            try
            {
                dialect = Revision.Become(revision);
            }
            catch (Exception e)
            {
                var fault = Failure.Unwrap(e);
                connection.SendJson(FrameType.Error, 0, Describe(fault, "init", Failure.Lambda(fault)));
                return;
            }
            connection.SendJson(FrameType.Ready, 0, new Dictionary<string, object>
            {
                { "serve", "frames" }, { "dialect", revision["dialect"] },
            });
        }

        void Run(Call call)
        {
            LineWriter.Stream.Value = call.Stream;
            call.Body.Position = 0;
            Answer answer = null;
            Exception fault = null;
            try
            {
                answer = dialect.Call(call);
            }
            catch (Exception e)
            {
                fault = Failure.Unwrap(e);
            }
            LineWriter.CloseAll(call.Stream);
            try
            {
                if (fault == null)
                    Send(call, answer);
                else
                    connection.SendJson(FrameType.Error, call.Stream,
                        Describe(fault, "exception", dialect.Tell(fault)));
            }
            catch (IOException)
            {
                Environment.Exit(0); // the host has hung up
            }
            lock (calls) calls.Remove(call.Stream);
        }

        void Send(Call call, Answer answer)
        {
            connection.SendJson(FrameType.Response, call.Stream, new Dictionary<string, object>
            {
                { "status", answer.Status }, { "headers", answer.Headers },
            });
            for (var sent = 0; sent < answer.Body.Length;)
            {
                var n = call.Spend(Math.Min(ChunkBytes, answer.Body.Length - sent));
                if (n == 0) break;
                connection.Send(FrameType.Body, call.Stream, answer.Body, sent, n);
                sent += n;
            }
            connection.Send(FrameType.End, call.Stream, new byte[0]);
        }

        /// <summary>Makes of an answer what would be sent.</summary>
        public static void Rehearse(Answer answer)
        {
            Json.Write(new Dictionary<string, object> { { "status", answer.Status }, { "headers", answer.Headers } });
            Describe(new Exception("warm"), "exception", answer.Body);
        }

        static Dictionary<string, object> Describe(Exception fault, string kind, byte[] payload)
        {
            var stack = new List<object>();
            foreach (var line in Failure.Stack(fault)) stack.Add(line);
            var described = new Dictionary<string, object>
            {
                { "kind", kind }, { "type", Failure.TypeOf(fault) }, { "message", fault.Message }, { "stack", stack },
            };
            if (payload != null) described["payload"] = Convert.ToBase64String(payload);
            return described;
        }
    }
}
