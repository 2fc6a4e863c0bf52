# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

require "uri"

module DayflyGuest
  # What functions read of a request when there is no rack gem: the readers of
  # Rack::Request that need no parser of uploads.
  class Request
    attr_reader :env

    def initialize(env)
      @env = env
    end

    { request_method: "REQUEST_METHOD", script_name: "SCRIPT_NAME", path_info: "PATH_INFO",
      query_string: "QUERY_STRING", content_type: "CONTENT_TYPE", content_length: "CONTENT_LENGTH",
      user_agent: "HTTP_USER_AGENT", referer: "HTTP_REFERER", body: "rack.input",
      scheme: "rack.url_scheme", ip: "REMOTE_ADDR" }.each do |name, key|
      define_method(name) { @env[key] }
    end
    alias referrer referer

    %w[GET POST PUT PATCH DELETE HEAD OPTIONS].each do |verb|
      define_method("#{verb.downcase}?") { request_method == verb }
    end

    def path
      script_name + path_info
    end

    def fullpath
      query_string.empty? ? path : "#{path}?#{query_string}"
    end

    def host_with_port
      @env["HTTP_HOST"] || "#{@env['SERVER_NAME']}:#{@env['SERVER_PORT']}"
    end

    def host
      host_with_port.sub(/:\d+\z/, "")
    end

    def port
      @env["SERVER_PORT"].to_i
    end

    def base_url
      "#{scheme}://#{host_with_port}"
    end

    def url
      base_url + fullpath
    end

    def ssl?
      scheme == "https"
    end

    def xhr?
      @env["HTTP_X_REQUESTED_WITH"] == "XMLHttpRequest"
    end

    def media_type
      content_type&.split(/\s*[;,]\s*/, 2)&.first&.downcase
    end

    def get_header(name)
      @env[name]
    end

    def has_header?(name) # rubocop:disable Naming/PredicateName
      @env.key?(name)
    end

    def GET # rubocop:disable Naming/MethodName
      @get ||= form(query_string)
    end

    def POST # rubocop:disable Naming/MethodName
      @post ||= media_type == "application/x-www-form-urlencoded" ? form(text) : {}
    end

    def params
      self.GET.merge(self.POST)
    end

    def [](name)
      params[name.to_s]
    end

    def cookies
      @cookies ||= @env["HTTP_COOKIE"].to_s.split(/;\s*/).reverse.to_h do |pair|
        name, value = pair.split("=", 2)
        [name.to_s, URI.decode_www_form_component(value.to_s)]
      end
    end

    private

    def text
      body.rewind
      data = body.read
      body.rewind
      data.force_encoding(Encoding::UTF_8)
    end

    # Names that end in [] give lists; of others the last counts.
    def form(encoded)
      URI.decode_www_form(encoded).each_with_object({}) do |(name, value), all|
        name.end_with?("[]") ? (all[name.delete_suffix("[]")] ||= []) << value : all[name] = value
      end
    end
  end
end
