# SPDX-License-Identifier: Apache-2.0

require "functions_framework"

FunctionsFramework.cloud_event "uploaded" do |event|
  raise "no name" unless event.data["name"]

  logger.info "#{event.type} from #{event.source}: #{event.data['name']}"
end
