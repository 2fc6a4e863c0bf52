// SPDX-License-Identifier: Apache-2.0

using System.IO;

namespace Sum
{
    class Adder
    {
        public long Add(TextReader lines)
        {
            long sum = 0;
            for (var line = lines.ReadLine(); line != null; line = lines.ReadLine())
            {
                sum += long.Parse(line);
            }
            return sum;
        }
    }
}
