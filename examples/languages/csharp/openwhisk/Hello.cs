// SPDX-License-Identifier: Apache-2.0

using System.Collections.Generic;

public class Hello
{
    public Dictionary<string, object> Main(Dictionary<string, object> args)
    {
        object name;
        args.TryGetValue("name", out name);
        if (Equals(name, "nobody"))
        {
            return new Dictionary<string, object> { { "error", "nobody is there" } };
        }
        return new Dictionary<string, object> { { "body", "Hello " + (name ?? "stranger") + "!" } };
    }
}
