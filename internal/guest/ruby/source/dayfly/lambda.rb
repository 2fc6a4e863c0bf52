# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # What a handler is told beside the event.
  class LambdaContext
    attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name,
                :function_name, :memory_limit_in_mb, :function_version, :identity,
                :client_context, :deadline_ms, :tenant_id

    def initialize(head)
      region = ENV["AWS_REGION"] || ENV["AWS_DEFAULT_REGION"] || "us-east-1"
      @clock_diff = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond) -
                    Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)
      @deadline_ms = head["deadline_ms"].to_i
      @aws_request_id = head["id"]
      @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
      @invoked_function_arn = "arn:aws:lambda:#{region}:000000000000:function:#{@function_name}"
      @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
      @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
      @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
      @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
      @identity = @client_context = @tenant_id = nil
    end

    def get_remaining_time_in_millis # rubocop:disable Naming/AccessorMethodName
      now = Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond) + @clock_diff
      [@deadline_ms - now, 0].max
    end
  end

  # Serves events with a handler of AWS Lambda: FILE.METHOD or FILE.CLASS.METHOD. The
  # relay before it turns HTTP into events.
  class Lambda
    CRITICAL = -1 # the status with which the process ends after what it may not survive
    JSON_HEADERS = [["content-type", "application/json"]].freeze
    RAW_HEADERS = [["content-type", "application/unknown"]].freeze

    def initialize(spec, task)
      words = spec["entry"].to_s.split(".")
      unless words.size.between?(2, 3)
        raise ArgumentError, "Invalid handler #{words}, must be of form FILENAME.METHOD or " \
                             "FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file " \
                             "FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable " \
                             "method. If using CLASS, METHOD must be a class-level method."
      end
      @method = words.pop
      @class = words[1]
      @alone = spec["concurrency"].to_i <= 1
      path = File.join(task, "#{words[0]}.rb")
      require(File.file?(path) ? path : words[0])
    end

    # Runs the handler for one event; raises nothing.
    def serve(call)
      event = Codec.parse(call.read_all)
      trace(call.head["trace"]) if @alone
      headers, body = answer_of(handle(event, LambdaContext.new(call.head)))
      call.answer(200, headers, body)
    rescue NameError => e # NoMethodError is one
      critical(call, e)
    rescue Cancelled
      call.finish
    rescue StandardError => e
      told(call, e)
    rescue Exception => e # rubocop:disable Lint/RescueException
      critical(call, e)
    end

    private

    def handle(event, context)
      return Kernel.const_get(@class).send(@method, event: event, context: context) if @class

      TOPLEVEL_BINDING.receiver.__send__(@method, event: event, context: context)
    end

    def answer_of(result)
      case result
      when StringIO, IO then [RAW_HEADERS, result.read]
      else [JSON_HEADERS, result.to_json]
      end
    end

    # The trace of AWS X-Ray, as its libraries expect it.
    def trace(parent)
      _, id, span, flags = parent.to_s.split("-")
      return unless flags

      ENV["_X_AMZN_TRACE_ID"] =
        "Root=1-#{id[0, 8]}-#{id[8..]};Parent=#{span};Sampled=#{flags.hex & 1}"
    end

    def told(call, error)
      $stderr.write("Error raised from handler method\n", Failure.log(error))
      call.fail(Failure.describe(error))
    end

    # Ends the process: the code is broken, or what it left behind is not to be trusted.
    def critical(call, error)
      $stderr.write("Critical exception from handler\n", Failure.log(error))
      call.fail(Failure.describe(error))
      exit!(CRITICAL)
    end
  end
end
