# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Turns what is printed into log frames, line by line, of the call that printed. Safe
  # from any thread. What writes to descriptors 1 and 2 by itself, such as a program that
  # is started, is not seen here: the host reads those.
  class Logs
    attr_accessor :server

    def initialize(wire)
      @wire = wire
      @server = nil
      @lock = Mutex.new
      @own = {} # unfinished lines that belong to no call
    end

    # Replaces the standard streams.
    def install
      { 1 => [:STDOUT, :$stdout], 2 => [:STDERR, :$stderr] }.each do |number, (constant, _)|
        stream = Printer.over(number, self)
        Object.send(:remove_const, constant)
        Object.const_set(constant, stream)
        number == 1 ? $stdout = stream : $stderr = stream
      end
    end

    # Takes bytes printed on 1 or 2 and sends the whole lines among them.
    def write(number, text)
      call = @server&.current
      call = nil if call&.done
      @lock.synchronize do
        partial = unfinished(call)
        lines = ((partial.delete(number) || "".b) + text.b).split("\n", -1)
        rest = lines.pop || ""
        while rest.bytesize > LOG_MAX
          lines << rest.byteslice(0, LOG_MAX)
          rest = rest.byteslice(LOG_MAX..)
        end
        partial[number] = rest unless rest.empty?
        @wire.send_all(frames(call, number, lines)) unless lines.empty?
      end
    end

    # Sends the unfinished lines of a call, or those of none.
    def flush(call)
      return if call ? call.partial.nil? : @own.empty?

      @lock.synchronize do
        unfinished(call).each { |number, rest| @wire.send_all(frames(call, number, [rest])) }
        call ? call.partial = nil : @own = {}
      end
    end

    def foreign?
      @wire.foreign?
    end

    private

    def unfinished(call)
      call ? call.partial ||= {} : @own
    end

    def frames(call, number, lines)
      mark = number == 1 ? "\x01".b : "\x02".b
      stream = call ? call.stream : 0
      lines.each_with_object(String.new(encoding: Encoding::BINARY)) do |line, all|
        line = line.chomp("\r")
        loop do
          all << Wire.pack(LOG, stream, mark + line.byteslice(0, LOG_MAX))
          break if line.bytesize <= LOG_MAX

          line = line.byteslice(LOG_MAX..)
        end
      end
    end
  end

  # A standard stream: it has the real descriptor, which programs that are started
  # inherit, but what Ruby prints on it goes to the logs.
  class Printer < ::IO
    def self.over(number, logs)
      stream = new(number, "w", autoclose: false)
      stream.sync = true
      stream.attach(number, logs)
      stream
    end

    def attach(number, logs)
      @number = number
      @logs = logs
      @reopened = false
    end

    def write(*parts)
      return super if @reopened || @logs.foreign?

      parts.sum do |part|
        text = part.to_s
        @logs.write(@number, text)
        text.bytesize
      end
    rescue ThreadError # inside a signal's trap no lock can be had
      syswrite_real(parts.join)
    end

    def syswrite(text)
      write(text)
    end

    def write_nonblock(text, **)
      write(text)
    end

    # Nothing is kept back but unfinished lines, which end with their call.
    def flush
      self
    end

    def reopen(*arguments)
      @reopened = true
      super
    end

    # Closing the standard streams would only lose later lines: ignored.
    def close; end

    private

    def syswrite_real(text)
      ::IO.instance_method(:syswrite).bind_call(self, text)
    end
  end
end
