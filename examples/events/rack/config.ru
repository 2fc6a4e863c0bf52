# SPDX-License-Identifier: Apache-2.0

require "json"

run lambda { |env|
  body = env["rack.input"].read
  puts "got #{env['REQUEST_METHOD']} #{env['PATH_INFO']} #{env['HTTP_CE_TYPE']} #{env['CONTENT_TYPE']} #{body}"
  failed = []
  if env["CONTENT_TYPE"].to_s.start_with?("application/cloudevents-batch+json")
    failed = JSON.parse(body).select { |e| e["data"]["bad"] }.map { |e| { itemIdentifier: e["id"] } }
  end
  [200, { "content-type" => "application/json" }, [JSON.generate(batchItemFailures: failed)]]
}
