// SPDX-License-Identifier: Apache-2.0

package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import java.util.Map;

public class Orders implements RequestHandler<APIGatewayV2HTTPEvent, APIGatewayV2HTTPResponse> {
    @Override
    public APIGatewayV2HTTPResponse handleRequest(APIGatewayV2HTTPEvent event, Context context) {
        String method = event.getRequestContext().getHttp().getMethod();
        Map<String, String> query = event.getQueryStringParameters();
        String who = query == null ? "nobody" : query.getOrDefault("who", "nobody");
        return APIGatewayV2HTTPResponse.builder()
            .withStatusCode(method.equals("POST") ? 201 : 200)
            .withHeaders(Map.of("content-type", "application/json"))
            .withBody("{\"order\":\"" + event.getRawPath() + "\",\"for\":\"" + who + "\"}")
            .build();
    }
}
