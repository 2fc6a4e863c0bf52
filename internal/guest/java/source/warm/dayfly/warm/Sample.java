// SPDX-License-Identifier: Apache-2.0

package dayfly.warm;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** A function like many, from a folder as bundles are: stems train with it. */
public class Sample {
  private static volatile Runnable hook; // set by reflection, as AWS's logger is

  /** Whether the hook was set. */
  public boolean hooked() {
    return hook != null;
  }

  /** Answers, or fails when it is told to. */
  public Map<String, Object> handle(Map<String, Object> event) {
    if (event.get("fail") != null) {
      throw new IllegalStateException("warm");
    }
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("statusCode", 200);
    answer.put("headers", Map.of("content-type", "text/plain"));
    answer.put("body", "hello " + event.get("name"));
    answer.put("list", new Jarred().list());
    return answer;
  }

  /** Uses what much code uses. */
  public void use() throws IOException {
    List<String> words = new ArrayList<>(List.of("a-b", "c"));
    words.sort(String::compareTo);
    String text = words.stream().map(word -> word + "!").filter(word -> word.length() > 1)
        .collect(Collectors.joining(","));
    text = String.format("%s %d %.2f", text, 3, 1.5) + Instant.now();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (BufferedWriter writer = new BufferedWriter(new OutputStreamWriter(bytes, UTF_8))) {
      writer.write(text);
    }
    try (BufferedReader reader = new BufferedReader(
        new InputStreamReader(new ByteArrayInputStream(bytes.toByteArray()), UTF_8))) {
      text = Optional.ofNullable(reader.readLine()).orElse("");
    }
    if (text.replaceAll("[a-c]+", "").matches("x.*") || System.getenv("NONE") != null) {
      System.out.print("");
    }
  }
}
