# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Types of frames (docs/formats/frames.md).
  HELLO, SPECIALISE, READY, REQUEST, BODY, FINISH, RESPONSE, LOG, ERROR, CANCEL, WINDOW = (1..11).to_a

  FRAME_MAX = 1 << 20 # payload of any frame, by the protocol
  BODY_MAX = 65_536 # payload of a body frame, by the protocol
  LOG_MAX = 16_384 # text of a log frame, by the protocol
  ALLOWANCE = 262_144 # body bytes a side may send unasked, by the protocol
  GRANT_STEP = ALLOWANCE / 2 # what is consumed is granted again in such steps

  # The socket to the host. Sending is safe from any thread, receiving is for one at a
  # time. When the host is gone there is nobody to serve nor to tell: the process ends.
  class Wire
    READ_SIZE = 65_536 # of one read

    def initialize(io)
      @io = io
      @owner = Process.pid
      @lock = Mutex.new
      @buffer = String.new(capacity: READ_SIZE, encoding: Encoding::BINARY)
      @chunk = String.new(capacity: READ_SIZE, encoding: Encoding::BINARY)
      @at = 0
    end

    # Whether this is a child that user code forked: the socket is the parent's.
    def foreign?
      Process.pid != @owner
    end

    # The bytes of one frame.
    def self.pack(kind, stream, payload = "")
      [payload.bytesize << 8 | kind, stream].pack("NN") << payload.b
    end

    # Sends bytes that hold whole frames.
    def send_all(data)
      return if foreign?

      @lock.synchronize do
        sent = 0
        while sent < data.bytesize
          part = sent.zero? ? data : data.byteslice(sent..)
          count = @io.write_nonblock(part, exception: false)
          count == :wait_writable ? IO.select(nil, [@io]) : sent += count
        end
      end
    rescue SystemCallError, IOError
      exit!(0)
    end

    def frame(kind, stream, payload = "")
      send_all(Wire.pack(kind, stream, payload))
    end

    # Gives the next frame as [type, stream, payload], waiting for it.
    def receive
      fill until whole?
      take
    end

    # Gives the next frame if it is here already, else nil.
    def receive_now
      until whole?
        got = @io.read_nonblock(READ_SIZE, @chunk, exception: false)
        return nil if got == :wait_readable

        exit!(0) if got.nil?
        append
      end
      take
    rescue SystemCallError, IOError
      exit!(0)
    end

    private

    def whole?
      have = @buffer.bytesize - @at
      return false if have < 8

      size = @buffer.byteslice(@at, 4).unpack1("N") >> 8
      exit!(0) if size > FRAME_MAX
      have >= size + 8
    end

    def take
      word, stream = @buffer.byteslice(@at, 8).unpack("NN")
      size = word >> 8
      payload = @buffer.byteslice(@at + 8, size)
      @at += size + 8
      [word & 255, stream, payload]
    end

    def fill
      @io.readpartial(READ_SIZE, @chunk)
      append
    rescue SystemCallError, IOError # EOFError is one
      exit!(0)
    end

    def append
      if @at == @buffer.bytesize
        @buffer.replace(@chunk)
      else
        @buffer = @buffer.byteslice(@at..) if @at.positive?
        @buffer << @chunk
      end
      @at = 0
    end
  end
end
