# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "json"
require "monitor"
require "stringio"

require_relative "wire"
require_relative "failure"
require_relative "call"
require_relative "server"
require_relative "logs"
require_relative "load"
require_relative "warm"

module DayflyGuest
  # The JSON of the guest itself. A function may bring another version of the library.
  Codec = ::JSON

  # The life of one guest.
  #
  #   1 load what functions need, rehearse        (the stem; shared by no one)
  #   2 hello, then wait for specialise
  #   3 become the revision: environment, folder, gems, handler
  #   4 ready, then serve calls until the connection closes
  module Instance
    CONTROL = 3 # the socket to the host, by the protocol

    module_function

    # Is a guest; never returns.
    def main
      control = IO.for_fd(CONTROL, "r+b", autoclose: false)
      control.close_on_exec = true
      wire = Wire.new(control)
      @logs = logs = Logs.new(wire)
      Warm.rehearse
      logs.install
      wire.frame(HELLO, 0, Codec.generate("protocol" => 1, "language" => "ruby", "version" => RUBY_VERSION))
      kind = payload = nil
      kind, _, payload = wire.receive until kind == SPECIALISE
      become(Codec.parse(payload), wire, logs)
    end

    # Becomes a revision and serves it.
    def become(spec, wire, logs)
      server = handler = nil
      begin
        handler = specialise(spec)
        limit = [spec["concurrency"].to_i, 1].max
        server = limit == 1 ? Serial.new(wire, logs) : Threads.new(wire, logs, limit)
        logs.server = server
      rescue Exception => e # rubocop:disable Lint/RescueException
        refuse(e, wire, logs)
      end
      logs.flush(nil)
      wire.frame(READY, 0, Codec.generate("serve" => "frames", "dialect" => spec["dialect"]))
      server.run(handler)
    end

    # Gives what serves the revision's calls.
    def specialise(spec)
      task = spec["task"] || "/var/task"
      ENV.replace(spec["env"] || {})
      Dir.chdir(task)
      Load.prepare(task)
      case spec["dialect"]
      when "lambda"
        Lambda.new(spec, task)
      when "rack"
        Rack.new(Load.application(spec["entry"], task), spec)
      when "framework", "cloudevent"
        Framework.new(spec, task)
      when "openwhisk"
        OpenWhisk.new(spec, task)
      when "openfaas"
        OpenFaaS.new(spec, task)
      else
        raise Fault.new("init", "Runtime.UnknownDialect",
                        "dialect #{spec['dialect'].inspect} is not one of Ruby: lambda, rack, " \
                        "framework, cloudevent, openwhisk or openfaas")
      end
    end

    # Tells the host that the revision cannot start, and ends with Lambda's status.
    def refuse(error, wire, logs)
      if error.is_a?(SystemExit)
        logs.flush(nil)
        exit!(error.status)
      end
      told = Failure.describe(error, "init", "Init")
      told["kind"] = "init"
      logs.write(2, Failure.log(error))
      logs.flush(nil)
      wire.frame(ERROR, 0, Codec.generate(told))
      exit!(-4)
    end

    # Ends a call with an exception: a log line, then the error. What asks for the end
    # of the process gets it.
    def report(call, error)
      case error
      when Cancelled then return call.finish
      when SystemExit
        @logs.flush(call)
        exit!(error.status)
      when SignalException
        @logs.flush(call)
        exit!(128 + error.signo)
      end
      @logs.write(2, Failure.log(error))
      call.fail(Failure.describe(error))
    end
  end
end
