// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/dayfly-faas/dayfly"
)

// Limits of what is read.
const (
	// fileBytesMax bounds config.yaml: a few dozen settings are a few kilobytes.
	fileBytesMax = 256 << 10
	// drainTimeoutMax bounds a stop: supervisors kill long before an hour.
	drainTimeoutMax = time.Hour
	// stemsMax bounds booted sandboxes held per runtime: each costs 10 to 50 MB.
	stemsMax = 64
	// zygotesMax bounds warm interpreters: each is charged 24 MiB.
	zygotesMax = 1024
	// startsMax bounds cold starts at once: far more than processors only wait.
	startsMax = 256
	// syncIntervalMin and syncIntervalMax bound what a loss of power may cost: below, each
	// write may as well be forced; above, nobody would want it.
	syncIntervalMin = 10 * time.Millisecond
	syncIntervalMax = time.Minute
	// connectionsMax bounds a number of connections: each is a descriptor, of which a system
	// gives a process no more by far.
	connectionsMax = 1 << 24
	// accessLogSizeMin is a few hundred lines: putting a file aside costs more than a line.
	accessLogSizeMin = 64 << 10
	// accessLogKeepMax bounds the files that are renamed when one is put aside.
	accessLogKeepMax = 1000
	// memoryBytesMin is what one smallest function needs beside the platform.
	memoryBytesMin = 64 << 20
)

// Config is how one node runs.
type Config struct {
	// DataDir holds everything the node keeps. Two nodes never share one.
	DataDir string
	// Listen is the address of the public gateway, API that of the management API:
	// "HOST:PORT"; port 0 lets the system choose.
	Listen, API string
	// S3 is the address where S3's clients reach the buckets; empty when that is off.
	S3 string
	// TLS is how the gateway is reached by https.
	TLS TLS
	// SyncInterval is how often what was accepted is forced to the disk, 10 ms … 1 m: what
	// a loss of power may cost. 0 forces each write before it is answered.
	SyncInterval time.Duration
	// MemoryBytes is what all instances together may use.
	MemoryBytes int64
	// Stems is how many booted sandboxes wait for code, for each runtime in use.
	Stems int
	// Zygotes bounds the warm interpreters that boxes are forked from; 0 is none.
	Zygotes int
	// Starts is how many cold starts run at once, 1 … 256; 0 means two a processor.
	Starts int
	// DrainTimeout is how long a stop waits for calls in flight, 0 … 1 h.
	DrainTimeout time.Duration
	// Dev is for development: the node's clock can be put forward.
	Dev bool
	// LogLevel drops what is less urgent; LogFormat is LogText or LogJSON.
	LogLevel  slog.Level
	LogFormat LogFormat
	// Connections is how many clients the gateway serves at once; 0 means a third of the
	// descriptors that the process may open. ConnectionsPerAddress of them may be of one
	// address; 0 means 1024, or a quarter of all when that is less, and -1 is no bound.
	Connections, ConnectionsPerAddress int
	// AccessLog is the file that tells of each request of the gateway, "-" for standard
	// output; empty: none. AccessLogFormat is AccessJSON or AccessCombined.
	AccessLog       string
	AccessLogFormat string
	// AccessLogSize is at which size the file is put aside, 0 at none; AccessLogKeep is how
	// many that were put aside are kept, 1 … 1000.
	AccessLogSize int64
	AccessLogKeep int
	// TraceEndpoint is the base URL of an OTLP/HTTP collector; empty sends no traces.
	TraceEndpoint string
	// TraceSample is the share of calls that are traced, 0 … 1.
	TraceSample float64
	// CallbackAllow are addresses that callbacks and destinations reach although
	// sandboxes do not; empty allows public addresses only.
	CallbackAllow []netip.Prefix
	// BuildEnv are "KEY=value" settings handed to builds: those of the package tools
	// and proxies that this process was started with, so that mirrors work in builds.
	BuildEnv []string
	// Homes are the home folders whose version managers are searched for languages,
	// Path the folders searched last, as in $PATH.
	Homes []string
	Path  string
}

