// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.io.EOFException;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.util.concurrent.locks.ReentrantLock;

/** The socket to the host: whole frames in and out (docs/formats/frames.md). */
final class Wire {
  static final int HELLO = 1;
  static final int SPECIALISE = 2;
  static final int READY = 3;
  static final int REQUEST = 4;
  static final int BODY = 5;
  static final int END = 6;
  static final int RESPONSE = 7;
  static final int LOG = 8;
  static final int ERROR = 9;
  static final int CANCEL = 10;
  static final int WINDOW = 11;

  static final int PAYLOAD_MAX = 1 << 20;
  static final int BODY_MAX = 1 << 16;
  static final int WINDOW_BYTES = 1 << 18;
  static final int HEAD = 8;

  /** One frame, as it was read. */
  static final class Frame {
    final int type;
    final int stream;
    final byte[] payload;

    Frame(int type, int stream, byte[] payload) {
      this.type = type;
      this.stream = stream;
      this.payload = payload;
    }
  }

  private final InputStream in;
  private final OutputStream out;
  private final ReentrantLock writing = new ReentrantLock();
  private final byte[] buffer = new byte[BODY_MAX];
  private int from;
  private int to;

  Wire(InputStream in, OutputStream out) {
    this.in = in;
    this.out = out;
  }

  /** The wire over a descriptor that the process was born with. */
  static Wire open(int number) throws ReflectiveOperationException {
    Constructor<FileDescriptor> make = FileDescriptor.class.getDeclaredConstructor(int.class);
    make.setAccessible(true);
    FileDescriptor fd = make.newInstance(number);
    return new Wire(new FileInputStream(fd), new FileOutputStream(fd));
  }

  /** Waits for the next frame; only one thread may. */
  Frame read() throws IOException {
    need(HEAD);
    int length = (buffer[from] & 0xff) << 16 | (buffer[from + 1] & 0xff) << 8
        | buffer[from + 2] & 0xff;
    int type = buffer[from + 3] & 0xff;
    int stream = integer(buffer, from + 4);
    from += HEAD;
    if (length > PAYLOAD_MAX) {
      throw new IOException("a frame is larger than the protocol allows");
    }
    byte[] payload = new byte[length];
    int have = Math.min(length, to - from);
    System.arraycopy(buffer, from, payload, 0, have);
    from += have;
    while (have < length) {
      int n = in.read(payload, have, length - have);
      if (n < 0) {
        throw new EOFException();
      }
      have += n;
    }
    return new Frame(type, stream, payload);
  }

  private void need(int bytes) throws IOException {
    while (to - from < bytes) {
      if (from > 0) {
        System.arraycopy(buffer, from, buffer, 0, to - from);
        to -= from;
        from = 0;
      }
      int n = in.read(buffer, to, buffer.length - to);
      if (n < 0) {
        throw new EOFException();
      }
      to += n;
    }
  }

  static int integer(byte[] data, int at) {
    return (data[at] & 0xff) << 24 | (data[at + 1] & 0xff) << 16
        | (data[at + 2] & 0xff) << 8 | data[at + 3] & 0xff;
  }

  static byte[] integer(int value) {
    return new byte[] {
      (byte) (value >> 24), (byte) (value >> 16), (byte) (value >> 8), (byte) value};
  }

  void send(int type, int stream, byte[] payload) throws IOException {
    Frames frames = new Frames(HEAD + payload.length);
    frames.add(type, stream, payload, 0, payload.length);
    write(frames);
  }

  /** Writes frames as one piece. Threads take turns. */
  void write(Frames frames) throws IOException {
    writing.lock();
    try {
      out.write(frames.bytes, 0, frames.size);
    } finally {
      writing.unlock();
    }
  }

  /** Frames that are put together, so that they wake the host once. */
  static final class Frames {
    byte[] bytes;
    int size;

    Frames(int capacity) {
      bytes = new byte[capacity];
    }

    void add(int type, int stream, byte[] payload, int offset, int length) {
      int end = size + HEAD + length;
      if (end > bytes.length) {
        bytes = java.util.Arrays.copyOf(bytes, Math.max(end, 2 * bytes.length));
      }
      bytes[size] = (byte) (length >> 16);
      bytes[size + 1] = (byte) (length >> 8);
      bytes[size + 2] = (byte) length;
      bytes[size + 3] = (byte) type;
      System.arraycopy(integer(stream), 0, bytes, size + 4, 4);
      System.arraycopy(payload, offset, bytes, size + HEAD, length);
      size = end;
    }
  }
}
