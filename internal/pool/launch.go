// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/node"
	"github.com/dayfly-faas/dayfly/internal/guest/python"
	"github.com/dayfly-faas/dayfly/internal/sandbox"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// launch says how a stem is booted. Revisions whose launches have the same key can
// be made from the same stems.
type launch struct {
	key     string
	runtime toolchain.Runtime
	argv    []string // empty: the box is held, and the revision's own command runs in it
	mounts  []sandbox.Mount
	egress  dayfly.Egress
	variant string                      // begins with a slash: what else tells stems of this runtime apart
	relay   bool                        // the guest stands behind the relay
	prepare func(context.Context) error // once, before the first is booted for the stock; may be nil
	zygote  []string                    // what starts one that boxes can be forked from; empty: none
}

const (
	// ownProgram begins a command of the http contract that one of our own servers
	// answers: dayfly guest static, dayfly guest fastcgi.
	ownProgram = "dayfly"
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	caBundle   = "/etc/ssl/certs/ca-certificates.crt"
)

// launchOf chooses the stem for a configuration.
func (p *Pool) launchOf(ctx context.Context, spec *dayfly.Spec) (launch, error) {
	l := launch{egress: spec.Egress}
	if spec.Runtime != "" {
		rt, err := p.runtimes.Find(ctx, spec.Runtime)
		if err != nil {
			return l, err
		}
		l.runtime = rt
		for _, prefix := range rt.Prefixes {
			l.mounts = append(l.mounts, sandbox.Mount{Source: prefix, Target: prefix})
		}
	}
	kind := "program"
	switch spec.Contract {
	case dayfly.ContractHandler:
		kind = "handler"
		if err := p.guestLaunch(ctx, &l, spec); err != nil {
			return l, err
		}
	case dayfly.ContractStdio, dayfly.ContractLambda, dayfly.ContractWasm:
		kind = string(spec.Contract)
		p.ownGuest(&l, kind)
	case dayfly.ContractHTTP:
		if spec.Command[0] == ownProgram {
			kind = "own program"
			l.mounts = append(l.mounts, p.ownMount())
		}
	}
	if l.relay {
		kind = "relay"
	}
	l.key = fmt.Sprintf("%s/%s/%s%s", kind, l.runtime.Name, l.egress, l.variant)
	return l, nil
}

// ownGuest starts one of the guests in our own executable; words follow its name.
func (p *Pool) ownGuest(l *launch, name string, words ...string) {
	l.argv = append([]string{guestTarget + "/dayfly", "guest", name}, words...)
	l.mounts = append(l.mounts, p.ownMount())
}

func (p *Pool) ownMount() sandbox.Mount {
	return sandbox.Mount{Source: p.cfg.Binary, Target: guestTarget + "/dayfly"}
}

// relayed puts the relay before a guest that takes events only: it turns HTTP into the
// dialect's events, and what the handler returns into HTTP (internal/guest/relay). Call
// it when argv is complete.
func (p *Pool) relayed(l *launch, spec *dayfly.Spec) {
	if spec.Dialect != dayfly.DialectLambda && spec.Dialect != dayfly.DialectOpenWhisk {
		return
	}
	l.relay = true
	p.ownGuest(l, "relay", l.argv...)
}

// guestLaunch fills in the interpreter's guest.
func (p *Pool) guestLaunch(ctx context.Context, l *launch, spec *dayfly.Spec) error {
	language := string(l.runtime.Language)
	dir := guestTarget + "/" + language
	switch l.runtime.Language {
	case toolchain.Python:
		l.argv = append(append([]string{l.runtime.Path}, python.Args()...), dir+"/"+python.Entry)
		if spec.Dialect == dayfly.DialectASGI {
			l.argv, l.variant = append(l.argv, python.Loop), "/"+python.Loop
		}
		l.zygote = append(slices.Clone(l.argv), python.Zygote)
		l.prepare = func(ctx context.Context) error {
			return python.Compile(ctx, l.runtime.Path, filepath.Join(p.cfg.GuestDir, language))
		}
	case toolchain.Node:
		l.argv = append(append([]string{l.runtime.Path}, node.Flags()...), dir+"/"+node.Entry)
	case toolchain.Java:
		return p.javaLaunch(ctx, l, spec)
	case toolchain.Ruby:
		return p.rubyLaunch(l, spec)
	case toolchain.PHP:
		return p.phpLaunch(l, spec)
	case toolchain.Mono, toolchain.DotNet:
		return p.dotnetLaunch(ctx, l, spec)
	default:
		return noGuest(l)
	}
	l.mounts = append(l.mounts, sandbox.Mount{
		Source: filepath.Join(p.cfg.GuestDir, language), Target: dir})
	return nil
}

