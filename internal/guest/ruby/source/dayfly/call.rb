# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # The caller is gone: stop producing the answer.
  class Cancelled < IOError; end

  # One invocation's stream: the body of the request in, the answer out, both with a
  # window. For one thread at a time.
  class Call
    attr_reader :stream, :head, :cancelled, :started, :done
    attr_accessor :failure, :partial

    def initialize(server, wire, stream, head)
      @server = server
      @wire = wire
      @stream = stream
      @head = head
      @pieces = []
      @credit = ALLOWANCE
      @consumed = 0
      @ended = @cancelled = @started = @done = false
      @failure = nil # the error that the head of the answer carries
      @partial = nil # unfinished log lines: {1 => bytes, 2 => bytes}
    end

    def id
      @head["id"] || ""
    end

    def event?
      @head["kind"] == "event"
    end

    # Takes in one frame of this stream.
    def feed(kind, payload)
      case kind
      when BODY then @pieces << payload unless payload.empty?
      when FINISH then @ended = true
      when WINDOW then @credit += payload.unpack1("N") if payload.bytesize == 4
      when CANCEL then @cancelled = @ended = true
      end
    end

    # Gives the next piece of the request's body, nil at its end, waiting for it.
    def read
      return nil if @done

      @server.wait(self) { !@pieces.empty? || @ended }
      raise Cancelled, "the caller is gone" if @cancelled

      piece = @pieces.shift
      consume(piece.bytesize) if piece
      piece
    end

    def read_all
      return "".b if @head["length"] == 0 # rubocop:disable Style/NumericPredicate

      whole = String.new(encoding: Encoding::BINARY)
      while (piece = read)
        whole << piece
      end
      whole
    end

    # Sends a complete answer.
    def answer(status, headers, body)
      body = body.b
      if body.bytesize > BODY_MAX || @partial
        start(status, headers)
        write(body)
        return finish
      end
      data = head_frame(status, headers)
      data << Wire.pack(BODY, @stream, body) unless body.empty?
      @started = @done = true
      @wire.send_all(data << Wire.pack(FINISH, @stream))
    end

    # Sends the head of an answer whose body follows.
    def start(status, headers)
      data = head_frame(status, headers)
      @started = true
      @wire.send_all(data)
    end

    # Sends bytes of the body, waiting for the window.
    def write(data)
      @server.poll
      at = 0
      while at < data.bytesize
        raise Cancelled, "the caller is gone" if @cancelled || @done

        @server.wait(self) { @credit.positive? || @cancelled }
        part = [data.bytesize - at, BODY_MAX, @credit].min
        next if part <= 0

        @server.guard { @credit -= part }
        @wire.frame(BODY, @stream, data.byteslice(at, part))
        at += part
      end
      at
    end

    # Sends the end of the answer, once.
    def finish
      return if @done

      @server.logs.flush(self)
      @done = true
      @wire.frame(FINISH, @stream)
    end

    # Ends the stream with an error, which is a hash.
    def fail(error)
      return if @done

      @server.logs.flush(self)
      @done = true
      @wire.frame(ERROR, @stream, Codec.generate(error))
    end

    private

    def consume(count)
      @consumed += count
      return if @consumed < GRANT_STEP || @ended

      @wire.frame(WINDOW, @stream, [@consumed].pack("N"))
      @consumed = 0
    end

    def head_frame(status, headers)
      head = { "status" => status, "headers" => headers }
      head["failure"] = @failure if @failure
      text = Codec.generate(head)
      if text.bytesize > FRAME_MAX
        raise Fault.new("bad_response", "Function.BadResponse",
                        "the answer's headers take #{text.bytesize} bytes as JSON: " \
                        "at most #{FRAME_MAX} fit")
      end
      Wire.pack(RESPONSE, @stream, text)
    end
  end
end
