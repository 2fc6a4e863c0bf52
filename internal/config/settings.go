// SPDX-License-Identifier: Apache-2.0

package config

import (
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// setting is one thing an operator can set. Its name is the flag; the variable is
// DAYFLY_NAME and the key in config.yaml is the name with underscores.
type setting struct {
	name, usage string
	set         func(*Config, string) error
}

// settings is every setting there is, in the order in which help shows them.
var settings = []setting{
	{"data", "`DIR` for everything the node keeps", setData},
	{"listen", "`ADDR` of the public gateway", setListen},
	{"api", "`ADDR` of the management API", setAPI},
	{"s3", "`ADDR` where S3's clients reach the buckets, or off", setS3},
	{"tls", "`ADDR` of the public gateway by https; none when not set", setTLS},
	{"tls-local", "a local authority vouches for hosts: https for development", setTLSLocal},
	{"tls-redirect", "`PORT` of https that callers of http are sent to where a host has a certificate, or off",
		setTLSRedirect},
	{"hsts", "`TIME` for which browsers are told to stay with https", setHSTS},
	{"acme-email", "`EMAIL` for the authority that certificates are obtained from; agrees to its terms", setACMEEmail},
	{"acme-ca", "`URL` of the authority's directory, when not Let's Encrypt's", setACMEDirectory},
	{"acme-root", "`FILE` of certificates that vouch for the authority's server", setACMERoot},
	{"connections", "`N` clients of the public gateway at once; a third of the open files when not set", setConnections},
	{"connections-per-address", "`N` of them by one address, or off; 1024, or a quarter of all, when not set",
		setConnectionsPerAddress},
	{"sync", "`TIME` between two syncs to the disk: what a loss of power may cost; or always", setSync},
	{"memory", "`SIZE`, or share of the machine, of all instances together", setMemory},
	{"stems", "`N` booted sandboxes wait for code, for each runtime in use", setStems},
	{"zygotes", "`N` warm interpreters at most, one a project, that boxes are forked from; 0 is none", setZygotes},
	{"starts", "`N` cold starts at once; 0 is two a processor", setStarts},
	{"callback-allow", "`CIDRS` that callbacks and destinations reach beside public addresses", setCallbackAllow},
	{"drain-timeout", "`TIME` that a stop waits for calls in flight", setDrainTimeout},
	{"dev", "for development: the clock by which crons are due can be put forward", setDev},
	{"log-level", "`LEVEL`: debug, info, warn or error", setLogLevel},
	{"log-format", "`FORMAT`: text or json", setLogFormat},
	{"access-log", "`FILE` that gets a line for each request of the gateway, or -; opened anew after SIGHUP", setAccessLog},
	{"access-log-format", "`FORMAT`: json or combined", setAccessLogFormat},
	{"access-log-size", "`SIZE` at which the access log becomes FILE.1 and another begins, or off", setAccessLogSize},
	{"access-log-keep", "`N` old access logs stay", setAccessLogKeep},
	{"trace-endpoint", "`URL` of an OTLP/HTTP collector that traces go to", setTraceEndpoint},
	{"trace-sample", "`SHARE` of calls that are traced", setTraceSample},
}

// Setting describes one setting to whoever shows or collects it.
type Setting struct {
	Name string // of the flag: "drain-timeout"
	// Usage says what it does in a few words, with the kind of its value in
	// backquotes.
	Usage string
	// Default is what holds when nobody says anything; empty when that depends.
	Default string
	// Switch says that it is true or false, and that its flag may stand alone.
	Switch bool
}

// Settings lists every setting.
func Settings() []Setting {
	defaults := map[string]string{
		"listen": "127.0.0.1:8080", "api": "127.0.0.1:8081", "s3": "127.0.0.1:8082", "sync": "100ms", "memory": "80%", "stems": "4", "zygotes": "32",
		"starts": "0", "trace-sample": "0.01",
		"drain-timeout": "30s", "log-level": "info", "log-format": "text", "access-log-format": "json",
		"access-log-size": "off", "access-log-keep": "5",
	}
	list := make([]Setting, 0, len(settings))
	for _, s := range settings {
		list = append(list, Setting{s.name, s.usage, defaults[s.name], s.name == "dev" || s.name == "tls-local"})
	}
	return list
}

func (s setting) variable() string { return "DAYFLY_" + strings.ToUpper(s.key()) }

func (s setting) key() string { return strings.ReplaceAll(s.name, "-", "_") }

func (s setting) apply(cfg *Config, value, place string) error {
	if err := s.set(cfg, strings.TrimSpace(value)); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "%s %q: %s", place, value, err.Error())
	}
	return nil
}

