// SPDX-License-Identifier: Apache-2.0

package functions;

import com.google.cloud.functions.CloudEventsFunction;
import io.cloudevents.CloudEvent;
import java.nio.charset.StandardCharsets;

public class Receive implements CloudEventsFunction {
    @Override
    public void accept(CloudEvent event) {
        if (event.getType().equals("com.example.broken")) {
            throw new IllegalArgumentException("broken event " + event.getId());
        }
        String data = event.getData() == null
            ? "nothing" : new String(event.getData().toBytes(), StandardCharsets.UTF_8);
        System.out.println(event.getType() + " from " + event.getSource() + ": " + data);
    }
}
