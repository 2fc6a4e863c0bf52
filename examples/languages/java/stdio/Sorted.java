// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedReader;
import java.io.InputStreamReader;

public class Sorted {
    public static void main(String[] args) {
        new BufferedReader(new InputStreamReader(System.in)).lines().sorted().forEach(System.out::println);
    }
}
