# SPDX-License-Identifier: Apache-2.0
from django.http import HttpResponse, JsonResponse
from django.urls import path, reverse


def index(request):
    return HttpResponse("item 7 is at " + reverse("item", args=[7]))


def item(request, number):
    return JsonResponse({"item": number, "method": request.method})


urlpatterns = [path("", index), path("items/<int:number>/", item, name="item")]
