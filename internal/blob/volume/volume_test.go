// SPDX-License-Identifier: Apache-2.0

package volume_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly/internal/blob/volume"
)

func open(t *testing.T, cfg volume.Config) *volume.Volume {
	t.Helper()
	v := volume.New(cfg, slog.New(slog.DiscardHandler))
	if err := v.OpenFolders(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return v
}

func TestDataComesInPiecesOfAnySize(t *testing.T) {
	t.Parallel()
	v := open(t, volume.Config{Dir: t.TempDir()})
	data := bytes.Repeat([]byte("0123456789abcde"), 60_000) // 900 kB
	want := crc32.ChecksumIEEE(data)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(data), "halves": iotest.HalfReader(bytes.NewReader(data)),
		"end with data": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		in, err := v.Receive(t.Context(), r, volume.Expectation{Size: int64(len(data)),
			Checksum: volume.Checksum{Algorithm: volume.CRC32}, Inline: 1000})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		file, err := v.Open(in.ID, in.Size, func() {})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(file)
		if crc32.ChecksumIEEE(got) != want || err != nil {
			t.Errorf("%s: %d bytes come back, %v", name, len(got), err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyReceiveAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, volume.Config{Dir: dir, MaxBytes: 40 << 20})
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			text := strings.Repeat(fmt.Sprintf("%04d", i), 100_000)
			in, err := v.Receive(t.Context(), strings.NewReader(text), volume.Expectation{Size: -1, Inline: -1})
			if err != nil {
				t.Errorf("Receive: %v", err)
				return
			}
			if i%2 == 0 {
				v.Discard(in)
			}
		})
	}
	group.Wait()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if len(files) != 20 || err != nil {
		t.Errorf("%d files, %v; want 20", len(files), err)
	}
	if err := v.Reserve(32 << 20); err != nil { // what was discarded is free again
		t.Errorf("Reserve: %v", err)
	}
	if err := v.Reserve(1 << 20); !errors.Is(err, volume.ErrQuota) {
		t.Errorf("Reserve past the limit: %v, want %v", err, volume.ErrQuota)
	}
}

func TestSweepRemovesStraysOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := open(t, volume.Config{Dir: dir})
	kept, err := v.Receive(t.Context(), strings.NewReader("kept"), volume.Expectation{Size: -1, Inline: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Receive(t.Context(), strings.NewReader("stray"), volume.Expectation{Size: -1, Inline: -1}); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "00", "README")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := v.Sweep(map[volume.ID]struct{}{kept.ID: {}})
	if removed != 1 || err != nil {
		t.Errorf("Sweep = %d, %v; want 1", removed, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file that is not ours: %v", err)
	}
}

func TestSegmentsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	want := []volume.Segment{
		{ID: volume.NewID(), Size: 5 << 30, Number: 1, Sum: "AAAAAA=="}, {ID: volume.NewID(), Size: 0, Number: 10_000},
	}
	body := volume.WriteSegments(want)
	got, err := volume.ReadSegments(body)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ReadSegments: %v, diff (-want +got):\n%s", err, diff)
	}
	for n := range len(body) {
		if list, err := volume.ReadSegments(body[:n]); err == nil && len(list) > 1 {
			t.Errorf("%d of %d bytes read as %+v", n, len(body), list)
		}
	}
}

func FuzzReadSegments(f *testing.F) {
	f.Add(volume.WriteSegments([]volume.Segment{{ID: volume.NewID(), Size: 1, Number: 1, Sum: "AAAAAA=="}}))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, body []byte) {
		list, err := volume.ReadSegments(body)
		if err != nil {
			return
		}
		again, err := volume.ReadSegments(volume.WriteSegments(list))
		if diff := cmp.Diff(list, again); diff != "" || err != nil {
			t.Errorf("%v, diff:\n%s", err, diff)
		}
	})
}

func TestChecksumsOfPartsMakeThatOfTheWhole(t *testing.T) {
	t.Parallel()
	v := open(t, volume.Config{Dir: t.TempDir()})
	pieces := []string{"", "a", strings.Repeat("xyz", 99_999), "end"}
	for _, a := range []volume.Algorithm{volume.CRC32, volume.CRC32C, volume.CRC64NVME} {
		sum := func(text string) string {
			in, err := v.Receive(t.Context(), strings.NewReader(text), volume.Expectation{Size: -1, Inline: 1 << 20,
				Checksum: volume.Checksum{Algorithm: a}})
			if err != nil {
				t.Fatal(err)
			}
			return in.Checksum.Value
		}
		var segments []volume.Segment
		for _, text := range pieces {
			segments = append(segments, volume.Segment{Size: int64(len(text)), Sum: sum(text)})
		}
		whole, err := volume.Checksum{Algorithm: a, Type: volume.FullObject}.Join(segments)
		if want := sum(strings.Join(pieces, "")); whole.Value != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", a, whole.Value, err, want)
		}
	}
}
