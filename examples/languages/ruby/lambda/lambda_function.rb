# SPDX-License-Identifier: Apache-2.0

require "json"

STARTED = Time.now

def lambda_handler(event:, context:)
  name = event.dig("queryStringParameters", "name") || "world"
  raise ArgumentError, "there is nobody called #{name}" if name == "nobody"

  puts "greeting #{name}"
  {
    statusCode: 200,
    headers: { "content-type" => "application/json" },
    cookies: ["seen=1"],
    body: JSON.generate(greeting: "Hello, #{name}!", method: event.dig("requestContext", "http", "method"),
                        function: context.function_name, in_time: context.get_remaining_time_in_millis.positive?)
  }
end
