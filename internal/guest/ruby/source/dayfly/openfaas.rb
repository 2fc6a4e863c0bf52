# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require_relative "rack"

module DayflyGuest
  # Serves requests with a handler of OpenFaaS's templates: Handler#run(req) of ruby,
  # whose result is printed, or Handler#run(body, headers) of ruby-http, which gives
  # [body, headers].
  class OpenFaaS
    def initialize(spec, task)
      export = Load.code(spec["entry"], task)
      name = export.empty? ? "Handler" : export.split(".").first
      @handler = Object.const_get(name).new
      @takes_headers = @handler.method(:run).arity.abs >= 2
      @rack = Rack.new(nil, spec)
    end

    # Runs the handler for one request; raises nothing.
    def serve(call)
      env = @rack.environment(call)
      @takes_headers ? with_headers(call, env) : printed(call)
    rescue Exception => e # rubocop:disable Lint/RescueException
      Instance.report(call, e)
    end

    private

    def printed(call)
      request = call.read_all.force_encoding(Encoding::UTF_8)
      printed = StringIO.new("".b)
      printed.puts(@handler.run(request))
      call.answer(200, [["content-type", "text/plain; charset=utf-8"]], printed.string)
    end

    def with_headers(call, env)
      body, headers, status = @handler.run(env["rack.input"], env)
      headers = { "content-type" => "text/html;charset=utf-8" }.merge((headers || {}).transform_keys(&:downcase))
      body = Codec.generate(body) if body.is_a?(Hash) || body.is_a?(Array)
      @rack.respond(call, (status || 200).to_i, headers, [body.to_s])
    end
  end
end
