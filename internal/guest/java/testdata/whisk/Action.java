import com.google.gson.JsonObject;

/** An action as OpenWhisk's documentation has it. */
public class Action {
  public static JsonObject main(JsonObject args) {
    String name = args.has("name") ? args.getAsJsonPrimitive("name").getAsString() : "stranger";
    if (name.equals("fail")) {
      throw new IllegalStateException("failed");
    }
    JsonObject response = new JsonObject();
    response.addProperty("greeting", "hello " + name);
    return name.equals("nothing") ? null : response;
  }
}
