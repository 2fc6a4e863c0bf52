# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Reads a CloudEvent out of a request: in binary or structured mode.
  module CloudEvent
    # The request holds no event that can be read.
    class Unreadable < StandardError; end

    REQUIRED = %w[id source specversion type].freeze
    STRUCTURED = %r{\Aapplication/cloudevents(?:\+|;|\z)}i.freeze
    BATCH = %r{\Aapplication/cloudevents-batch}i.freeze
    EVENTS_MAX = 10_000 # of one batch
    FIELD = /\AHTTP_CE_([A-Z0-9]+)\z/.freeze

    module_function

    # Gives the events of a request: a batch's, or the one that it is.
    def all(env)
      return [read(env)] unless BATCH.match?(env["CONTENT_TYPE"].to_s)

      list = parse(env)
      raise Unreadable, "A batch is a list of events" unless list.is_a?(Array)
      raise Unreadable, "A batch has at most #{EVENTS_MAX} events" if list.length > EVENTS_MAX

      list.map { |fields| checked(object(fields)) }
    end

    # Gives the event: of the cloud_events gem where that is there, else our own.
    def read(env)
      type = env["CONTENT_TYPE"].to_s
      checked(STRUCTURED.match?(type) ? object(parse(env)) : binary(env, type))
    end

    def checked(fields)
      missing = REQUIRED.reject { |name| fields[name].is_a?(String) && !fields[name].empty? }
      raise Unreadable, "The event lacks #{missing.join(', ')}" unless missing.empty?

      make(fields)
    end

    def make(fields)
      unless fields["specversion"].start_with?("1.")
        raise Unreadable, "Unrecognized specversion: #{fields['specversion']}"
      end

      Load.stand_in("cloud_events")
      require "cloud_events"
      names = fields.transform_keys { |name| RENAMED[name] || name }
      ::CloudEvents::Event.create(**names.transform_keys(&:to_sym))
    end
    RENAMED = { "specversion" => "spec_version", "datacontenttype" => "data_content_type",
                "dataschema" => "data_schema" }.freeze

    def object(fields)
      raise Unreadable, "The event is no JSON object" unless fields.is_a?(Hash)

      encoded = fields.delete("data_base64")
      fields["data"] = encoded.unpack1("m") if encoded.is_a?(String)
      fields.compact
    end

    def parse(env)
      Codec.parse(env["rack.input"].read.force_encoding(Encoding::UTF_8))
    rescue Codec::ParserError => e
      raise Unreadable, "The event cannot be read: #{e.message}"
    end

    def binary(env, type)
      fields = {}
      env.each do |key, value|
        name = key[FIELD, 1]
        fields[name.downcase] = unescape(value) if name
      end
      raise Unreadable, "Unrecognized event format" if fields.empty?

      fields["datacontenttype"] = type unless type.empty?
      body = env["rack.input"].read
      fields["data"] = data_of(body, type) unless body.empty?
      fields
    end

    def data_of(body, type)
      return body unless type.match?(%r{\A(?:text/|application/(?:[\w.-]+\+)?json\b)}i)

      body = body.force_encoding(Encoding::UTF_8)
      type.match?(/json/i) ? Codec.parse(body) : body
    rescue Codec::ParserError => e
      raise Unreadable, "The event's data cannot be read: #{e.message}"
    end

    # Undoes quoting and percent-encoding of a header, in this order, once.
    def unescape(value)
      value = value[1..-2].gsub(/\\(.)/, '\1') if value.match?(/\A".*"\z/m)
      plain = value.b.gsub(/%([0-9a-fA-F]{2})/) { Regexp.last_match(1).hex.chr }
      plain.force_encoding(Encoding::UTF_8)
      raise Unreadable, "A header of the event is no UTF-8" unless plain.valid_encoding?

      plain
    end
  end
end
