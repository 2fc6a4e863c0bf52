package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPResponse;
import com.amazonaws.services.lambda.runtime.events.S3Event;
import com.amazonaws.services.lambda.runtime.events.SQSBatchResponse;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Handlers of AWS's own event types. */
public class Events implements RequestHandler<SQSEvent, SQSBatchResponse> {
  @Override
  public SQSBatchResponse handleRequest(SQSEvent event, Context context) {
    List<SQSBatchResponse.BatchItemFailure> failed = new ArrayList<>();
    for (SQSEvent.SQSMessage message : event.getRecords()) {
      failed.add(new SQSBatchResponse.BatchItemFailure(message.getMessageId() + message.getBody()
          + message.getMessageAttributes().get("k").getStringValue()));
    }
    return new SQSBatchResponse(failed);
  }

  public S3Event uploaded(S3Event event) {
    return event;
  }

  public APIGatewayV2HTTPResponse http(APIGatewayV2HTTPEvent event, Context context) {
    return APIGatewayV2HTTPResponse.builder().withStatusCode(200)
        .withHeaders(Map.of("x", event.getRequestContext().getHttp().getMethod()))
        .withBody(event.getRawPath() + event.getQueryStringParameters()).build();
  }
}
