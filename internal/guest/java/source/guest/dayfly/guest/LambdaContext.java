// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;

/** What a handler of Lambda events is told of the call and of itself. */
final class LambdaContext implements Context {
  private static final LambdaLogger LOGGER = new Logger();

  private final Revision revision;
  private final String id;
  private final long deadline;
  private final String trace;

  LambdaContext(Revision revision, Call call) {
    this.revision = revision;
    this.id = call.text("id");
    this.deadline = call.number("deadline_ms");
    this.trace = Lambda.xray(call.text("trace"));
  }

  /** Gives LambdaRuntime.getLogger, which code may use without a context, our logger. */
  static void install() {
    try {
      Field logger = Class.forName("com.amazonaws.services.lambda.runtime.LambdaRuntime")
          .getDeclaredField("logger");
      logger.setAccessible(true);
      logger.set(null, LOGGER);
    } catch (ReflectiveOperationException | LinkageError e) {
      return; // a version without: its logger prints, which comes to the same
    }
  }

  private String env(String name) {
    return revision.env.get(name);
  }

  @Override
  public String getAwsRequestId() {
    return id;
  }

  @Override
  public String getLogGroupName() {
    return env("AWS_LAMBDA_LOG_GROUP_NAME");
  }

  @Override
  public String getLogStreamName() {
    return env("AWS_LAMBDA_LOG_STREAM_NAME");
  }

  @Override
  public String getFunctionName() {
    return env("AWS_LAMBDA_FUNCTION_NAME");
  }

  @Override
  public String getFunctionVersion() {
    return env("AWS_LAMBDA_FUNCTION_VERSION");
  }

  @Override
  public String getInvokedFunctionArn() {
    return "arn:aws:lambda:" + revision.env.getOrDefault("AWS_REGION", "us-east-1")
        + ":000000000000:function:" + revision.function;
  }

  @Override
  public CognitoIdentity getIdentity() {
    return null;
  }

  @Override
  public ClientContext getClientContext() {
    return null;
  }

  @Override
  public int getRemainingTimeInMillis() {
    return (int) Math.max(0, Math.min(Integer.MAX_VALUE, deadline - System.currentTimeMillis()));
  }

  @Override
  public int getMemoryLimitInMB() {
    return (int) (revision.memoryBytes >> 20);
  }

  @Override
  public LambdaLogger getLogger() {
    return LOGGER;
  }

  // Newer interfaces have the following; older ones do not ask for them.

  public String getTenantId() {
    return null;
  }

  public String getXrayTraceId() {
    return trace;
  }

  /** Each message is a line of its own. */
  private static final class Logger implements LambdaLogger {
    @Override
    public void log(String message) {
      log(String.valueOf(message).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void log(byte[] message) {
      Logs.message(message == null ? "null".getBytes(StandardCharsets.UTF_8) : message);
    }

    public void log(String message, LogLevel level) {
      log(level == LogLevel.UNDEFINED ? message : "[" + level + "] " + message);
    }

    public void log(byte[] message, LogLevel level) {
      log(message);
    }
  }
}
