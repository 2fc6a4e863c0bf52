// SPDX-License-Identifier: Apache-2.0

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

public class Hello implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        context.getLogger().log("path " + event.get("rawPath"));
        return Map.of("statusCode", 200, "headers", Map.of("content-type", "text/plain"),
            "body", "hello from java " + event.get("rawPath") + "\n");
    }
}
