// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// subject is something that answers the trivial handler's "ok" over HTTP.
type subject struct {
	name  string
	group string // groupDayfly, groupFloor, groupPeer
	// prepare installs what the subject needs, once.
	prepare func(ctx context.Context, dir string) error
	// command starts it in dir on a port; path is where it then answers.
	command func(dir, port string) (argv []string, env []string)
	path    string
	dir     string // absolute; set by prepare's caller
	missing error  // why it cannot run here
}

// The groups of what is measured.
const (
	groupDayfly = "dayfly"
	groupFloor  = "floor"
	groupPeer   = "peer"
)

// python is Debian's own: version managers put slow wrappers before theirs.
func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

// floors are the same handler with nothing around it: no isolation, no platform.
func (b *bench) floors() []*subject {
	bare, _ := filepath.Abs(filepath.Join(b.out, "bare"))
	run := func(argv ...string) func(string, string) ([]string, []string) {
		return func(_, port string) ([]string, []string) { return argv, []string{"PORT=" + port} }
	}
	return []*subject{
		{name: "bare net/http", group: groupFloor, command: run(bare)},
		{name: "bare Node.js http", group: groupFloor, command: run("node", "floor/server.js")},
		{name: "bare Python http.server", group: groupFloor, command: run(python(), "floor/server.py")},
	}
}

// peers run the same handler by other means, none of them in a sandbox.
func (b *bench) peers() []*subject {
	return []*subject{
		{name: "functions-framework (Node.js)", group: groupPeer,
			prepare: prepareFramework,
			command: func(dir, port string) ([]string, []string) {
				return []string{filepath.Join(dir, "node_modules/.bin/functions-framework"),
						"--target", "handler", "--port", port},
					[]string{"NODE_ENV=production"}
			}},
		{name: "workerd (fetch)", group: groupPeer, prepare: prepareWorkerd,
			command: func(dir, port string) ([]string, []string) {
				return []string{filepath.Join(dir, "node_modules/.bin/workerd"), "serve",
					"--socket-addr", "http=127.0.0.1:" + port, "config.capnp"}, nil
			}},
		{name: "serverless-offline (Node.js)", group: groupPeer, prepare: prepareServerless,
			path: "/ok",
			command: func(dir, port string) ([]string, []string) {
				return []string{filepath.Join(dir, "node_modules/.bin/serverless"), "offline",
						"--httpPort", port, "--lambdaPort", "0", "--noPrependStageInUrl",
						"--host", "127.0.0.1"},
					[]string{"SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "CI=true"}
			}},
	}
}

// npm gives a prepare that installs packages into the subject's folder.
func npm(packages ...string) func(context.Context, string) error {
	return func(ctx context.Context, dir string) error {
		args := append([]string{"install", "--no-audit", "--no-fund", "--no-save", "--prefix", dir},
			packages...)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, "npm", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("npm install %s: %w: %s", strings.Join(packages, " "), err, lastLine(out))
		}
		return nil
	}
}

func prepareFramework(ctx context.Context, dir string) error {
	if err := npm("@google-cloud/functions-framework@5")(ctx, dir); err != nil {
		return err
	}
	if err := copyFile("node/index.js", filepath.Join(dir, "trivial.js")); err != nil {
		return err
	}
	named := "exports.handler = require('./trivial.js');\n"
	return os.WriteFile(filepath.Join(dir, "index.js"), []byte(named), 0o644)
}

func prepareWorkerd(ctx context.Context, dir string) error {
	if err := npm("workerd@1")(ctx, dir); err != nil {
		return err
	}
	const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "index.js", esModule = embed "index.js")],
    compatibilityDate = "2025-01-01"))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]);
`
	if err := copyFile("node-fetch/index.js", filepath.Join(dir, "index.js")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.capnp"), []byte(config), 0o644)
}

func prepareServerless(ctx context.Context, dir string) error {
	// Version 4 of serverless asks for an account; 3 does not.
	if err := npm("serverless@3", "serverless-offline@13")(ctx, dir); err != nil {
		return err
	}
	const config = `service: bench
frameworkVersion: '3'
provider: {name: aws, runtime: nodejs20.x}
plugins: [serverless-offline]
functions:
  ok: {handler: index.handler, events: [{httpApi: 'GET /ok'}]}
`
	if err := copyFile("node-lambda/index.js", filepath.Join(dir, "index.js")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "serverless.yml"), []byte(config), 0o644)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(filepath.Join(testdata, from))
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// ready prepares a subject, and notes in the report when it cannot run here. What was
// installed by an earlier run is used again.
func (b *bench) ready(ctx context.Context, s *subject) bool {
	if s.prepare == nil {
		s.dir, s.missing = filepath.Abs(testdata)
		return s.missing == nil
	}
	name := strings.Fields(s.name)[0]
	dir, err := filepath.Abs(filepath.Join(b.out, "peers", name))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		s.dir = dir
		if _, statErr := os.Stat(filepath.Join(dir, "node_modules")); statErr != nil {
			say("installing %s", s.name)
		}
		err = s.prepare(ctx, dir)
	}
	if err == nil {
		s.path = "/" + strings.TrimPrefix(s.path, "/")
		_, err = b.startOnce(ctx, s)
	}
	if err != nil {
		s.missing = err
		say("SKIPPED %s: %v", s.name, err)
		b.report.skip(s.name, err)
	}
	return err == nil
}

// startOnce starts a subject, waits for its first answer, stops it, and gives the time
// from exec to that answer.
func (b *bench) startOnce(ctx context.Context, s *subject) (time.Duration, error) {
	began := time.Now()
	_, p, err := b.startSubject(ctx, s)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	p.stop()
	return took, nil
}

// startSubject starts a subject and gives where it answers.
func (b *bench) startSubject(ctx context.Context, s *subject) (string, *process, error) {
	addr, err := freeAddr()
	if err != nil {
		return "", nil, err
	}
	argv, env := s.command(s.dir, addr[strings.LastIndexByte(addr, ':')+1:])
	p, err := spawn(s.dir, env, argv...)
	if err != nil {
		return "", nil, err
	}
	url := "http://" + addr + s.path
	if s.path == "" {
		url += "/"
	}
	if err := p.awaitAnswer(ctx, func() error { _, _, err := once(url); return err }); err != nil {
		p.stop()
		return "", nil, err
	}
	return url, p, nil
}

// machine describes where the figures were taken.
func machine() map[string]string {
	read := func(name, key string) string {
		text, _ := os.ReadFile(name)
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
				return strings.TrimSpace(v)
			}
		}
		return "unknown"
	}
	output := func(argv ...string) string {
		out, err := exec.Command(argv[0], argv[1:]...).Output()
		if err != nil {
			return "none"
		}
		return lastLine(out)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return map[string]string{
		"cpu": read("/proc/cpuinfo", "model name"), "cores": output("nproc"),
		"memory": read("/proc/meminfo", "MemTotal"), "kernel": output("uname", "-r"),
		"node": output("node", "--version"), "python": output(python(), "--version"),
		"go": output("go", "env", "GOVERSION"), "load at start": strings.TrimSpace(string(load)),
		"date": time.Now().UTC().Format(time.DateOnly),
	}
}

// marshal writes v for people.
func marshal(v any) ([]byte, error) {
	out, err := json.MarshalIndent(v, "", "  ")
	return append(out, '\n'), err
}
