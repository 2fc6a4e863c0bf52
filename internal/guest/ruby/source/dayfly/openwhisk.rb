# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Serves activations with an action of OpenWhisk: main(params) gives a hash. The relay
  # before it turns HTTP into parameters.
  class OpenWhisk
    JSON_HEADERS = [["content-type", "application/json"]].freeze

    def initialize(spec, task)
      export = Load.code(spec["entry"], task)
      @action = Load.callable(export.empty? ? "main" : export)
      @name = spec["function"].to_s
      @alone = spec["concurrency"].to_i <= 1
    end

    # Runs the action once; raises nothing.
    def serve(call)
      parameters = Codec.parse(call.read_all)
      environment(call) if @alone
      result = @action.arity.zero? ? @action.call : @action.call(parameters)
      unless result.is_a?(Hash) || result.is_a?(Array)
        raise Fault.new("bad_response", "Function.BadResponse", "The action did not return a dictionary.")
      end

      call.answer(200, JSON_HEADERS, Codec.generate(result))
    rescue Exception => e # rubocop:disable Lint/RescueException
      Instance.report(call, e)
    end

    private

    def environment(call)
      ENV["__OW_ACTIVATION_ID"] = call.id
      ENV["__OW_ACTION_NAME"] = @name
      ENV["__OW_DEADLINE"] = call.head["deadline_ms"].to_s
    end
  end
end