// applyFile sets what the file at path says. A missing file says nothing.
func applyFile(cfg *Config, path string) error {
	data, err := readBounded(path, fileBytesMax)
	if err != nil || len(data) == 0 {
		return err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "%s: %s", path, firstLine(err.Error()))
	}
	for _, doc := range file.Docs {
		if err := applyNode(cfg, path, doc.Body); err != nil {
			return err
		}
	}
	return nil
}

func applyNode(cfg *Config, path string, node ast.Node) error {
	var values []*ast.MappingValueNode
	switch n := node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return dayfly.Errorf(dayfly.KindInvalid, "%s: want KEY: VALUE lines", path)
	}
	for _, v := range values {
		place := path + ":" + strconv.Itoa(v.Key.GetToken().Position.Line)
		key := v.Key.String()
		s, ok := findSetting(key)
		if !ok {
			return dayfly.Errorf(dayfly.KindInvalid, "%s: key %q is unknown", place, key).
				WithHint("the keys are %s", strings.Join(keys(), ", "))
		}
		scalar, ok := v.Value.(ast.ScalarNode)
		if !ok {
			return dayfly.Errorf(dayfly.KindInvalid, "%s: %s takes a single value", place, key)
		}
		if err := s.apply(cfg, scalar.GetToken().Value, place+": "+key); err != nil {
			return err
		}
	}
	return nil
}

// findSetting finds the setting of a key of the file; the data folder is not one,
// because the file is inside it.
func findSetting(key string) (setting, bool) {
	for _, s := range settings {
		if s.key() == key && s.name != "data" {
			return s, true
		}
	}
	return setting{}, false
}

func keys() []string {
	var list []string
	for _, s := range settings {
		if s.name != "data" {
			list = append(list, s.key())
		}
	}
	return list
}

func setData(c *Config, v string) error {
	if v == "" {
		return dayfly.Errorf(dayfly.KindInvalid, "is empty")
	}
	c.DataDir = v
	return nil
}

func setListen(c *Config, v string) error { return setAddress(&c.Listen, v) }

func setAPI(c *Config, v string) error { return setAddress(&c.API, v) }

// setS3 takes an address, or "off".
func setS3(c *Config, v string) error {
	if v == "off" {
		c.S3 = ""
		return nil
	}
	return setAddress(&c.S3, v)
}

func setAddress(field *string, v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "want HOST:PORT, such as 127.0.0.1:8080")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "port %q is not a number from 0 to 65535", port)
	} else {
		*field = net.JoinHostPort(host, strconv.FormatUint(n, 10))
	}
	return nil
}

func setMemory(c *Config, v string) error {
	n, err := parseMemory(v, machineMemory())
	if err != nil {
		return err
	}
	if n < memoryBytesMin {
		return dayfly.Errorf(dayfly.KindInvalid, "is less than %s",
			dayfly.FormatBytes(memoryBytesMin))
	}
	c.MemoryBytes = n
	return nil
}

func setStems(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > stemsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 0 to %d", stemsMax)
	}
	c.Stems = n
	return nil
}

func setZygotes(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > zygotesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 0 to %d", zygotesMax)
	}
	c.Zygotes = n
	return nil
}

func setStarts(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > startsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 0 to %d", startsMax)
	}
	c.Starts = n
	return nil
}

