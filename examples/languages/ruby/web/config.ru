# SPDX-License-Identifier: Apache-2.0

require "json"
require_relative "notes"

# Times each answer.
class Timing
  def initialize(app)
    @app = app
  end

  def call(env)
    began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    status, headers, body = @app.call(env)
    took = Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
    [status, headers.merge("server-timing" => format("app;dur=%.3f", took * 1000)), body]
  end
end

use Timing

map "/notes" do
  run Notes.new
end

map "/count" do
  run lambda { |_env|
    body = ->(stream) { 3.times { |n| stream << "#{n + 1}\n" } and stream.close }
    [200, { "content-type" => "text/plain" }, body]
  }
end

run ->(env) { [200, { "content-type" => "text/plain" }, ["You asked for #{env['PATH_INFO']}\n"]] }
