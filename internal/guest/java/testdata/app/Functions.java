package app;

import com.google.cloud.functions.BackgroundFunction;
import com.google.cloud.functions.CloudEventsFunction;
import com.google.cloud.functions.Context;
import com.google.cloud.functions.HttpFunction;
import com.google.cloud.functions.HttpRequest;
import com.google.cloud.functions.HttpResponse;
import com.google.cloud.functions.RawBackgroundFunction;
import com.google.cloud.functions.TypedFunction;
import io.cloudevents.CloudEvent;
import java.io.BufferedWriter;
import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import java.util.TreeSet;

/** Functions of functions-framework, one of each kind. */
public class Functions {
  /** Tells what it got. */
  public static class Http implements HttpFunction {
    @Override
    public void service(HttpRequest request, HttpResponse response) throws Exception {
      if (request.getPath().equals("/crash")) {
        throw new IllegalStateException("crashed");
      }
      if (request.getPath().equals("/late")) {
        response.getOutputStream().write("part".getBytes());
        response.getOutputStream().flush();
        throw new IllegalStateException("late");
      }
      response.setStatusCode(201, "Made");
      response.appendHeader("X-A", "1");
      response.appendHeader("X-A", "2");
      response.setContentType("text/plain; charset=ISO-8859-1");
      BufferedWriter writer = response.getWriter();
      writer.write(request.getMethod() + " " + request.getUri() + "\n" + request.getPath() + " "
          + request.getQuery().orElse("none") + " " + request.getQueryParameters() + "\n"
          + request.getContentType().orElse("none") + " "
          + request.getCharacterEncoding().orElse("none") + " " + request.getContentLength() + "\n"
          + request.getFirstHeader("x-b").orElse("none") + " " + request.getHeaders().get("X-C")
          + "\n");
      if (request.getContentType().orElse("").startsWith("multipart/")) {
        for (var part : new TreeMap<>(request.getParts()).entrySet()) {
          writer.write(part.getKey() + "=" + part.getValue().getFileName().orElse("none") + ":"
              + new String(part.getValue().getInputStream().readAllBytes(), StandardCharsets.UTF_8)
              + "\n");
        }
      } else {
        writer.write(request.getReader().readLine() + "\n");
      }
    }
  }

  /** What Typed takes and gives. */
  public static class Name {
    private String name;
    private int times;

    public Name() {}

    Name(String name, int times) {
      this.name = name;
      this.times = times;
    }
  }

  /** Counts. */
  public static class Typed implements TypedFunction<Name, Name> {
    @Override
    public Name apply(Name given) {
      return given.name == null ? null : new Name("hello " + given.name, given.times + 1);
    }

    // What the interface has by default.
    @Override
    public WireFormat getWireFormat() {
      return null;
    }
  }

  /** Prints the event. */
  public static class Cloud implements CloudEventsFunction {
    @Override
    public void accept(CloudEvent event) {
      System.out.println(event.getSpecVersion() + " " + event.getId() + " " + event.getType() + " "
          + event.getSource() + " " + event.getSubject() + " " + event.getDataContentType() + " "
          + event.getTime());
      System.out.println(new TreeSet<>(event.getAttributeNames()) + " "
          + new TreeSet<>(event.getExtensionNames()) + " " + event.getExtension("ext"));
      System.out.println(event.getData() == null ? "no data"
          : new String(event.getData().toBytes(), StandardCharsets.UTF_8));
      if (event.getType().equals("crash")) {
        throw new IllegalStateException("crashed");
      }
    }
  }

  /** Prints the event of before. */
  public static class Raw implements RawBackgroundFunction {
    @Override
    public void accept(String json, Context context) {
      System.out.println(context.eventId() + " " + context.eventType() + " " + context.timestamp()
          + " " + context.resource());
      System.out.println(json);
    }
  }

  /** A message. */
  public static class Message {
    String data;
  }

  /** Prints the data. */
  public static class Background implements BackgroundFunction<Message> {
    @Override
    public void accept(Message message, Context context) {
      System.out.println(message.data + " " + context.eventType());
    }
  }
}
