// SPDX-License-Identifier: Apache-2.0

package fastcgi

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// output makes what a program sends: records of ours, and END_REQUEST with a status.
func output(parts ...string) []byte {
	var b []byte
	for _, part := range parts {
		b = appendRecord(b, typeStdout, []byte(part))
	}
	return appendRecord(b, typeEnd, make([]byte, 8))
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent []byte
		want string // status, header A, body; or the error
	}{
		"plain":          {output("A: b\r\n\r\nbody"), "200 b body"},
		"line feeds":     {output("A: b\n\nbody"), "200 b body"},
		"a status":       {output("Status: 404 Not Found\r\nA: b\r\n\r\nno"), "404 b no"},
		"a redirect":     {output("Location: /x\r\n\r\n"), "302  "},
		"cut anywhere":   {output("St", "atus: 2", "01\r", "\nA: b\r\n\r", "\n", "bo", "dy"), "201 b body"},
		"no body":        {output("A: b\r\n\r\n"), "200 b "},
		"padding":        {append([]byte{1, 6, 0, 1, 0, 8, 3, 0}, append([]byte("A: b\r\n\r\n123"), output("x")...)...), "200 b x"},
		"another's":      {append([]byte{1, 6, 0, 2, 0, 1, 0, 0, 'z'}, output("A: b\r\n\r\nx")...), "200 b x"},
		"bad status":     {output("Status: 99\r\n\r\n"), `the answer has status "99", want 200 to 599`},
		"no header":      {output("body"), "read answer's header: "},
		"nothing":        {output(), "read answer's header: EOF"},
		"cut off":        {appendRecord(nil, typeStdout, []byte("A: b\r\n\r\nbo")), "200 b bo: unexpected EOF"},
		"refused":        {appendRecord(nil, typeEnd, []byte{0, 0, 0, 0, 2, 0, 0, 0}), "read answer's header: the program refused"},
		"no FastCGI":     {[]byte("HTTP/1.1 200 OK\r\n\r\n"), "read answer's header: the program sent what is no"},
		"endless header": {output(strings.Repeat("A: "+strings.Repeat("b", 1000)+"\r\n", 60), strings.Repeat("A: "+strings.Repeat("b", 60_000)+"\r\n", 1), strings.Repeat("x", 65_000), strings.Repeat("x", 65_000), strings.Repeat("x", 65_000)), "the answer's header is longer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := answerOf(c.sent, io.Discard); !strings.HasPrefix(got, c.want) || strings.HasPrefix(c.want, "2") && got != c.want {
				t.Errorf("answer = %q, want %q", got, c.want)
			}
		})
	}
}

// answerOf reads what a program sent.
func answerOf(sent []byte, stderr io.Writer) string {
	out := &stdout{r: bytes.NewReader(sent), stderr: stderr, buffer: make([]byte, recordBuffer)}
	a, err := readAnswer(bufio.NewReader(out))
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(a.body)
	text := strings.Join([]string{statusText(a.status), a.header.Get("A"), string(body)}, " ")
	if err != nil {
		text += ": " + err.Error()
	}
	return text
}

func statusText(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(output("Status: 201\r\nA: b\r\n\r\nbody"))
	f.Add([]byte{1, 6, 0, 1, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		text := answerOf(sent, io.Discard)
		if len(text) > len(sent)+200 {
			t.Errorf("%d bytes became %d", len(sent), len(text))
		}
	})
}

func TestExchangeSendsTheRequest(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	params := appendPair(appendPair(nil, "A", "1"), "LONG", strings.Repeat("v", 200))
	got := make(chan map[byte]string, 1)
	go func() {
		// net/http/fcgi reads lengths and records by itself; here they are looked at.
		seen, buffer := map[byte]string{}, make([]byte, recordBuffer)
		for {
			rec, err := readRecord(far, buffer)
			if err != nil {
				break
			}
			seen[rec.kind] += string(rec.content)
			if rec.kind == typeStdin && len(rec.content) == 0 {
				break
			}
		}
		_, _ = far.Write(appendRecord(nil, typeStderr, []byte("careful")))
		_, _ = far.Write(output("A: b\r\n\r\nok"))
		got <- seen
	}()
	var stderr bytes.Buffer
	a, err := exchange(near, params, strings.NewReader(strings.Repeat("x", 100_000)), &stderr)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(a.body)
	if err != nil || string(body) != "ok" || stderr.String() != "careful" {
		t.Errorf("answer = %q, %v; stderr %q", body, err, stderr.String())
	}
	seen := <-got
	if seen[typeBegin] != "\x00\x01\x00\x00\x00\x00\x00\x00" {
		t.Errorf("begin = %q", seen[typeBegin])
	}
	want := "\x01\x01A1\x04\x80\x00\x00\xc8LONG" + strings.Repeat("v", 200)
	if diff := cmp.Diff(want, seen[typeParams]); diff != "" {
		t.Errorf("params (-want +got):\n%s", diff)
	}
	if len(seen[typeStdin]) != 100_000 {
		t.Errorf("the body has %d bytes", len(seen[typeStdin]))
	}
}

func TestABodyThatBreaksOffIsNoWholeOne(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer far.Close()
	go sendBody(near, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	sent, err := io.ReadAll(far)
	if want := appendRecord(nil, typeStdin, []byte("half")); err != nil || !bytes.Equal(sent, want) {
		t.Errorf("the program got %q, %v, want %q and the connection's end", sent, err, want)
	}
}
