# SPDX-License-Identifier: Apache-2.0

class ItemsController < ActionController::API
  def show
    render json: { id: params[:id], environment: Rails.env }
  end

  def create
    item = params.require(:item).permit(:name)
    render json: item, status: :created
  end
end
