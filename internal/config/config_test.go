// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/config"
)

func environment(values map[string]string) config.Environment {
	return func(key string) string { return values[key] }
}

func TestLoadLayers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := "# how this node runs\nlisten: 127.0.0.1:1\napi: 127.0.0.1:2\n" +
		"stems: 5\nlog_level: debug\nmemory: 1Gi\n"
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	env := environment(map[string]string{"DAYFLY_API": "127.0.0.1:3", "DAYFLY_STEMS": "6", "DAYFLY_SYNC": "250ms",
		"DAYFLY_DATA": dir, "DAYFLY_DRAIN_TIMEOUT": "5s",
		"DAYFLY_TRACE_ENDPOINT": "http://127.0.0.1:4318", "GOPROXY": "off", "SECRET": "x",
		"HOME": "/home/ada", "PATH": "/bin"})
	flags := map[string]string{"stems": "7", "log-format": "json"}
	got, err := config.Load(flags, env)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{DataDir: dir, Listen: "127.0.0.1:1", API: "127.0.0.1:3", S3: "127.0.0.1:8082",
		SyncInterval: 250 * time.Millisecond, MemoryBytes: 1 << 30, Stems: 7, Zygotes: 32, DrainTimeout: 5 * time.Second,
		LogLevel: slog.LevelDebug, LogFormat: config.LogJSON, AccessLogFormat: config.AccessJSON, AccessLogKeep: 5,
		TraceSample:   0.01,
		TraceEndpoint: "http://127.0.0.1:4318", BuildEnv: []string{"GOPROXY=off"},
		Homes: []string{"/home/ada"}, Path: "/bin"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLoadFlagNamesTheFolderOfTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte("stems: 3"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	env := environment(map[string]string{"DAYFLY_DATA": t.TempDir()})
	got, err := config.Load(map[string]string{"data": dir}, env)
	if err != nil {
		t.Fatal(err)
	}
	if got.DataDir != dir || got.Stems != 3 {
		t.Errorf("Load gave folder %s, stems %d; want %s, 3", got.DataDir, got.Stems, dir)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, want string
		env, flags       map[string]string
	}{
		{name: "unknown key", file: "stems: 1\nlisten_on: x", want: `config.yaml:2: key "listen_on"`},
		{name: "data in the file", file: "data: /x", want: `key "data" is unknown`},
		{name: "nested value", file: "stems: {a: 1}", want: "stems takes a single value"},
		{name: "list", file: "- a", want: "want KEY: VALUE"},
		{name: "not yaml", file: "a: [", want: "config.yaml"},
		{name: "bad flag", flags: map[string]string{"stems": "many"}, want: `--stems "many"`},
		{name: "bad variable", env: map[string]string{"DAYFLY_API": "here"},
			want: `DAYFLY_API "here": want HOST:PORT`},
		{name: "bad port", flags: map[string]string{"listen": ":70000"}, want: "70000"},
		{name: "bad share", flags: map[string]string{"memory": "120%"}, want: "80%"},
		{name: "bad unit", flags: map[string]string{"memory": "12X"}, want: "1Gi"},
		{name: "too little memory", flags: map[string]string{"memory": "1Mi"}, want: "less than 64Mi"},
		{name: "bad level", flags: map[string]string{"log-level": "loud"}, want: "debug, info"},
		{name: "bad format", flags: map[string]string{"log-format": "xml"}, want: "text or json"},
		{name: "bad sync", flags: map[string]string{"sync": "1ms"}, want: "always, or a time from 10ms"},
		{name: "bad drain", flags: map[string]string{"drain-timeout": "2h"}, want: "1h0m0s"},
		{name: "small log", flags: map[string]string{"access-log-size": "1Ki"}, want: "from 64Ki"},
		{name: "no log kept", flags: map[string]string{"access-log-keep": "0"}, want: "1 to 1000"},
		{name: "no connections", flags: map[string]string{"connections": "0"}, want: "1 to 16777216"},
		{name: "bad connections", flags: map[string]string{"connections-per-address": "-1"}, want: "off, or a number"},
		{name: "bad starts", flags: map[string]string{"starts": "-1"}, want: "0 to 256"},
		{name: "bad collector", flags: map[string]string{"trace-endpoint": "x"}, want: "4318"},
		{name: "bad sample", flags: map[string]string{"trace-sample": "NaN"}, want: "0 to 1"},
		{name: "bad range", flags: map[string]string{"callback-allow": "10.0.0.0/8,all"}, want: `"all" is not`},
		{name: "empty folder", flags: map[string]string{"data": ""}, want: "--data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.env == nil {
				tt.env = map[string]string{}
			}
			tt.env["DAYFLY_DATA"] = dir
			err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(tt.file), 0o600)
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.Load(tt.flags, environment(tt.env))
			if dayfly.KindOf(err) != dayfly.KindInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load error is %v, want kind invalid with %q", err, tt.want)
			}
		})
	}
}

