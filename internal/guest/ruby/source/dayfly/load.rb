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
      return if paths.empty?

      forget("")
      Gem.paths = { "GEM_PATH" => [*paths, *Gem.default_path].join(":") }
    end

    # Does what bundle exec does.
    def bundle(task)
      ENV["BUNDLE_GEMFILE"] ||= "#{task}/Gemfile"
      lock = "#{ENV['BUNDLE_GEMFILE']}.lock"
      forget(File.file?(lock) ? File.read(lock, encoding: Encoding::UTF_8) : "")
      require "bundler"
      Bundler.setup
    end

    # Libraries that the guest has loaded and can forget: by gem, what they define.
    FORGETTABLE = { "json" => :JSON, "uri" => :URI, "logger" => :Logger }.freeze

    # Lets a function have other versions of what the stem has loaded: no gem counts as
    # taken, and what the lock file names in another version is loaded anew when it is
    # required. Of others, such as date, the version that is loaded stays.
    def forget(lock)
      FORGETTABLE.each do |gem, constant|
        locked = lock[/^    #{gem} \(([\d.]+)\)$/, 1]
        next if locked.nil? || locked == Gem.loaded_specs[gem]&.version.to_s

        Object.send(:remove_const, constant) if Object.const_defined?(constant, false)
        $LOADED_FEATURES.reject! { |file| file.match?(%r{/#{gem}(?:/[^/]+)*\.(?:rb|so)\z}) }
      end
      Gem.loaded_specs.delete_if { |name, _| name != "bundler" }
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
