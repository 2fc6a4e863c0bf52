// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"io"
	"math"
	"net/http"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// pipe is a stream whose guest switched protocols: bytes both ways, within the windows,
// for as long as both want. One goroutine may read while another writes.
type pipe struct{ *stream }

// switched looks at a response head that says so. Callers hold mu.
func (s *stream) switched() {
	if s.answer.Status != http.StatusSwitchingProtocols {
		return
	}
	if s.upgrade == "" {
		s.answer.Status = http.StatusBadGateway
		s.failure = badResponse("the function switched protocols on a call that was not to be upgraded")
		return
	}
	s.bytesMax = math.MaxInt64
}

// piped gives the answer of a stream that is a pipe from now on.
func (s *stream) piped() *dayfly.Result {
	header := s.answer.Header
	header["Connection"], header["Upgrade"] = []string{"Upgrade"}, []string{s.upgrade}
	if !s.fed && !s.conn.shared.Load() {
		s.fed = true // whoever writes must hear of windows while nobody reads
		go s.feed()
	}
	return &dayfly.Result{Status: http.StatusSwitchingProtocols, Header: header, Body: &pipe{s}}
}

// Write implements io.Writer. It waits for the guest's window.
func (p *pipe) Write(data []byte) (int, error) {
	written := 0
	for written < len(data) {
		room := p.room()
		if room == 0 {
			return written, io.ErrClosedPipe
		}
		n := min(room, frame.BodyMax, len(data)-written)
		p.spend(n)
		if err := p.conn.write(frame.Append(nil, frame.Body, p.id, data[written:written+n])); err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}
