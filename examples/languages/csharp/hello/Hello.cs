// SPDX-License-Identifier: Apache-2.0

using System;

class Hello
{
    static void Main()
    {
        var name = Console.In.ReadToEnd().Trim();
        Console.WriteLine("hello " + (name == "" ? "from C#" : name));
    }
}
