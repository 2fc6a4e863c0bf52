// SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Dayfly.Guest
{
    /// <summary>The types of frames (docs/formats/frames.md).</summary>
    enum FrameType
    {
        Hello = 1, Specialise, Ready, Request, Body, End, Response, Log, Error, Cancel, Window,
    }

    /// <summary>One frame that was read.</summary>
    struct Frame
    {
        public FrameType Type;
        public uint Stream;
        public byte[] Payload;
    }

    /// <summary>Frames over the socket that the host handed to this process.</summary>
    sealed class Connection
    {
        const int Descriptor = 3;
        const int HeadBytes = 8;
        const int PayloadBytesMax = 1 << 20; // of one frame; the protocol's bound
        const int LineBytesMax = 16 << 10;   // of one log line; the protocol's bound
        const int Interrupted = 4;           // EINTR

        [DllImport("libc", SetLastError = true)]
        static extern IntPtr read(int descriptor, byte[] buffer, UIntPtr count);

        [DllImport("libc", SetLastError = true)]
        static extern unsafe IntPtr write(int descriptor, byte* buffer, UIntPtr count);

        readonly object writing = new object();
        readonly byte[] buffer = new byte[64 << 10];
        int start, end;

        /// <summary>Reads the next frame; false when the host has hung up.</summary>
        public bool Read(out Frame frame)
        {
            frame = new Frame();
            var head = new byte[HeadBytes];
            if (!Fill(head)) return false;
            var length = head[0] << 16 | head[1] << 8 | head[2];
            if (length > PayloadBytesMax) throw new IOException("a frame is too large");
            frame.Type = (FrameType)head[3];
            frame.Stream = (uint)head[4] << 24 | (uint)head[5] << 16 | (uint)head[6] << 8 | head[7];
            frame.Payload = new byte[length];
            return Fill(frame.Payload);
        }

        bool Fill(byte[] target)
        {
            var done = 0;
            while (done < target.Length)
            {
                if (start == end && !Refill()) return false;
                var n = Math.Min(end - start, target.Length - done);
                Buffer.BlockCopy(buffer, start, target, done, n);
                start += n;
                done += n;
            }
            return true;
        }

        bool Refill()
        {
            for (;;)
            {
                var n = (long)read(Descriptor, buffer, (UIntPtr)buffer.Length);
                if (n > 0)
                {
                    start = 0;
                    end = (int)n;
                    return true;
                }
                if (n == 0 || Marshal.GetLastWin32Error() != Interrupted) return false;
            }
        }

        /// <summary>Sends one frame whole. Any thread may call it.</summary>
        public void Send(FrameType type, uint stream, byte[] payload)
        {
            Send(type, stream, payload, 0, payload.Length);
        }

        public void Send(FrameType type, uint stream, byte[] payload, int offset, int count)
        {
            var whole = new byte[HeadBytes + count];
            whole[0] = (byte)(count >> 16);
            whole[1] = (byte)(count >> 8);
            whole[2] = (byte)count;
            whole[3] = (byte)type;
            whole[4] = (byte)(stream >> 24);
            whole[5] = (byte)(stream >> 16);
            whole[6] = (byte)(stream >> 8);
            whole[7] = (byte)stream;
            Buffer.BlockCopy(payload, offset, whole, HeadBytes, count);
            lock (writing) WriteAll(whole);
        }

        static unsafe void WriteAll(byte[] whole)
        {
            fixed (byte* pointer = whole)
            {
                var done = 0;
                while (done < whole.Length)
                {
                    var n = (long)write(Descriptor, pointer + done, (UIntPtr)(whole.Length - done));
                    if (n < 0 && Marshal.GetLastWin32Error() != Interrupted)
                        throw new IOException("the host has hung up");
                    if (n > 0) done += (int)n;
                }
            }
        }

        public void SendJson(FrameType type, uint stream, Dictionary<string, object> value)
        {
            Send(type, stream, Encoding.UTF8.GetBytes(Json.Write(value)));
        }

        /// <summary>Sends one line that was printed: 1 is standard output, 2 standard error.</summary>
        public void Log(uint stream, int which, string line)
        {
            var text = Encoding.UTF8.GetBytes(line);
            var payload = new byte[1 + Math.Min(text.Length, LineBytesMax)];
            payload[0] = (byte)which;
            Buffer.BlockCopy(text, 0, payload, 1, payload.Length - 1);
            Send(FrameType.Log, stream, payload);
        }
    }

    /// <summary>Makes log frames of what code prints, each with the call that printed it.</summary>
    sealed class LineWriter : TextWriter
    {
        const int LineCharactersMax = 16 << 10;

        /// <summary>The call on whose behalf this code runs; 0 outside of calls.</summary>
        public static readonly AsyncLocal<uint> Stream = new AsyncLocal<uint>();

        static readonly List<LineWriter> all = new List<LineWriter>();

        readonly Connection connection;
        readonly int which;
        readonly Dictionary<uint, StringBuilder> lines = new Dictionary<uint, StringBuilder>();

        public LineWriter(Connection connection, int which)
        {
            this.connection = connection;
            this.which = which;
            all.Add(this);
        }

        /// <summary>Sends what a call printed without ending its lines, and forgets the call.</summary>
        public static void CloseAll(uint stream)
        {
            foreach (var writer in all) writer.Close(stream);
        }

        public override Encoding Encoding { get { return Encoding.UTF8; } }

        public override void Write(char value) { Write(value.ToString()); }

        public override void Write(char[] text, int index, int count) { Write(new string(text, index, count)); }

        public override void Write(string text)
        {
            if (string.IsNullOrEmpty(text)) return;
            var stream = Stream.Value;
            lock (lines)
            {
                StringBuilder line;
                if (!lines.TryGetValue(stream, out line)) lines[stream] = line = new StringBuilder();
                foreach (var c in text)
                {
                    if (c != '\n' && line.Length < LineCharactersMax)
                    {
                        line.Append(c);
                        continue;
                    }
                    Emit(stream, line);
                    if (c != '\n') line.Append(c);
                }
            }
        }

        public override void WriteLine(string text) { Write(text + "\n"); }

        public override void WriteLine() { Write("\n"); }

        void Close(uint stream)
        {
            lock (lines)
            {
                StringBuilder line;
                if (!lines.TryGetValue(stream, out line)) return;
                if (line.Length > 0) Emit(stream, line);
                lines.Remove(stream);
            }
        }

        void Emit(uint stream, StringBuilder line)
        {
            connection.Log(stream, which, line.ToString().TrimEnd('\r'));
            line.Length = 0;
        }
    }
}
