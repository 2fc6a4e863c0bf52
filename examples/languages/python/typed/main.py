# SPDX-License-Identifier: Apache-2.0
import functions_framework


class Rectangle:
    def __init__(self, width, height):
        self.width, self.height = width, height

    @staticmethod
    def from_dict(value):
        return Rectangle(value["width"], value["height"])


class Area:
    def __init__(self, area):
        self.area = area

    def to_dict(self):
        return {"area": self.area}


@functions_framework.typed(Rectangle)
def area(rectangle):
    return Area(rectangle.width * rectangle.height)
