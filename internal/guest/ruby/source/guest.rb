# SPDX-License-Identifier: Apache-2.0
# frozen_string_literal: true

# Entry of the Ruby guest: ruby --disable=gems guest.rb, the host on descriptor 3.
require_relative "dayfly/instance"

DayflyGuest::Instance.main
