package app;

/** Classes that do not load. */
public class Broken {
  /** Its static part fails. */
  public static class Statics {
    static final int VALUE = Integer.parseInt("x");

    public String handle(String event) {
      return "";
    }
  }

  /** Its constructor fails. */
  public static class Made {
    public Made() {
      throw new IllegalStateException("not today");
    }

    public String handle(String event) {
      return "";
    }
  }

  /** Has no constructor for us. */
  public static class Hidden {
    Hidden(int any) {}

    public String handle(String event) {
      return "";
    }
  }

  /** Cannot be made alone. */
  public class Inner {
    public String handle(String event) {
      return "";
    }
  }
}
