# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "logger"

# Stands in for the functions_framework gem when a function brings none: what functions
# call while they are loaded and run, and nothing of its server.
module FunctionsFramework
  # One registered function. While its block runs, self is a Callable.
  class Function
    # What a block sees as self: globals and a logger.
    class Callable
      attr_reader :logger

      def initialize(globals: nil, logger: nil)
        @globals = globals || {}
        @logger = logger || FunctionsFramework.logger
      end

      def global(key)
        value = @globals[key]
        value.is_a?(Lazy) ? value.get : value
      end

      def set_global(key, value = nil, &block)
        @globals[key] = block ? Lazy.new(block) : value
        self
      end
    end

    # A global that is computed when it is first asked for.
    class Lazy
      def initialize(block)
        @block = block
        @lock = Mutex.new
      end

      def get
        @lock.synchronize do
          @value = @block.call if @block
          @block = nil
          @value
        end
      end
    end

    attr_reader :name, :type, :request_class

    def initialize(name, type, callable: nil, request_class: nil, &block)
      @name = name
      @type = type
      @request_class = request_class
      @callable = callable || Class.new(Callable) { define_method(:call, &block) }
    end

    def populate_globals(globals = nil)
      { function_name: name, function_type: type }.merge(globals || {})
    end

    def call(*arguments, globals: nil, logger: nil)
      callable = @callable.is_a?(Class) ? @callable.new(globals: globals, logger: logger) : @callable
      takes = callable.method(:call).parameters.map(&:first)
      arguments = arguments.take(takes.count(:req) + takes.count(:opt)) unless takes.include?(:rest)
      callable.call(*arguments)
    end
  end

  # The functions by name.
  class Registry
    attr_reader :startup_tasks

    def initialize
      @functions = {}
      @startup_tasks = []
    end

    def [](name)
      @functions[name.to_s]
    end

    def names
      @functions.keys.sort
    end

    def add_http(name, callable: nil, &block)
      add(Function.new(name.to_s, :http, callable: callable, &block))
    end

    def add_cloud_event(name, callable: nil, &block)
      add(Function.new(name.to_s, :cloud_event, callable: callable, &block))
    end

    def add_startup_task(callable: nil, &block)
      @startup_tasks << Function.new(nil, :startup_task, callable: callable, &block)
      self
    end

    private

    def add(function)
      raise ArgumentError, "Function already defined: #{function.name}" if @functions.key?(function.name)

      @functions[function.name] = function
      self
    end
  end

  DEFAULT_TARGET = "function"

  class << self
    attr_writer :logger

    def global_registry
      @global_registry ||= Registry.new
    end

    def logger
      @logger ||= Logger.new($stderr)
    end

    def http(name = DEFAULT_TARGET, callable: nil, &block)
      global_registry.add_http(name, callable: callable, &block)
      self
    end

    def cloud_event(name = DEFAULT_TARGET, callable: nil, &block)
      global_registry.add_cloud_event(name, callable: callable, &block)
      self
    end

    def on_startup(callable: nil, &block)
      global_registry.add_startup_task(callable: callable, &block)
      self
    end
  end
end
