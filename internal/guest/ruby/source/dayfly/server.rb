# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Serves one call at a time on the thread that reads the socket.
  class Serial
    attr_reader :logs, :current

    def initialize(wire, logs)
      @wire = wire
      @logs = logs
      @current = nil
      @pumping = Monitor.new # a function's own threads may read while the handler writes
    end

    # Serves calls with handler.serve until the connection closes.
    def run(handler)
      loop do
        kind, stream, payload = @wire.receive
        next unless kind == REQUEST # the rest belongs to streams that are over

        call = @current = Call.new(self, @wire, stream, Codec.parse(payload))
        handler.serve(call)
        @logs.flush(call)
        @current = nil
        exit!(0) if @wire.foreign? # a forked child came back from the handler
      end
    end

    # Returns once the block holds, taking in frames meanwhile.
    def wait(_call)
      return if yield

      @pumping.synchronize { take(@wire.receive) until yield }
    end

    # Runs the block while no frame is taken in.
    def guard(&block)
      @pumping.synchronize(&block)
    end

    # Takes in the frames that are here.
    def poll
      @pumping.synchronize do
        while (frame = @wire.receive_now)
          take(frame)
        end
      end
    end

    private

    def take(frame)
      @current.feed(frame[0], frame[2]) if @current && frame[1] == @current.stream
    end
  end

  # Serves up to limit calls at once, each on a thread of its own; another reads.
  class Threads
    attr_reader :logs

    def initialize(wire, logs, limit)
      @wire = wire
      @logs = logs
      @limit = limit
      @calls = {}
      @lock = Mutex.new # guards calls' state, and the number of threads
      @changed = ConditionVariable.new
      @waiting = Queue.new
      @threads = 0
      @idle = 0
    end

    def current
      Thread.current.thread_variable_get(:dayfly_call)
    end

    def run(handler)
      loop do
        kind, stream, payload = @wire.receive
        if kind == REQUEST
          call = Call.new(self, @wire, stream, Codec.parse(payload))
          @lock.synchronize { @calls[stream] = call }
          push(call, handler)
        else
          deliver(kind, stream, payload)
        end
      end
    end

    def wait(_call)
      @lock.synchronize { @changed.wait(@lock) until yield }
    end

    def guard(&block)
      @lock.synchronize(&block)
    end

    def poll; end

    private

    def deliver(kind, stream, payload)
      @lock.synchronize do
        @calls[stream]&.feed(kind, payload)
        @changed.broadcast
      end
    end

    def push(call, handler)
      grow = @lock.synchronize do
        more = @idle <= @waiting.size && @threads < @limit
        @threads += 1 if more
        more
      end
      @waiting << call
      Thread.new { work(handler) } if grow
    end

    def work(handler)
      Thread.current.report_on_exception = false
      loop do
        @lock.synchronize { @idle += 1 }
        call = @waiting.pop
        @lock.synchronize { @idle -= 1 }
        serve(call, handler)
      end
    end

    def serve(call, handler)
      Thread.current.thread_variable_set(:dayfly_call, call)
      handler.serve(call)
    ensure
      Thread.current.thread_variable_set(:dayfly_call, nil)
      @logs.flush(call)
      @lock.synchronize { @calls.delete(call.stream) }
      exit!(0) if @wire.foreign?
    end
  end
end