func noGuest(l *launch) error {
	return dayfly.Errorf(dayfly.KindInvalid,
		"runtime %s has no handler guest; use the http, lambda or stdio contract", l.runtime.Name)
}

// bootEnv is the environment of a stem, before it holds a revision.
func (l *launch) bootEnv() []string {
	return []string{"PATH=" + l.path(), "HOME=/tmp", "TMPDIR=/tmp", "LANG=C.UTF-8", "SSL_CERT_FILE=" + caBundle}
}

// path puts the runtime's own programs first.
func (l *launch) path() string {
	if l.runtime.Path == "" {
		return searchPath
	}
	return l.runtime.Bin() + ":" + searchPath
}

// environment is what the function sees: the platform's variables, those of its doors
// among them, under its own.
func (l *launch) environment(rev *dayfly.Revision, doors map[string]string) map[string]string {
	env := map[string]string{
		"PATH": l.path(), "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PWD": taskDir,
		"SSL_CERT_FILE":   caBundle,
		"DAYFLY":          "1",
		"DAYFLY_FUNCTION": string(rev.Function.Name), "DAYFLY_PROJECT": string(rev.Function.Project),
		"DAYFLY_REVISION": strconv.Itoa(rev.Number),
	}
	maps.Copy(env, doors)
	switch {
	case rev.Spec.Contract == dayfly.ContractHTTP:
		env["PORT"] = strconv.Itoa(functionPort)
		env["K_SERVICE"], env["K_REVISION"] = string(rev.Function.Name), string(rev.ID)
	case rev.Spec.Dialect == dayfly.DialectLambda, rev.Spec.Contract == dayfly.ContractLambda:
		l.lambdaEnvironment(env, rev)
	case signatures[rev.Spec.Dialect] != "":
		_, target := cutEntry(rev.Spec.Entry)
		env["FUNCTION_TARGET"], env["FUNCTION_SIGNATURE_TYPE"] = target, signatures[rev.Spec.Dialect]
		env["K_SERVICE"], env["K_REVISION"] = string(rev.Function.Name), string(rev.ID)
	}
	switch {
	case l.runtime.Language == toolchain.Node:
		env["NODE_ENV"] = "production"
	case l.runtime.Language == toolchain.Python && rev.Spec.Contract != dayfly.ContractHandler:
		env["PYTHONPATH"], env["PYTHONUNBUFFERED"] = taskDir+"/.dayfly/python", "1"
	}
	isLambda := rev.Spec.Dialect == dayfly.DialectLambda || rev.Spec.Contract == dayfly.ContractLambda
	for k, v := range rev.Spec.Env {
		if !isLambda || !reservedByLambda(k) {
			env[k] = v
		}
	}
	return env
}

// signatures are the dialects of functions-framework, as it names them itself.
var signatures = map[dayfly.Dialect]string{
	dayfly.DialectFramework: "http", dayfly.DialectCloudEvent: "cloudevent",
	dayfly.DialectEvent: "event", dayfly.DialectTyped: "typed",
}

func cutEntry(entry string) (module, export string) {
	i := strings.LastIndexByte(entry, '.')
	if i < 0 {
		return entry, ""
	}
	return entry[:i], entry[i+1:]
}

// command resolves the program of an http revision as the box will see it. What is
// in the code comes before what is on the path.
func (l *launch) command(argv []string, folder string) ([]string, error) {
	name := argv[0]
	resolved := append([]string(nil), argv...)
	if filepath.IsAbs(name) {
		return resolved, nil
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	defer root.Close()
	if info, err := root.Stat(name); err == nil && !info.IsDir() {
		resolved[0] = filepath.Join(taskDir, name)
		return resolved, nil
	}
	if name == ownProgram {
		resolved[0] = guestTarget + "/dayfly"
		return resolved, nil
	}
	if l.runtime.Path != "" && isInterpreter(name, string(l.runtime.Language)) {
		resolved[0] = l.runtime.Path
		return resolved, nil
	}
	if !strings.ContainsRune(name, '/') {
		for _, dir := range filepath.SplitList(l.path()) {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode()&0o111 != 0 && !info.IsDir() {
				resolved[0] = filepath.Join(dir, name)
				return resolved, nil
			}
		}
	}
	return nil, &dayfly.Failure{Kind: dayfly.FailureInit, Phase: dayfly.PhaseInit, Type: "Runtime.InvalidEntrypoint",
		Message: fmt.Sprintf("the program %q is neither in the code nor on the path", name)}
}

func isInterpreter(name, language string) bool {
	rest, ok := strings.CutPrefix(name, language)
	return ok && strings.Trim(rest, "0123456789.") == ""
}
