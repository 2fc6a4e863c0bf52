# SPDX-License-Identifier: Apache-2.0

Rails.application.configure do
  config.cache_classes = true
  config.eager_load = true
  config.consider_all_requests_local = false
end
