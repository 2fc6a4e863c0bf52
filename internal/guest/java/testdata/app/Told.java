package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;

/** Tells what it is told. */
public class Told implements RequestHandler<Map<String, Object>, List<Object>> {
  @Override
  public List<Object> handleRequest(Map<String, Object> event, Context context) {
    context.getLogger().log("logged\nin two");
    int left = context.getRemainingTimeInMillis();
    List<Object> told = new ArrayList<>(Arrays.asList(context.getAwsRequestId(),
        context.getLogGroupName(), context.getLogStreamName(), context.getFunctionName(),
        context.getFunctionVersion(), context.getInvokedFunctionArn(),
        context.getMemoryLimitInMB(), context.getIdentity(), context.getClientContext(),
        left > 1000 && left <= 30000));
    told.add(System.getenv("ONLY"));
    told.add(System.getenv().size());
    told.add(TimeZone.getDefault().getID());
    told.add(System.getProperty("com.amazonaws.xray.traceHeader"));
    return told;
  }
}
