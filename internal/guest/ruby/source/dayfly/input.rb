# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # rack.input: the request's body as it arrives, which can be read again after rewind,
  # as applications written for Rack 2 do. What is past memory goes to a file.
  class Input
    MEMORY_MAX = 1 << 20 # bytes kept in memory; larger bodies are uploads
    READ_SIZE = 65_536 # of one read of what was kept

    def initialize(call)
      @call = call
      @kept = StringIO.new("".b)
      @size = 0 # bytes received
      @at = 0 # where reading is
      @ended = call.head["length"] == 0 # rubocop:disable Style/NumericPredicate
    end

    def read(length = nil, buffer = nil)
      receive until @ended || length && @size - @at >= length
      count = [@size - @at, length || @size].min
      data = count.positive? ? kept(count) : "".b
      data = nil if length&.positive? && data.empty?
      return data unless buffer

      buffer.replace(data || "")
      data && buffer
    end

    def gets(separator = $/)
      line = String.new(encoding: Encoding::BINARY)
      loop do
        piece = read(READ_SIZE)
        return (line unless line.empty?) if piece.nil?

        from = [line.bytesize - separator.bytesize, 0].max
        line << piece
        end_at = line.index(separator.b, from)
        next unless end_at

        end_at += separator.bytesize
        @at -= line.bytesize - end_at
        return line.byteslice(0, end_at)
      end
    end

    def each
      while (line = gets)
        yield line
      end
    end

    def rewind
      @at = 0
    end

    def size
      receive until @ended
      @size
    end

    def close; end

    private

    def receive
      piece = @call.read
      return @ended = true if piece.nil?

      spill if @kept.is_a?(StringIO) && @size + piece.bytesize > MEMORY_MAX
      @kept.seek(@size)
      @kept.write(piece)
      @size += piece.bytesize
    end

    def spill
      require "tempfile"
      file = Tempfile.new("body", binmode: true)
      file.write(@kept.string)
      @kept = file
    end

    def kept(count)
      @kept.seek(@at)
      data = @kept.read(count) || "".b
      @at += data.bytesize
      data
    end
  end
end
