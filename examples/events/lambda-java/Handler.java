// SPDX-License-Identifier: Apache-2.0

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

public class Handler implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    @Override
    @SuppressWarnings("unchecked")
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        System.out.println("got " + event);
        List<Map<String, String>> failures = new ArrayList<>();
        for (Map<String, Object> record : (List<Map<String, Object>>) event.getOrDefault("Records", List.of())) {
            if (String.valueOf(record.get("body")).contains("bad")) {
                failures.add(Map.of("itemIdentifier", (String) record.get("messageId")));
            }
        }
        return Map.of("batchItemFailures", failures);
    }
}