func setConnections(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > connectionsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 1 to %d", connectionsMax)
	}
	c.Connections = n
	return nil
}

func setConnectionsPerAddress(c *Config, v string) error {
	if v == "off" {
		c.ConnectionsPerAddress = -1
		return nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > connectionsMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want off, or a number from 1 to %d", connectionsMax)
	}
	c.ConnectionsPerAddress = n
	return nil
}

func setTraceEndpoint(c *Config, v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return dayfly.Errorf(dayfly.KindInvalid, "want a URL such as http://127.0.0.1:4318")
	}
	c.TraceEndpoint = v
	return nil
}

func setTraceSample(c *Config, v string) error {
	share, err := strconv.ParseFloat(v, 64)
	if err != nil || !(share >= 0 && share <= 1) { // refuses NaN, too
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 0 to 1")
	}
	c.TraceSample = share
	return nil
}

// callbackAllowMax bounds a list that is looked through for each connection.
const callbackAllowMax = 64

func setCallbackAllow(c *Config, v string) error {
	var list []netip.Prefix
	for _, text := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(text)
		if a, addrErr := netip.ParseAddr(text); err != nil && addrErr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return dayfly.Errorf(dayfly.KindInvalid,
				"%q is not a range of addresses such as 10.0.0.0/8", text)
		}
		list = append(list, p.Masked())
	}
	if len(list) > callbackAllowMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want at most %d ranges", callbackAllowMax)
	}
	c.CallbackAllow = list
	return nil
}

func setSync(c *Config, v string) error {
	if v == "always" {
		c.SyncInterval = 0
		return nil
	}
	d, err := quantity.ParseDuration(v)
	if err != nil || d < syncIntervalMin || d > syncIntervalMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want always, or a time from %s to %s, such as 100ms",
			syncIntervalMin, syncIntervalMax)
	}
	c.SyncInterval = d
	return nil
}

func setDrainTimeout(c *Config, v string) error {
	d, err := quantity.ParseDuration(v)
	if err != nil || d < 0 || d > drainTimeoutMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a time from 0s to %s, such as 30s",
			drainTimeoutMax)
	}
	c.DrainTimeout = d
	return nil
}

func setDev(c *Config, v string) error {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "want true or false")
	}
	c.Dev = on
	return nil
}

func setLogLevel(c *Config, v string) error {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[strings.ToLower(v)]
	if !ok {
		return dayfly.Errorf(dayfly.KindInvalid, "want debug, info, warn or error")
	}
	c.LogLevel = level
	return nil
}

func setLogFormat(c *Config, v string) error {
	switch f := LogFormat(strings.ToLower(v)); f {
	case LogText, LogJSON:
		c.LogFormat = f
		return nil
	default:
		return dayfly.Errorf(dayfly.KindInvalid, "want text or json")
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func setAccessLog(c *Config, v string) error {
	if v == "-" {
		c.AccessLog = v
		return nil
	}
	path, err := filepath.Abs(v)
	if v == "" || err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "is no path of a file")
	}
	c.AccessLog = path
	return nil
}

func setAccessLogFormat(c *Config, v string) error {
	if v != AccessJSON && v != AccessCombined {
		return dayfly.Errorf(dayfly.KindInvalid, "want %s or %s", AccessJSON, AccessCombined)
	}
	c.AccessLogFormat = v
	return nil
}

func setAccessLogSize(c *Config, v string) error {
	if v == "off" {
		c.AccessLogSize = 0
		return nil
	}
	n, err := quantity.ParseBytes(v)
	if err != nil || n < accessLogSizeMin {
		return dayfly.Errorf(dayfly.KindInvalid, "want off, or a size from %s such as 100Mi",
			dayfly.FormatBytes(accessLogSizeMin))
	}
	c.AccessLogSize = n
	return nil
}

func setAccessLogKeep(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > accessLogKeepMax {
		return dayfly.Errorf(dayfly.KindInvalid, "want a number from 1 to %d", accessLogKeepMax)
	}
	c.AccessLogKeep = n
	return nil
}
