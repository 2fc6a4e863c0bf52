# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # What a stem does ahead, so that no cold start has to.
  module Warm
    # Parts of Bundler that every bundle needs; naming them loads them.
    PARTS = %i[Definition Dsl LockfileParser Runtime SpecSet Settings Source Index SharedHelpers
               RubygemsIntegration Dependency LazySpecification].freeze

    # Our own parts, whichever the revision will need.
    OWN = %w[lambda rack builder request cloudevent framework openwhisk openfaas].freeze

    module_function

    def rehearse
      %w[time set uri logger rubygems].each { |library| require library }
      load_bundler
      OWN.each { |part| require_relative part }
      Codec.parse(Codec.generate("id" => "x", "headers" => [%w[a b]], "length" => 0))
      GC.start
    end

    # A Ruby without Bundler serves what has no Gemfile.
    def load_bundler
      require "bundler"
      PARTS.each { |name| Bundler.const_get(name) }
    rescue LoadError, NameError
      nil
    end
  end
end
