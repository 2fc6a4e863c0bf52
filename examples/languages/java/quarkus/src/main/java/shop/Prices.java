// SPDX-License-Identifier: Apache-2.0

package shop;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;

@Path("/prices")
public class Prices {
    @GET
    @Path("{id}")
    public String price(@PathParam("id") String id) {
        return "price of " + id + "\n";
    }

    @POST
    public String add(String body) {
        return "added " + body;
    }
}
