# SPDX-License-Identifier: Apache-2.0

# Takes notes as JSON, and tells how long each is.
class Notes
  def call(env)
    return [405, { "content-type" => "text/plain", "allow" => "POST" }, ["Send a note\n"]] if env["REQUEST_METHOD"] != "POST"

    note = JSON.parse(env["rack.input"].read)
    answer = { title: note.fetch("title"), length: note.fetch("text").length, id: env["PATH_INFO"].delete("/") }
    [201, { "content-type" => "application/json", "set-cookie" => ["seen=1", "last=#{answer[:id]}"] }, [JSON.generate(answer)]]
  rescue JSON::ParserError, KeyError => e
    [400, { "content-type" => "text/plain" }, ["#{e.class}\n"]]
  end
end
