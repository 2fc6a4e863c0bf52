// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import com.openfaas.model.IHandler;
import com.openfaas.model.IRequest;
import com.openfaas.model.IResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Handlers of OpenFaaS's templates for Java; the model's classes are the code's own. */
final class OpenFaas implements Guest.Handler {
  private final IHandler handler;

  private OpenFaas(IHandler handler) {
    this.handler = handler;
  }

  static Guest.Handler load(Class<?> type) {
    Object made = Load.make(type);
    if (!(made instanceof IHandler)) {
      throw new Failure.Fault(LambdaFault.BAD_CODE,
          "Class does not implement com.openfaas.model.IHandler: " + type.getName());
    }
    return new OpenFaas((IHandler) made);
  }

  @Override
  public String dialect() {
    return "openfaas";
  }

  @Override
  public void serve(Call call) throws Throwable {
    IResponse response = handler.Handle(new Request(call));
    if (response == null) {
      throw new Call.BadResponse("the handler returned null instead of an IResponse");
    }
    List<String[]> headers = new ArrayList<>();
    String type = response.getContentType();
    if (type != null && !type.isEmpty()) {
      headers.add(new String[] {"content-type", type});
    }
    if (response.getHeaders() != null) {
      for (Map.Entry<String, String> header : response.getHeaders().entrySet()) {
        headers.add(new String[] {header.getKey(), header.getValue()});
      }
    }
    call.answer(response.getStatusCode(), headers, body(response));
  }

  private static byte[] body(IResponse response) {
    try {
      byte[] body = response.getBodyBytes();
      return body == null ? new byte[0] : body;
    } catch (AbstractMethodError | NoSuchMethodError e) { // a model of before
      String text = response.getBody();
      return text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
    }
  }

  /** The request as the template's entry point makes it. */
  static final class Request implements IRequest {
    private final byte[] body;
    private final Map<String, String> headers = new HashMap<>();
    private final String query;
    private final String path;

    Request(Call call) throws java.io.IOException {
      body = call.all();
      for (Map.Entry<String, List<String>> header : call.headers().entrySet()) {
        String name = header.getKey();
        String spelled = Character.toUpperCase(name.charAt(0)) + name.substring(1);
        headers.put(spelled, header.getValue().get(0));
      }
      query = call.event() || call.text("query").isEmpty() ? null : call.text("query");
      path = call.event() ? "/" : Query.decode(call.text("path").replace("+", "%2B"));
    }

    @Override
    public String getBody() {
      return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public byte[] getBodyBytes() {
      return body;
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
    public String getQueryRaw() {
      return query;
    }

    @Override
    public Map<String, String> getQuery() {
      Map<String, String> all = new HashMap<>();
      Query.parse(query).forEach((name, values) -> all.put(name, values.get(values.size() - 1)));
      return all;
    }

    @Override
    public String getPathRaw() {
      return path;
    }

    /** The path as names and values by turns: /user/5 is {user: 5}. */
    @Override
    public Map<String, String> getPath() {
      Map<String, String> all = new HashMap<>();
      String[] parts = path.substring(1).split("/");
      for (int i = 0; i < parts.length; i += 2) {
        if (!parts[i].isEmpty()) {
          all.put(parts[i], i + 1 < parts.length ? parts[i + 1] : "");
        }
      }
      return all;
    }
  }
}
