# SPDX-License-Identifier: Apache-2.0

require "functions_framework"

FunctionsFramework.on_startup do |function|
  set_global :greeting, "Hello from #{function.name}"
end

FunctionsFramework.http "greet" do |request|
  logger.info "a #{request.request_method} request"
  return { "greeting" => global(:greeting), "name" => request.params["name"] } if request.get?

  "#{global :greeting}: #{request.body.read}\n"
end
