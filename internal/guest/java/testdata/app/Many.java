package app;

import com.amazonaws.services.lambda.runtime.Context;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Methods of every shape that a handler may have. */
public class Many {
  public String text(String event) {
    return "<" + event + ">";
  }

  public int number(int event) {
    return event + 1;
  }

  public Integer boxed(Integer event) {
    return event;
  }

  public long wide(long event) {
    return event * 2;
  }

  public double real(double event) {
    return event / 2;
  }

  public boolean yes(boolean event) {
    return !event;
  }

  public Object any(Object event) {
    return event;
  }

  public String typeOf(Object event) {
    return event == null ? "null" : event.getClass().getName();
  }

  public Map<String, Integer> lengths(List<String> event) {
    Map<String, Integer> lengths = new LinkedHashMap<>();
    event.forEach(word -> lengths.put(word, word.length()));
    return lengths;
  }

  public List<Map<String, Object>> wrap(Map<String, Object> event) {
    return List.of(event, event);
  }

  public Order order(Order order, Context context) {
    order.setCount(order.getCount() + 1);
    return order;
  }

  public Order.State state(Order.State state) {
    return state;
  }

  public void nothing(Object event) {}

  public String none() {
    return "none";
  }

  public static String fixed(Map<String, String> event) {
    return event.toString();
  }

  public Map<String, Object> values(String event) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("null", null);
    values.put("text", "a\"b\\c\n\u0001\u001f\u2028é☃😀/");
    values.put("long", 9007199254740993L);
    values.put("double", 0.1 + 0.2);
    values.put("float", 1.5f);
    values.put("nan", Double.NaN);
    values.put("exp", 1e300);
    values.put("big", new BigInteger("123456789012345678901234567890"));
    values.put("decimal", new BigDecimal("1.10"));
    values.put("array", new String[] {"a", null});
    values.put("list", new ArrayList<>(Arrays.asList(1, null, "x")));
    values.put("enum", Order.State.PAID);
    values.put("char", 'c');
    return values;
  }

  public Map<String, Object> bytes(String event) {
    return Map.of("bytes", event.getBytes(StandardCharsets.UTF_8));
  }

  public void stream(InputStream in, OutputStream out, Context context) throws IOException {
    out.write(context.getFunctionName().getBytes(StandardCharsets.UTF_8));
    in.transferTo(out);
  }

  public void copy(InputStream in, OutputStream out) throws IOException {
    in.transferTo(out);
  }

  // Of two with one name, the longer parameter list counts.
  public String over(String event) {
    return "short";
  }

  public String over(String event, Context context) {
    return "long";
  }

  public String unfit(String a, String b, String c) {
    return "unfit";
  }
}
