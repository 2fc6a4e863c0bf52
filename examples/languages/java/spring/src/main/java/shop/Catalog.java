// SPDX-License-Identifier: Apache-2.0

package shop;

import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Catalog {
    public static void main(String[] args) {
        SpringApplication.run(Catalog.class, args);
    }

    @GetMapping("/")
    String root() {
        return "hello from spring\n";
    }

    @GetMapping("/items/{id}")
    Map<String, Object> item(@PathVariable int id) {
        return Map.of("id", id);
    }

    @PostMapping("/items")
    String add(@RequestBody String body) {
        return "added " + body;
    }
}
