# SPDX-License-Identifier: Apache-2.0

use Rack::ContentLength

run lambda { |env|
  request = Rack::Request.new(env)
  [200, { "content-type" => "text/plain" }, ["Puma #{request.request_method} #{request.params['name']}\n"]]
}
