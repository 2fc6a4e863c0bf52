package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.List;

/** A handler whose types come from a parent with parameters of its own. */
public class Generic extends Half<Order.Item> {
  @Override
  public Order.Item handleRequest(List<Order.Item> event, Context context) {
    return event.get(event.size() - 1);
  }
}

/** Knows half of the types. */
abstract class Half<T> implements RequestHandler<List<T>, T> {}
