# SPDX-License-Identifier: Apache-2.0

require "sinatra"
require "json"

get "/" do
  erb :index, locals: { name: params["name"] || "world" }
end

get "/greet/:name" do |name|
  content_type :json
  { greeting: "Hello, #{name}!" }.to_json
end

post "/form" do
  "#{params['first']} #{params['last']}"
end

get "/boom" do
  raise ArgumentError, "no"
end
