# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require_relative "input"

module DayflyGuest
  # Serves calls with a Rack application (Rack 3, and what Rack 2 wants beside).
  class Rack
    ERRORS = %w[sinatra.error action_dispatch.exception rack.exception].freeze

    def initialize(app, spec)
      @app = app
      @base = {
        "rack.version" => [1, 3], "rack.errors" => $stderr, "rack.run_once" => false,
        "rack.multithread" => spec["concurrency"].to_i > 1, "rack.multiprocess" => true,
        "rack.hijack?" => false, "SERVER_SOFTWARE" => "dayfly", "GATEWAY_INTERFACE" => "CGI/1.2"
      }.freeze
    end

    # Runs the application for one call; raises nothing.
    def serve(call)
      env = environment(call)
      status, headers, body = @app.call(env)
      note_crash(call, env, status)
      respond(call, status.to_i, headers, body)
      Array(env["rack.response_finished"]).reverse_each { |done| done.call(env, status, headers, nil) }
    rescue Exception => e # rubocop:disable Lint/RescueException
      Instance.report(call, e)
    end

    # The environment of one request.
    def environment(call)
      head = call.event? ? event_head(call) : call.head
      env = @base.dup
      host = head["host"].to_s
      name, port = host.match(/\A(.+?)(?::(\d+))?\z/)&.captures
      env["REQUEST_METHOD"] = head["method"]
      env["SCRIPT_NAME"] = +head["prefix"].to_s
      env["PATH_INFO"] = +head["path"].to_s
      env["REQUEST_PATH"] = "#{head['prefix']}#{head['path']}"
      env["QUERY_STRING"] = +head["query"].to_s
      env["REQUEST_URI"] = uri(head)
      env["SERVER_PROTOCOL"] = head["proto"] || "HTTP/1.1"
      env["SERVER_NAME"] = name || "localhost"
      env["rack.url_scheme"] = head["scheme"] || "http"
      env["SERVER_PORT"] = port || (env["rack.url_scheme"] == "https" ? "443" : "80")
      env["REMOTE_ADDR"] = head["remote"].to_s
      env["HTTP_HOST"] = host unless host.empty?
      env["HTTP_VERSION"] = env["SERVER_PROTOCOL"]
      env["rack.input"] = Input.new(call)
      env["rack.response_finished"] = []
      env["dayfly.invocation"] = call.id
      add_headers(env, head)
    end

    # Sends what an application gave.
    def respond(call, status, headers, body)
      fields, hijack = fields_of(headers)
      if hijack
        hijacked(call, status, fields, hijack)
      elsif body.respond_to?(:to_ary)
        return call.answer(status, fields, closing(body) { body.to_ary.map { |part| part.to_s.b }.join })
      else
        call.start(status, fields)
        closing(body) { pieces(call, body) }
      end
      call.finish
    end

    private

    def event_head(call)
      { "method" => "POST", "path" => "/", "length" => call.head["length"],
        "headers" => [["content-type", "application/json"]], "trace" => call.head["trace"] }
    end

    def uri(head)
      query = head["query"].to_s
      "#{head['prefix']}#{head['path']}#{"?#{query}" unless query.empty?}"
    end

    def add_headers(env, head)
      (head["headers"] || []).each do |name, value|
        key = name.upcase.tr("-", "_")
        key = "HTTP_#{key}" unless %w[CONTENT_TYPE CONTENT_LENGTH].include?(key)
        next if key == "HTTP_PROXY" # libraries would take it for a setting

        env[key] = env.key?(key) ? "#{env[key]}#{key == 'HTTP_COOKIE' ? '; ' : ', '}#{value}" : value
      end
      env["HTTP_TRACEPARENT"] = head["trace"] if head["trace"]
      env["CONTENT_LENGTH"] = head["length"].to_s if head["length"].to_i.positive?
      env
    end

    # An application that turned an exception into an answer still failed.
    def note_crash(call, env, status)
      return if status.to_i < 500

      error = env.values_at(*ERRORS).find { |value| value.is_a?(Exception) }
      call.failure = Failure.describe(error) if error
    end

    # Gives the headers as pairs, and what rack.hijack names.
    def fields_of(headers)
      hijack = nil
      fields = []
      headers&.each do |name, value|
        if name == "rack.hijack"
          hijack = value
        elsif !name.to_s.start_with?("rack.") && !name.to_s.casecmp?("status")
          values = value.is_a?(Array) ? value : value.to_s.split("\n")
          values.each { |one| fields << [name.to_s.downcase, Failure.clean(one.to_s)] }
        end
      end
      [fields, hijack]
    end

    # What is logged while a body is closed belongs to the call still.
    def closing(body)
      yield
    ensure
      body.close if body.respond_to?(:close)
    end

    def pieces(call, body)
      return body.call(Stream.new(call)) unless body.respond_to?(:each)

      body.each { |piece| call.write(piece.to_s.b) }
    end

    def hijacked(call, status, fields, hijack)
      call.start(status, fields)
      stream = Stream.new(call)
      hijack.call(stream)
      stream.wait_for_close
    end
  end

  # What a streaming body, and a partial hijack, writes to and reads from.
  class Stream
    def initialize(call)
      @call = call
      @input = Input.new(call)
      @closed = Queue.new
      @open = true
    end

    def read(*arguments)
      @input.read(*arguments)
    end

    def write(*parts)
      raise IOError, "closed stream" unless @open

      parts.sum { |part| @call.write(part.to_s.b) }
    end

    def <<(part)
      write(part)
      self
    end

    def flush
      self
    end

    def close_read; end

    def close
      return unless @open

      @open = false
      @closed << true
    end
    alias close_write close

    def closed?
      !@open
    end

    # Returns once some thread has closed the stream.
    def wait_for_close
      @closed.pop
    end
  end
end
