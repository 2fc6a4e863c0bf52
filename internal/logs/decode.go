// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
)

// errCorrupt is that a batch is not what an encoder writes.
var errCorrupt = errors.New("batch is corrupt")

// batch is what one message of the stream holds.
type batch struct {
	lines   []dayfly.LogLine
	records []*dayfly.Record
	events  []*dayfly.EventInfo
}

// decoder unpacks batches. It may be used by any number of goroutines.
type decoder struct {
	zip *zstd.Decoder
}

func newDecoder() (*decoder, error) {
	zip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxMemory(batchBytesMax), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("make log decoder: %w", err)
	}
	return &decoder{zip}, nil
}

func (d *decoder) close() { d.zip.Close() }

func (d *decoder) batch(data []byte) (batch, error) {
	raw, err := d.zip.DecodeAll(data, nil)
	if err != nil {
		return batch{}, fmt.Errorf("unpack batch: %w", err)
	}
	r := &reader{rest: raw, symbols: []string{""}}
	var b batch
	for len(r.rest) > 0 && r.err == nil {
		switch r.byte() {
		case entryLine:
			b.lines = append(b.lines, r.line())
		case entryRecord:
			b.records = append(b.records, r.record())
		case entryEvent:
			b.events = append(b.events, r.event())
		case entryCause:
			r.cause(b.records)
		default:
			r.fail()
		}
	}
	if r.err != nil {
		return batch{}, r.err
	}
	return b, nil
}

// reader reads what an encoder wrote. After an error it gives zero values.
type reader struct {
	rest    []byte
	symbols []string
	clock   int64
	err     error
}

func (r *reader) line() dayfly.LogLine {
	return dayfly.LogLine{
		Time:       r.time(),
		Function:   r.function(),
		Revision:   dayfly.RevisionID(r.symbol()),
		Instance:   dayfly.InstanceID(r.symbol()),
		Invocation: dayfly.InvocationID(r.symbol()),
		Stream:     dayfly.LogStream(r.symbol()),
		Text:       r.text(),
	}
}

func (r *reader) record() *dayfly.Record {
	return &dayfly.Record{
		Start:            r.time(),
		ID:               dayfly.InvocationID(r.text()),
		Function:         r.function(),
		Revision:         dayfly.RevisionID(r.symbol()),
		Instance:         dayfly.InstanceID(r.symbol()),
		Node:             dayfly.NodeID(r.symbol()),
		Source:           dayfly.Source(r.symbol()),
		Method:           r.symbol(),
		Cold:             dayfly.ColdStart(r.symbol()),
		Why:              r.symbol(),
		Fault:            dayfly.Fault(r.symbol()),
		Kind:             dayfly.Kind(r.symbol()),
		Path:             r.text(),
		Error:            r.text(),
		Status:           int(r.number()),
		Duration:         time.Duration(r.number()),
		QueueDepth:       int(r.number()),
		CallsServed:      r.number(),
		BilledMillis:     r.number(),
		MemoryPeakBytes:  r.number(),
		MemoryLimitBytes: r.number(),
		RequestBytes:     r.number(),
		ResponseBytes:    r.number(),
		Phases:           r.phases(),
		Failure:          r.failure(),
	}
}

func (r *reader) function() dayfly.FunctionRef {
	return dayfly.FunctionRef{
		Project: dayfly.ProjectName(r.symbol()), Name: dayfly.FunctionName(r.symbol()),
	}
}

func (r *reader) phases() []dayfly.Timed {
	count := r.unsigned()
	if count > uint64(len(r.rest)) { // each takes two bytes at least
		r.fail()
		return nil
	}
	var phases []dayfly.Timed
	for ; count > 0 && r.err == nil; count-- {
		phases = append(phases, dayfly.Timed{
			Name: r.symbol(), Duration: time.Duration(r.number()),
		})
	}
	return phases
}

func (r *reader) failure() *dayfly.Failure {
	text := r.text()
	if text == "" {
		return nil
	}
	f := new(dayfly.Failure)
	if err := json.Unmarshal([]byte(text), f); err != nil {
		r.fail()
		return nil
	}
	return f
}

func (r *reader) time() time.Time {
	r.clock += r.number()
	if r.clock == 0 {
		return time.Time{}
	}
	return time.Unix(0, r.clock).UTC()
}

func (r *reader) symbol() string {
	n := r.unsigned()
	if n > 0 {
		if n > uint64(len(r.symbols)) {
			r.fail()
			return ""
		}
		return r.symbols[n-1]
	}
	s := r.text()
	r.symbols = append(r.symbols, s)
	return s
}

func (r *reader) text() string {
	n := r.unsigned()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() int64 {
	v, n := binary.Varint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.fail()
		return
	}
	r.rest = r.rest[n:]
}

func (r *reader) fail() {
	r.err = errCorrupt
	r.rest = nil
}
