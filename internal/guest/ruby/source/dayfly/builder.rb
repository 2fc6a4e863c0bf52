# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Reads config.ru: with the rack gem's own builder when the function uses the gem, else
  # with this one, which knows run, use, map, warmup and freeze_app.
  class Builder
    # Gives the application of a rackup file.
    def self.file(path)
      text = File.read(path, encoding: Encoding::UTF_8)
      if rack?(text)
        require "rack"
        return Array(::Rack::Builder.parse_file(path)).first
      end
      builder = new
      context = builder.instance_eval { binding }
      context.eval(text.sub(/^__END__\s*\n.*\z/m, ""), path, 1)
      builder.to_app
    end

    # Whether the file needs the gem: its bundle has it, or it speaks of it.
    def self.rack?(text)
      Gem.loaded_specs.key?("rack") || text.match?(/\bRack::/) && Load.gem?("rack")
    end

    def initialize
      @wraps = []
      @map = nil
      @run = nil
      @warmup = nil
      @freeze = false
    end

    def run(app = nil, &block)
      @run = app || block
    end

    def use(middleware, *arguments, &block)
      map_so_far, @map = @map, nil
      @wraps << ->(app) { URLMap.new(map_so_far, app) } if map_so_far
      @wraps << ->(app) { middleware.new(app, *arguments, &block) }
    end
    ruby2_keywords :use

    def map(path, &block)
      (@map ||= {})[path] = block
    end

    def warmup(callable = nil, &block)
      @warmup = callable || block
    end

    def freeze_app
      @freeze = true
    end

    def to_app
      app = @map ? URLMap.new(@map, @run) : @run
      raise Fault.new("init", "Runtime.HandlerNotFound", "config.ru says neither run nor map") unless app

      app = app.freeze if @freeze
      app = @wraps.reverse.inject(app) { |inner, wrap| wrap.call(inner).tap { |a| a.freeze if @freeze } }
      @warmup&.call(app)
      app
    end
  end

  # Chooses among applications by the first part of the path, the longest first.
  class URLMap
    NOT_FOUND = [404, { "content-type" => "text/plain", "x-cascade" => "pass" }, ["Not Found"]].freeze

    def initialize(blocks, default)
      @apps = blocks.map do |path, block|
        builder = Builder.new
        builder.instance_eval(&block)
        [path.chomp("/"), builder.to_app]
      end
      @apps.sort_by! { |path, _| -path.bytesize }
      @default = default
    end

    def call(env)
      path = env["PATH_INFO"]
      script = env["SCRIPT_NAME"]
      prefix, app = @apps.find { |under, _| path == under || path.start_with?("#{under}/") }
      return @default ? @default.call(env) : NOT_FOUND.map(&:dup) unless app

      begin
        env["SCRIPT_NAME"] = script + prefix
        env["PATH_INFO"] = path[prefix.size..]
        app.call(env)
      ensure
        env["SCRIPT_NAME"] = script
        env["PATH_INFO"] = path
      end
    end
  end
end
