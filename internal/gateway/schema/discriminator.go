// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// discriminator is OpenAPI's keyword of that name: a property that tells which of several
// schemas is meant, so that a mistake is told of that one alone.
type discriminator struct {
	property string
	mapping  map[string]string // addresses of schemas by value
}

// Validate implements jsonschema.SchemaExt. Requests are checked by nodes.
func (*discriminator) Validate(*jsonschema.ValidatorContext, any) {}

func discriminators() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{URL: namePrefix + "discriminator", Compile: readDiscriminator}
}

func readDiscriminator(_ *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
	said, _ := object["discriminator"].(map[string]any)
	property, _ := said["propertyName"].(string)
	if property == "" {
		return nil, nil
	}
	d := &discriminator{property: property, mapping: map[string]string{}}
	mapping, _ := said["mapping"].(map[string]any)
	for value, address := range mapping {
		d.mapping[value], _ = address.(string)
	}
	return d, nil
}
