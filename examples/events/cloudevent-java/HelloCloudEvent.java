// SPDX-License-Identifier: Apache-2.0

package functions;

import com.google.cloud.functions.CloudEventsFunction;
import io.cloudevents.CloudEvent;
import java.nio.charset.StandardCharsets;

public class HelloCloudEvent implements CloudEventsFunction {
    @Override
    public void accept(CloudEvent event) {
        String data = event.getData() == null ? "" : new String(event.getData().toBytes(), StandardCharsets.UTF_8);
        System.out.println("got " + event.getType() + " " + event.getSource() + " " + event.getSubject() + " " + data);
        if (data.contains("bad")) {
            throw new IllegalArgumentException("a bad event");
        }
    }
}
