// SPDX-License-Identifier: Apache-2.0

package node

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
)

// Config says how one node runs. The zero value is not usable: start from
// DefaultConfig.
type Config struct {
	// DataDir holds everything the node keeps: the bus, bundles, caches, the token.
	// It is created with mode 0700. One process at a time may use it.
	DataDir string
	// Listen is the address of the public gateway, HOST:PORT; port 0 picks one.
	Listen string
	// API is the address of the management API, HOST:PORT; port 0 picks one.
	API string
	// S3 is the address where S3's clients reach the buckets, HOST:PORT; port 0 picks one.
	// Empty listens nowhere: then only the code in boxes reaches them.
	S3 string
	// TLS is the public gateway's other door.
	TLS TLS
	// Connections is how many clients the public gateway serves at once, on both of its doors;
	// 0 means a third of the descriptors that this process may open.
	Connections int
	// ConnectionsPerAddress is how many of them may be of one address, an IPv6 network of 64
	// bits being one, and this machine none; 0 means 1024 but no more than a quarter of all,
	// and -1 is no bound.
	ConnectionsPerAddress int
	// AccessLog is where requests of the public gateway are written down; no file: nowhere.
	AccessLog journal.Config
	// MemoryBytes is what all instances and stems together may use, at least 64 MiB.
	// Leave the system and this process a fifth of the machine.
	MemoryBytes int64
	// SyncInterval is how often what was accepted is forced to the disk: what a loss of
	// power may cost. 0 means 100 ms. SyncAlways forces each write before it is answered.
	SyncInterval time.Duration
	SyncAlways   bool
	// DrainTimeout is how long a stop waits for calls in flight, 0 … 1 h.
	DrainTimeout time.Duration
	// StemsPerRuntime is how many booted sandboxes are kept ready for each runtime
	// that a live function uses, 0 … 64. More makes bursts cheaper and idling dearer.
	StemsPerRuntime int
	// ZygotesMax bounds the warm interpreters that boxes are forked from; 0 is none.
	ZygotesMax int
	// StartsMax is how many cold starts run at once, 1 … 256; 0 means two a processor.
	StartsMax int
	// TraceEndpoint is the base URL of an OTLP/HTTP collector; empty sends no traces.
	TraceEndpoint string
	// TraceSampleRatio is the share of calls traced when the caller did not decide, 0 … 1.
	TraceSampleRatio float64
	// CallbackAllow are addresses that callbacks and destinations may be sent to although
	// sandboxes are kept from them. Empty leaves public addresses.
	CallbackAllow []netip.Prefix
	// BuildEnv are "KEY=value" settings handed to builds: mirrors and proxies.
	BuildEnv []string
	// Homes are the home folders whose version managers are searched for interpreters,
	// Path the folders searched last, as in $PATH.
	Homes []string
	Path  string
	// Dev gives the node a virtual clock, which can be put forward.
	Dev bool
	// LogLevel is the least severe level that the node logs.
	LogLevel slog.Level
	// Version is what the node says of itself.
	Version string
	// Started is called once, from Run, when both doors listen: the addresses are
	// those that callers reach, as base URLs. Nil calls nobody.
	Started func(gatewayURL, apiURL string)
}

// DefaultConfig is a node for one machine, reachable from it alone.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:8080", API: "127.0.0.1:8081", MemoryBytes: 1 << 30,
		DrainTimeout: 30 * time.Second, StemsPerRuntime: 4, ZygotesMax: 32, StartsMax: 2 * runtime.NumCPU(),
		TraceSampleRatio: 0.01, LogLevel: slog.LevelInfo, Version: "dev",
	}
}

// Validate reports the first field out of its bounds.
func (c *Config) Validate() error {
	invalid := func(format string, args ...any) error {
		return dayfly.Errorf(dayfly.KindInvalid, format, args...)
	}
	if c.DataDir == "" {
		return invalid("data is empty: name a folder")
	}
	addresses := map[string]string{"listen": c.Listen, "api": c.API}
	if c.S3 != "" {
		addresses["s3"] = c.S3
	}
	for field, addr := range addresses {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return invalid("%s address %q is not HOST:PORT", field, addr)
		}
	}
	switch {
	case c.MemoryBytes < 64<<20:
		return invalid("memory is %s, at least 64Mi is needed", dayfly.FormatBytes(c.MemoryBytes))
	case c.Connections < 0 || c.ConnectionsPerAddress < -1:
		return invalid("connections are %d in all and %d of an address", c.Connections, c.ConnectionsPerAddress)
	case c.DrainTimeout < 0 || c.DrainTimeout > time.Hour:
		return invalid("drain is %s, must be between 0 and 1h", c.DrainTimeout)
	case c.ZygotesMax < 0 || c.ZygotesMax > 1024:
		return invalid("zygotes is %d, must be between 0 and 1024", c.ZygotesMax)
	case c.StemsPerRuntime < 0 || c.StemsPerRuntime > 64:
		return invalid("stems is %d, must be between 0 and 64", c.StemsPerRuntime)
	case c.StartsMax < 0 || c.StartsMax > 256:
		return invalid("starts is %d, must be between 0 and 256", c.StartsMax)
	case c.TraceSampleRatio < 0 || c.TraceSampleRatio > 1:
		return invalid("trace sample ratio is %g, must be between 0 and 1", c.TraceSampleRatio)
	}
	return nil
}
