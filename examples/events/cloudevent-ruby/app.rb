# SPDX-License-Identifier: Apache-2.0

require "functions_framework"

FunctionsFramework.cloud_event "storage_event" do |event|
  puts "got #{event.type} #{event.source} #{event.subject} #{event.data.to_json}"
  raise "a bad event" if event.data["bad"]
end
