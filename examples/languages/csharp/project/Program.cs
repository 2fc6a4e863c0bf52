// SPDX-License-Identifier: Apache-2.0

using System;

namespace Sum
{
    class Program
    {
        static void Main()
        {
            Console.WriteLine(new Adder().Add(Console.In));
        }
    }
}
