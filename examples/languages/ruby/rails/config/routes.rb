# SPDX-License-Identifier: Apache-2.0

Rails.application.routes.draw do
  resources :items, only: %i[show create]
end
