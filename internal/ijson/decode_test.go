// SPDX-License-Identifier: Apache-2.0

package ijson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/ijson"
)

func TestWhatOthersWouldReadOtherwiseIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"name twice": `{"a":1,"\u0061":2}`, "half a pair": `"\ud83d"`, "two halves": `"\ude00\ud83d"`, "no UTF-8": "\"\xff\"",
		"byte order mark": "\ufeff1", "huge exponent": "1e401", "many digits": strings.Repeat("1", 500), "comma": "[1,]",
		"two values": "1 2", "control character": "\"\n\"", "zeroes": "01", "point": "1.", "no digit": "-", "hex": `"\u00g0"`,
		"escape": `"\x41"`, "word": "nul", "depth": strings.Repeat("[", 101) + strings.Repeat("]", 101), "NaN": "NaN", "nothing": " ",
		"values": "[" + strings.Repeat("0,", 1_000_000) + "0]", "open": `{"a"`, "no name": `{1:2}`, "no colon": `{"a" 1}`,
	} {
		if value, _, err := ijson.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %.40q is read as %v", name, text, value)
		}
	}
}

// FuzzDecode wants that what we read is what the standard library reads.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0,1.5e3,true,null,"\u00e9\ud83d\ude00\n"]}`, `{"a":1,"a":2}`, `[1,]`, `01`, `"\ud800"`, ` "a" `, `-`, `1e5`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, _, err := ijson.Decode(data)
		if err != nil {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		var theirs any
		if err := decoder.Decode(&theirs); err != nil {
			t.Fatalf("%q is read, and the standard library says %v", data, err)
		}
		one, _ := json.Marshal(ours)
		other, _ := json.Marshal(theirs)
		if !bytes.Equal(one, other) {
			t.Errorf("%q is %s, and for the standard library %s", data, one, other)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`{"name":"ann","count":2,"items":[{"price":1.5}],"kind":"a"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ijson.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
