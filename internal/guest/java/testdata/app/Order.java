package app;

import java.util.List;

/** A class with getters and setters. */
public class Order {
  /** What an order may be. */
  public enum State {
    OPEN,
    PAID
  }

  private String id;
  private int count;
  private double price;
  private boolean urgent;
  private State state;
  private List<Item> items;
  public String note;

  /** A part, with public fields. */
  public static class Item {
    public String name;
    public Integer size;
  }

  public String getId() {
    return id;
  }

  public void setId(String id) {
    this.id = id;
  }

  public int getCount() {
    return count;
  }

  public void setCount(int count) {
    this.count = count;
  }

  public double getPrice() {
    return price;
  }

  public void setPrice(double price) {
    this.price = price;
  }

  public boolean isUrgent() {
    return urgent;
  }

  public void setUrgent(boolean urgent) {
    this.urgent = urgent;
  }

  public State getState() {
    return state;
  }

  public void setState(State state) {
    this.state = state;
  }

  public List<Item> getItems() {
    return items;
  }

  public void setItems(List<Item> items) {
    this.items = items;
  }
}
