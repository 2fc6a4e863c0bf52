// SPDX-License-Identifier: Apache-2.0

package tool;

import com.google.gson.Gson;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Map;

public class Sum {
    public static void main(String[] args) {
        Gson gson = new Gson();
        int[] numbers = gson.fromJson(new InputStreamReader(System.in), int[].class);
        System.out.println(gson.toJson(Map.of("sum", Arrays.stream(numbers).sum())));
    }
}
