# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

module DayflyGuest
  # Finds the code of a function and its gems.
  module Load
    STANDINS = "#{__dir__}/standins"

    module_function

    # Makes the function's files and gems loadable.
    def prepare(task)
      (ENV["RUBYLIB"] || "").split(":").reverse_each { |dir| $LOAD_PATH.unshift(dir) }
      $LOAD_PATH.unshift(task)
      return bundle(task) if File.file?("#{task}/Gemfile")

      vendored = "#{task}/vendor/bundle/ruby/#{RbConfig::CONFIG['ruby_version']}"
      paths = [ENV["GEM_PATH"], (vendored if File.directory?(vendored))].compact
      Gem.paths = { "GEM_PATH" => [*paths, *Gem.default_path].join(":") } unless paths.empty?
    end

    # Does what bundle exec does.
    def bundle(task)
      ENV["BUNDLE_GEMFILE"] ||= "#{task}/Gemfile"
      lock = "#{ENV['BUNDLE_GEMFILE']}.lock"
      leave_json_to(lock) if File.file?(lock)
      require "bundler"
      Bundler.setup
    end

    # Forgets the JSON library that the guest has loaded when the bundle has another
    # version of it, so that the function gets its own.
    def leave_json_to(lock)
      locked = File.read(lock)[/^    json \(([\d.]+)\)$/, 1]
      return if locked.nil? || locked == ::JSON::VERSION

      Object.send(:remove_const, :JSON)
      $LOADED_FEATURES.reject! { |file| file.match?(%r{/json(?:/.*)?\.(?:rb|so)\z}) }
    end

    # Parts an entry into the file and what it defines: the longest part of it, cut at
    # dots, that is a file.
    def part(entry, task, suffixes = [".rb", ""])
      words = entry.to_s.split(".")
      words.size.downto(1) do |count|
        name = words.first(count).join(".")
        suffixes.each do |suffix|
          path = File.expand_path(name + suffix, task)
          return [path, words.drop(count).join(".")] if path.start_with?("#{task}/") && File.file?(path)
        end
      end
      raise Fault.new("init", "Runtime.HandlerNotFound", "entry #{entry.inspect} names no file of the code")
    end

    # Loads the file of an entry and gives the rest of it.
    def code(entry, task)
      path, export = part(entry, task)
      require path
      export
    end

    # Gives a method of the top level, as a file's def makes it, or one of a constant.
    def callable(export)
      holder, _, name = export.rpartition(".")
      target = holder.empty? ? TOPLEVEL_BINDING.receiver : Object.const_get(holder)
      target.method(name)
    rescue NameError
      raise Fault.new("init", "Runtime.HandlerNotFound", "#{export.inspect} is not defined by the code")
    end

    # Whether a gem can be required, without doing so.
    def gem?(name)
      return true if Gem.loaded_specs.key?(name)
      return false if ENV["BUNDLE_GEMFILE"] && defined?(Bundler::Runtime) && File.file?(ENV["BUNDLE_GEMFILE"])

      !Gem::Specification.stubs_for(name).empty?
    end

    # Lets require find our stand-in of a library when the function brings none.
    def stand_in(name)
      $LOAD_PATH.push(STANDINS) unless gem?(name) || $LOAD_PATH.include?(STANDINS)
    end

    # Gives the Rack application of an entry: a .ru file, or what a module defines.
    def application(entry, task)
      path, export = part(entry, task, [".ru", ".rb", ""])
      if path.end_with?(".ru")
        return Builder.file(path)
      end
      require path
      app = export.empty? ? default_application : Object.const_get(export.gsub(".", "::"))
      app = app.new if app.is_a?(Class) && !app.respond_to?(:call)
      return app if app.respond_to?(:call)

      raise Fault.new("init", "Runtime.HandlerNotFound", "#{export} of #{path} does not respond to call")
    end

    def default_application
      return Sinatra::Application if defined?(Sinatra::Application)

      name = %i[App Application APP Server].find { |known| Object.const_defined?(known) }
      return Object.const_get(name) if name

      raise Fault.new("init", "Runtime.HandlerNotFound",
                      "the module defines no application; name it, as in app.App")
    end
  end
end
