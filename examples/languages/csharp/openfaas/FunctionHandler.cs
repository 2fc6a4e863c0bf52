// SPDX-License-Identifier: Apache-2.0

using System;

namespace Function
{
    public class FunctionHandler
    {
        public string Handle(string input)
        {
            return $"Hi there - your input was: {input}\n";
        }
    }
}
