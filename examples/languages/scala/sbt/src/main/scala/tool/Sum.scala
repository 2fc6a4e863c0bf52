// SPDX-License-Identifier: Apache-2.0

package tool

import com.google.gson.Gson
import java.io.InputStreamReader

object Sum {
  def main(args: Array[String]): Unit = {
    val numbers = new Gson().fromJson(new InputStreamReader(System.in), classOf[Array[Int]])
    println(s"""{"sum":${numbers.sum}}""")
  }
}