func TestCallbackRanges(t *testing.T) {
	t.Parallel()
	env := environment(map[string]string{"DAYFLY_DATA": t.TempDir()})
	got, err := config.Load(map[string]string{"callback-allow": "10.1.2.3/8, 192.168.0.7,fd00::/8"}, env)
	if err != nil || fmt.Sprint(got.CallbackAllow) != "[10.0.0.0/8 192.168.0.7/32 fd00::/8]" {
		t.Errorf("ranges are %v, %v; want the three, masked", got.CallbackAllow, err)
	}
}

func TestSyncAlways(t *testing.T) {
	t.Parallel()
	env := environment(map[string]string{"DAYFLY_DATA": t.TempDir(), "DAYFLY_SYNC": "1s"})
	got, err := config.Load(map[string]string{"sync": "always"}, env)
	if err != nil || got.SyncInterval != 0 {
		t.Errorf("the sync interval is %s, %v; want 0, for always", got.SyncInterval, err)
	}
}

func TestMemoryShareAndSizes(t *testing.T) {
	t.Parallel()
	env := environment(map[string]string{"DAYFLY_DATA": t.TempDir()})
	whole, err := config.Load(map[string]string{"memory": "100%"}, env)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]int64{
		"50%": whole.MemoryBytes / 2, "512Mi": 512 << 20, "2GiB": 2 << 30, "500M": 500e6,
		"134217728B": 128 << 20, "70000kb": 70e6,
	} {
		got, err := config.Load(map[string]string{"memory": value}, env)
		if err != nil {
			t.Errorf("memory %s: %v", value, err)
		} else if got.MemoryBytes != want {
			t.Errorf("memory %s is %d bytes, want %d", value, got.MemoryBytes, want)
		}
	}
}

func TestDefaultsAreAsDocumented(t *testing.T) {
	t.Parallel()
	env := environment(map[string]string{"DAYFLY_DATA": t.TempDir()})
	want := config.Default(env)
	flags := map[string]string{}
	for _, s := range config.Settings() {
		if s.Default != "" {
			flags[s.Name] = s.Default
		}
	}
	got, err := config.Load(flags, env)
	if err != nil {
		t.Fatal(err)
	}
	// The share is rounded differently by a byte or four.
	got.MemoryBytes, want.MemoryBytes = got.MemoryBytes>>10, want.MemoryBytes>>10
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFindEndpoint(t *testing.T) {
	t.Parallel()
	running := t.TempDir()
	token, err := config.Token(running)
	if err != nil {
		t.Fatal(err)
	}
	if err := config.WriteEndpoint(running, "http://127.0.0.1:9999"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		given config.Endpoint
		env   map[string]string
		dir   string
		want  config.Endpoint
		kind  dayfly.Kind
	}{
		{name: "local node", dir: running, want: config.Endpoint{"http://127.0.0.1:9999", token}},
		{name: "environment", dir: running,
			env:  map[string]string{"DAYFLY_URL": "https://far.example", "DAYFLY_TOKEN": "t"},
			want: config.Endpoint{"https://far.example", "t"}},
		{name: "flags win", dir: running, given: config.Endpoint{"http://a:1", "x"},
			env:  map[string]string{"DAYFLY_URL": "https://far.example", "DAYFLY_TOKEN": "t"},
			want: config.Endpoint{"http://a:1", "x"}},
		{name: "local token stays here", dir: running, given: config.Endpoint{URL: "https://far.example"},
			kind: dayfly.KindUnauthenticated},
		{name: "local token for loopback", dir: running, given: config.Endpoint{URL: "http://localhost:5"},
			want: config.Endpoint{"http://localhost:5", token}},
		{name: "no node", dir: "/nonexistent", kind: dayfly.KindUnauthenticated},
		{name: "not a URL", dir: running, given: config.Endpoint{URL: "127.0.0.1:80"},
			kind: dayfly.KindInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Find(tt.given, tt.dir, environment(tt.env))
			if dayfly.KindOf(err) != tt.kind || got != tt.want {
				t.Errorf("Find = %v, %v; want %v, kind %q", got, err, tt.want, tt.kind)
			}
		})
	}
}

func TestTokenIsMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, err := config.Token(dir)
	if err != nil {
		t.Fatal(err)
	}
	two, err := config.Token(dir)
	if err != nil || one != two || len(one) < 64 {
		t.Errorf("tokens are %q and %q (%v), want one of 64 bytes or more, twice", one, two, err)
	}
	info, err := os.Stat(filepath.Join(dir, "token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the token file is %v (%v), want 0600", info.Mode(), err)
	}
	if err := config.RemoveEndpoint(dir); err != nil {
		t.Errorf("removing a note that is not there: %v", err)
	}
}
