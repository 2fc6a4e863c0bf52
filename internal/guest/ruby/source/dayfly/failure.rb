# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # A failure that the guest tells of by itself.
  class Fault < StandardError
    attr_reader :kind, :type

    def initialize(kind, type, message)
      super(message)
      @kind = kind
      @type = type
    end
  end

  # Describes exceptions as error frames and as Lambda's Ruby runtime spells them.
  module Failure
    MESSAGE_MAX = 200_000 # bytes; escaped and once more in base64 it still fits a frame
    STACK_MAX = 100 # entries, as many as Lambda gives
    HERE = "#{__dir__}/"

    module_function

    # The error frame of an exception. classification is Lambda's word for where it was
    # raised: Function, Init or Runtime.
    def describe(error, kind = "exception", classification = "Function")
      told = { "kind" => error.is_a?(Fault) ? error.kind : kind, "type" => type_of(error),
               "message" => message_of(error), "stack" => stack_of(error) }
      spelled = { "errorMessage" => told["message"],
                  "errorType" => "#{classification}<#{told['type']}>", "stackTrace" => told["stack"] }
      told["payload"] = [Codec.generate(spelled)].pack("m0")
      told
    end

    # The lines for standard error.
    def log(error)
      lines = stack_of(error)
      lines[0] = "#{lines[0]}: " if lines[0]
      first = "#{lines.shift}#{message_of(error)} (#{type_of(error)})"
      [first, *lines.map { |line| "\tfrom #{line}" }].join("\n") << "\n"
    end

    def type_of(error)
      error.is_a?(Fault) ? error.type : error.class.to_s
    end

    def message_of(error)
      text = error.message.to_s
      clean(text.bytesize > MESSAGE_MAX ? text.byteslice(0, MESSAGE_MAX) : text)
    rescue StandardError
      "an error that cannot tell its message"
    end

    def stack_of(error)
      lines = error.is_a?(Fault) ? [] : Array(error.backtrace)
      lines.take_while { |line| !line.start_with?(HERE) }.first(STACK_MAX).map { |line| clean(line) }
    end

    # Text as UTF-8 that JSON can carry.
    def clean(text)
      text = text.dup.force_encoding(Encoding::UTF_8) if text.encoding == Encoding::BINARY
      text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
    end
  end
end
