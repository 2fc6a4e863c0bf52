# SPDX-License-Identifier: Apache-2.0

def main(params = {})
  { greeting: "Hello, #{params['name'] || 'stranger'}!" }
end
