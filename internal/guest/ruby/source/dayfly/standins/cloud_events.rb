# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "time"
require "uri"

# Stands in for the cloud_events gem when a function brings none: the event itself.
module CloudEvents
  # One CloudEvent of version 1.0.
  class Event
    def self.create(**attributes)
      new(attributes)
    end

    def initialize(attributes)
      @attributes = attributes.transform_keys { |name| name.to_s.delete("_") }.freeze
    end

    # Any attribute by its name in the specification.
    def [](name)
      @attributes[name.to_s.delete("_")]
    end

    { id: "id", type: "type", subject: "subject", data: "data", spec_version: "specversion",
      specversion: "specversion", data_content_type: "datacontenttype",
      datacontenttype: "datacontenttype" }.each do |reader, name|
      define_method(reader) { @attributes[name] }
    end

    def source
      URI.parse(@attributes["source"])
    end

    def data_schema
      URI.parse(@attributes["dataschema"]) if @attributes["dataschema"]
    end
    alias dataschema data_schema

    def time
      DateTime.rfc3339(@attributes["time"]) if @attributes["time"]
    end

    def data?
      @attributes.key?("data")
    end

    def to_h
      @attributes.dup
    end
  end
end
