// SPDX-License-Identifier: Apache-2.0

import com.google.gson.JsonObject;

public class Hello {
    public static JsonObject main(JsonObject args) {
        String name = args.has("name") ? args.getAsJsonPrimitive("name").getAsString() : "stranger";
        JsonObject response = new JsonObject();
        response.addProperty("body", "Hello " + name + "!");
        return response;
    }
}
