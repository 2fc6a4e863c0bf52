# SPDX-License-Identifier: Apache-2.0

class Handler
  def run(req)
    "Hello from OpenFaaS: #{req.upcase}"
  end
end
