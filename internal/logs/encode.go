// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dayfly-faas/dayfly"
)

const (
	// batchVersion is that of docs/formats/logs.md. Version 1 had no events.
	batchVersion = 2
	// headFields and headFieldsV1 are how many numbers a head has.
	headFields, headFieldsV1 = 10, 7
	// batchBytes is the size at which a batch is closed, before compression. With one
	// more entry it stays below a message of the bus, also when nothing compresses.
	batchBytes = 384 << 10
	// batchBytesMax bounds what a batch may unpack to.
	batchBytesMax = 1 << 20
	// windowBytes is how far back compression looks. Log lines repeat what is near;
	// the encoder's memory grows with it.
	windowBytes = 128 << 10
)

// head is what is known of a batch without reading it.
type head struct {
	lines, records, failed int
	events                 int
	firstLine              uint64 // number of the first line; the others follow it
	idMin, idMax           int64  // when the invocations it speaks of began, Unix ms
	eventMin, eventMax     int64  // the same of the events
}

// String gives the head as the header of a message holds it.
func (h head) String() string {
	b := strconv.AppendInt(nil, batchVersion, 10)
	for _, n := range []int64{
		int64(h.lines), int64(h.records), int64(h.failed), int64(h.firstLine), h.idMin, h.idMax,
		int64(h.events), h.eventMin, h.eventMax,
	} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	return string(b)
}

func parseHead(text string) (head, error) {
	fields := strings.Fields(text)
	if len(fields) != headFields && len(fields) != headFieldsV1 {
		return head{}, fmt.Errorf("parse batch head %q: want %d fields", text, headFields)
	}
	var n [headFields]int64
	for i, field := range fields {
		var err error
		if n[i], err = strconv.ParseInt(field, 10, 64); err != nil {
			return head{}, fmt.Errorf("parse batch head %q: %w", text, err)
		}
	}
	if (n[0] != 1 || len(fields) != headFieldsV1) && (n[0] != 2 || len(fields) != headFields) {
		return head{}, fmt.Errorf("parse batch head %q: version is not 1 or 2", text)
	}
	return head{
		lines: int(n[1]), records: int(n[2]), failed: int(n[3]),
		firstLine: uint64(n[4]), idMin: n[5], idMax: n[6],
		events: int(n[7]), eventMin: n[8], eventMax: n[9],
	}, nil
}

// mayHave reports whether the batch may speak of an invocation that began then.
func (h head) mayHave(began int64) bool { return h.idMin <= began && began <= h.idMax }

func (h *head) saw(id dayfly.InvocationID) {
	began, ok := beganMillis(string(id))
	if !ok {
		return
	}
	if h.idMax == 0 {
		h.idMin, h.idMax = began, began
	}
	h.idMin, h.idMax = min(h.idMin, began), max(h.idMax, began)
}

// beganMillis reads the time out of the identity of an invocation or an event.
func beganMillis(id string) (int64, bool) {
	if len(id) != 36 || id[8] != '-' {
		return 0, false
	}
	var ms int64
	for i := range 13 {
		if i == 8 {
			continue
		}
		digit := strings.IndexByte("0123456789abcdef", id[i])
		if digit < 0 {
			return 0, false
		}
		ms = ms<<4 | int64(digit)
	}
	return ms, true
}

// encoder packs lines and records into batches. It is used by one goroutine at a time.
type encoder struct {
	zip *zstd.Encoder

	raw     []byte            // what the batch holds so far, uncompressed
	symbols map[string]uint64 // strings that were spelled out in this batch
	clock   int64             // the last time written, Unix nanoseconds
	head    head
}

func newEncoder() *encoder {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowBytes),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		panic("bug: log compression options: " + err.Error())
	}
	return &encoder{zip: zip, symbols: make(map[string]uint64)}
}

func (e *encoder) close() error { return e.zip.Close() }

func (e *encoder) empty() bool { return e.head.lines+e.head.records+e.head.events == 0 }

func (e *encoder) full() bool { return len(e.raw) >= batchBytes }

// take gives the batch and begins the next.
func (e *encoder) take() (head, []byte) {
	h := e.head
	data := e.zip.EncodeAll(e.raw, nil)
	if cap(e.raw) > 2*batchBytes {
		e.raw = nil
	}
	e.raw, e.clock, e.head = e.raw[:0], 0, head{}
	clear(e.symbols)
	return h, data
}

// Every entry begins with its kind.
const (
	entryLine   = 1
	entryRecord = 2
	entryEvent  = 3
	entryCause  = 4 // of the record before it
)

func (e *encoder) line(number uint64, line *dayfly.LogLine) {
	if e.head.lines == 0 {
		e.head.firstLine = number
	}
	e.head.lines++
	e.head.saw(line.Invocation)
	e.raw = append(e.raw, entryLine)
	e.time(line.Time)
	e.symbol(string(line.Function.Project))
	e.symbol(string(line.Function.Name))
	e.symbol(string(line.Revision))
	e.symbol(string(line.Instance))
	e.symbol(string(line.Invocation))
	e.symbol(string(line.Stream))
	e.text(line.Text)
}

func (e *encoder) record(r *dayfly.Record) {
	e.head.records++
	if r.Fault != dayfly.FaultNone {
		e.head.failed++
	}
	e.head.saw(r.ID)
	e.raw = append(e.raw, entryRecord)
	e.time(r.Start)
	e.text(string(r.ID))
	for _, s := range [...]string{
		string(r.Function.Project), string(r.Function.Name), string(r.Revision),
		string(r.Instance), string(r.Node), string(r.Source), r.Method, string(r.Cold),
		r.Why, string(r.Fault), string(r.Kind),
	} {
		e.symbol(s)
	}
	e.text(r.Path)
	e.text(r.Error)
	for _, n := range [...]int64{
		int64(r.Status), int64(r.Duration), int64(r.QueueDepth), r.CallsServed,
		r.BilledMillis, r.MemoryPeakBytes, r.MemoryLimitBytes, r.RequestBytes, r.ResponseBytes,
	} {
		e.raw = binary.AppendVarint(e.raw, n)
	}
	e.raw = binary.AppendUvarint(e.raw, uint64(len(r.Phases)))
	for _, p := range r.Phases {
		e.symbol(p.Name)
		e.raw = binary.AppendVarint(e.raw, int64(p.Duration))
	}
	e.failure(r.Failure)
	if caused(r) {
		e.cause(r)
	}
}

func (e *encoder) failure(f *dayfly.Failure) {
	if f == nil {
		e.text("")
		return
	}
	data, err := json.Marshal(f)
	if err != nil {
		panic("bug: a failure cannot be written as JSON: " + err.Error())
	}
	e.text(string(data))
}

func (e *encoder) time(t time.Time) {
	var at int64
	if !t.IsZero() {
		at = t.UnixNano()
	}
	e.raw = binary.AppendVarint(e.raw, at-e.clock)
	e.clock = at
}

func (e *encoder) text(s string) {
	e.raw = binary.AppendUvarint(e.raw, uint64(len(s)))
	e.raw = append(e.raw, s...)
}

// symbol writes a string the first time, and its number from then on. Number 1 is the
// empty string.
func (e *encoder) symbol(s string) {
	if s == "" {
		e.raw = append(e.raw, 1)
		return
	}
	if n, ok := e.symbols[s]; ok {
		e.raw = binary.AppendUvarint(e.raw, n)
		return
	}
	e.symbols[s] = uint64(len(e.symbols) + 2)
	e.raw = append(e.raw, 0)
	e.text(s)
}
