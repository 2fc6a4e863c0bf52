// SPDX-License-Identifier: Apache-2.0

package functions;

import com.google.cloud.functions.HttpFunction;
import com.google.cloud.functions.HttpRequest;
import com.google.cloud.functions.HttpResponse;

public class Greet implements HttpFunction {
    @Override
    public void service(HttpRequest request, HttpResponse response) throws Exception {
        String name = request.getFirstQueryParameter("name").orElse("world");
        response.setStatusCode(request.getMethod().equals("POST") ? 201 : 200);
        response.setContentType("text/plain");
        response.appendHeader("x-path", request.getPath());
        response.getWriter().write("hello " + name + "\n");
    }
}
