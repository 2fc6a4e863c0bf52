// SPDX-License-Identifier: Apache-2.0

package main

// Main is the action.
func Main(args map[string]interface{}) map[string]interface{} {
	name, ok := args["name"].(string)
	if !ok {
		name = "stranger"
	}
	if name == "nobody" {
		return map[string]interface{}{"error": "nobody is there"}
	}
	return map[string]interface{}{"body": "Hello " + name + "!"}
}
