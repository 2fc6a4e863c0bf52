# SPDX-License-Identifier: Apache-2.0

threads 1, 5
environment ENV.fetch("RACK_ENV", "development")
