# SPDX-License-Identifier: Apache-2.0

require_relative "boot"
require "logger"
require "rails"
require "action_controller/railtie"

module Shop
  class Application < Rails::Application
    config.load_defaults 6.1
    config.secret_key_base = ENV.fetch("SECRET_KEY_BASE")
    config.hosts.clear
    config.logger = ActiveSupport::Logger.new($stdout) if ENV["RAILS_LOG_TO_STDOUT"]
  end
end
