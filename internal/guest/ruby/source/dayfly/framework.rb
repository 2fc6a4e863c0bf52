# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require_relative "rack"
require_relative "cloudevent"

module DayflyGuest
  # Serves functions of the Functions Framework: HTTP functions and CloudEvent functions,
  # with the framework's gem or with our stand-in of it.
  class Framework
    HIDDEN = %w[/favicon.ico /robots.txt].freeze # never reach a function, by the contract
    GEM = "functions_framework"

    def initialize(spec, task)
      Load.stand_in(GEM)
      target = Load.code(spec["entry"], task)
      require GEM
      target = ENV["FUNCTION_TARGET"].to_s if target.empty?
      @function = ::FunctionsFramework.global_registry[target]
      raise not_there(target) unless @function

      @rack = Rack.new(nil, spec)
      @globals = @function.populate_globals
      ::FunctionsFramework.global_registry.startup_tasks.each { |task_of| run(task_of, @function) }
      @globals = @globals.freeze
    end

    # Runs the function for one request; raises nothing.
    def serve(call)
      env = @rack.environment(call)
      @rack.respond(call, *answer(call, env))
    rescue Exception => e # rubocop:disable Lint/RescueException
      Instance.report(call, e)
    end

    private

    def not_there(target)
      names = ::FunctionsFramework.global_registry.names
      Fault.new("init", "Runtime.HandlerNotFound",
                "the function #{target.inspect} is not registered; these are: #{names.join(', ')}")
    end

    def run(function, argument)
      function.call(argument, globals: @globals, logger: ::FunctionsFramework.logger)
    end

    def answer(call, env)
      return text("Not found", 404) if HIDDEN.include?(env["PATH_INFO"])

      @function.type == :http ? interpret(run(@function, request(env))) : event(env)
    rescue CloudEvent::Unreadable => e
      text("#{e.class.name.split('::').last}: #{e.message}", 400)
    rescue StandardError, ScriptError => e
      $stderr.write(Failure.log(e))
      call.failure = Failure.describe(e)
      text("Unexpected internal error", 500)
    end

    def event(env)
      return [204, {}, []] if env["REQUEST_METHOD"] == "GET"

      events = CloudEvent.all(env)
      failed = events.reject { |event| done?(event, events.length == 1) }
      return text("ok", 200) if failed.empty?
      raise @failure if failed.length == events.length

      told = failed.map { |event| { "itemIdentifier" => event.id } }
      [207, { "content-type" => "application/json" }, [Codec.generate("batchItemFailures" => told)]]
    end

    # Runs the function for an event; of a batch, a failure is told and kept.
    def done?(event, alone)
      run(@function, event)
      true
    rescue StandardError, ScriptError => e
      raise if alone

      $stderr.write(Failure.log(e))
      @failure = e
      false
    end

    # The request as functions know it: of the rack gem where that is there.
    def request(env)
      return ::Rack::Request.new(env) if rack?

      Request.new(env)
    end

    def rack?
      return @is_rack unless @is_rack.nil?

      @is_rack = defined?(::Rack::Request) || Gem.loaded_specs.key?("rack") && (require "rack")
      @is_rack = @is_rack ? true : false
    end

    def interpret(result)
      return result.finish if result.respond_to?(:finish) && !result.is_a?(Array)

      case result
      when Array then result
      when String then text(result, 200)
      when Hash then [200, { "content-type" => "application/json; charset=utf-8" }, [Codec.generate(result)]]
      else raise "Unexpected response type: #{result.class}"
      end
    end

    def text(string, status)
      type = "text/plain; charset=#{string.encoding.name.downcase}"
      type = "application/octet-stream" if string.encoding == Encoding::BINARY || !string.valid_encoding?
      [status, { "content-type" => type }, [string]]
    end
  end
end
