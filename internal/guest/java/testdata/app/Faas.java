package app;

import com.openfaas.model.IHandler;
import com.openfaas.model.IRequest;
import com.openfaas.model.IResponse;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** A handler of OpenFaaS. */
public class Faas implements IHandler {
  @Override
  public IResponse Handle(IRequest request) {
    Answer answer = new Answer();
    answer.setHeader("X-Path", request.getPathRaw());
    answer.setBody(request.getBody() + " " + request.getQueryRaw() + " "
        + new TreeMap<>(request.getQuery()) + " " + new TreeMap<>(request.getPath()) + " "
        + request.getHeader("X-b"));
    return answer;
  }

  /** What the template's model has as Response. */
  public static class Answer implements IResponse {
    private final Map<String, String> headers = new HashMap<>();
    private String body = "";

    @Override
    public String getBody() {
      return body;
    }

    @Override
    public byte[] getBodyBytes() {
      return body.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public Map<String, String> getHeaders() {
      return headers;
    }

    @Override
    public String getHeader(String name) {
      return headers.get(name);
    }

    @Override
    public void setHeader(String name, String value) {
      headers.put(name, value);
    }

    @Override
    public void setBody(String body) {
      this.body = body;
    }

    @Override
    public String getContentType() {
      return "text/x-test";
    }

    @Override
    public void setContentType(String type) {}

    @Override
    public int getStatusCode() {
      return 202;
    }
  }
}
