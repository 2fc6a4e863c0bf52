# SPDX-License-Identifier: Apache-2.0

name = $stdin.read.strip
puts "Hello, #{name.empty? ? 'world' : name}!"
