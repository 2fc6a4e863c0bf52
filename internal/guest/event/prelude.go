// SPDX-License-Identifier: Apache-2.0

package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

const (
	// TypeIntegration is the content type of an answer that begins with a prelude.
	TypeIntegration = "application/vnd.awslambda.http-integration-response"
	// preludeMax is how far API Gateway looks for the end of a prelude.
	preludeMax = 16 << 10
)

// preludeEnd are the bytes that end a prelude.
var preludeEnd = make([]byte, 8)

// ReadPrelude reads the JSON prelude of a streamed answer. What it read of the body
// already is the answer's Body; the rest is still in r. An error of r is given as it
// is, any other is Malformed.
func ReadPrelude(r io.Reader) (Answer, error) {
	buf := make([]byte, 0, 2<<10)
	for {
		if at := bytes.Index(buf, preludeEnd); at >= 0 {
			return parsePrelude(buf[:at], buf[at+len(preludeEnd):])
		}
		if len(buf) >= preludeMax {
			return Answer{}, malformed("there are no eight NUL bytes in the first %d bytes", preludeMax)
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == nil || bytes.Contains(buf, preludeEnd) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return Answer{}, malformed("the answer ended within its prelude")
		}
		return Answer{}, err
	}
}

func parsePrelude(prelude, rest []byte) (Answer, error) {
	members := object(bytes.TrimSpace(prelude))
	if members == nil {
		return Answer{}, malformed("the prelude is not a JSON object: %s", show(prelude))
	}
	if raw := members["statusCode"]; raw == nil {
		members["statusCode"] = json.RawMessage("200")
	}
	answer, err := headOf(members)
	answer.Body = rest
	return answer, err
}
