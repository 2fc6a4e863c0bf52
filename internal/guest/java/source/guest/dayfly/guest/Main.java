// SPDX-License-Identifier: Apache-2.0

package dayfly.guest;

import java.nio.charset.StandardCharsets;

/** Where the virtual machine starts: as a stem, or to train the archive of classes. */
public final class Main {
  private Main() {}

  /** Speaks frames on descriptor 3; with the word train, only warms up and ends. */
  public static void main(String[] args) throws Exception {
    if (args.length == 1 && args[0].equals("train")) {
      Warm.up(new Guest(null, null));
      return;
    }
    Wire wire = Wire.open(3);
    Logs.install(wire);
    String hello = "{\"protocol\":1,\"language\":\"java\",\"version\":"
        + Json.write(System.getProperty("java.version")) + "}";
    wire.send(Wire.HELLO, 0, hello.getBytes(StandardCharsets.UTF_8));
    new Guest(wire, Workers.one()).run();
  }
}