// LogFormat is how the node's own log is written.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// The formats of the access log.
const (
	AccessJSON     = "json"
	AccessCombined = "combined"
)

// Default is the configuration of a node that is told nothing.
func Default(env Environment) Config {
	var homes []string
	if home := env("HOME"); home != "" {
		homes = []string{home}
	}
	return Config{
		DataDir: DataDir(env), Homes: homes, Listen: "127.0.0.1:8080", API: "127.0.0.1:8081",
		S3: "127.0.0.1:8082", SyncInterval: 100 * time.Millisecond,
		MemoryBytes: machineMemory() / 5 * 4, Stems: 4, Zygotes: 32, DrainTimeout: 30 * time.Second,
		LogLevel: slog.LevelInfo, LogFormat: LogText, AccessLogFormat: AccessJSON, AccessLogKeep: 5,
		TraceSample: 0.01, BuildEnv: buildEnv(env),
		Path: env("PATH"),
	}
}

// Environment looks one variable up; empty means it is not set.
type Environment func(key string) string

// Process is the environment of this process.
func Process() Environment { return os.Getenv }

// Load reads every layer. Flags holds what was given on the command line, by the
// name of the setting.
func Load(flags map[string]string, env Environment) (Config, error) {
	cfg := Default(env)
	if dir, ok := flags["data"]; ok {
		cfg.DataDir = dir
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return Config{}, dayfly.Errorf(dayfly.KindInvalid, "data folder %s: %w", cfg.DataDir, err)
	}
	if err := applyFile(&cfg, filepath.Join(dir, "config.yaml")); err != nil {
		return Config{}, err
	}
	for _, s := range settings {
		if v := env(s.variable()); v != "" {
			if err := s.apply(&cfg, v, s.variable()); err != nil {
				return Config{}, err
			}
		}
		if v, ok := flags[s.name]; ok {
			if err := s.apply(&cfg, v, "--"+s.name); err != nil {
				return Config{}, err
			}
		}
	}
	cfg.DataDir = dir
	return cfg, nil
}

// buildVariables are what package tools and proxies are configured with.
var buildVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOFLAGS",
	"NPM_CONFIG_REGISTRY", "npm_config_registry",
	"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "MAVEN_MIRROR_URL",
	"BUNDLE_MIRROR__ALL",
	"CARGO_HTTP_PROXY", "CARGO_HTTP_TIMEOUT", "CARGO_HTTP_MULTIPLEXING", "CARGO_NET_RETRY",
	"CARGO_NET_GIT_FETCH_WITH_CLI", "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
}

func buildEnv(env Environment) []string {
	var list []string
	for _, name := range buildVariables {
		if v := env(name); v != "" {
			list = append(list, name+"="+v)
		}
	}
	return list
}

// DataDir is where a node keeps its data when it is not told: DAYFLY_DATA, else
// /var/lib/dayfly for root, else dayfly below the user's data folder.
func DataDir(env Environment) string {
	if dir := env("DAYFLY_DATA"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/dayfly"
	}
	if dir := env("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "dayfly")
	}
	if home := env("HOME"); home != "" {
		return filepath.Join(home, ".local", "share", "dayfly")
	}
	return ".dayfly"
}

// PinDataDir writes the data folder into the environment, for a process that becomes
// root of a user namespace: from then on it must not look like the machine's root.
func PinDataDir(env Environment) error { return os.Setenv("DAYFLY_DATA", DataDir(env)) }

// readBounded reads a small file; a missing one gives nil.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "read %s: %w", path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "read %s: %w", path, err)
	}
	if int64(len(data)) > limit {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s is larger than %s",
			path, dayfly.FormatBytes(limit))
	}
	return data, nil
}
