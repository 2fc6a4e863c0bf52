// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
)

// languageRow is one language in the scenario languages.
type languageRow struct {
	name string
	// folder is below examples/languages: the hello of the language, or what has the
	// contract that the promise is for.
	folder string
	needs  string        // the runtime without which the row is left out
	p50    time.Duration // of a cold start; 0 promises nothing
	// edit is the file that is changed between deploys, and the mark of a comment in it;
	// empty for languages that are compiled.
	edit, comment string
}

// deployPromise is for a deploy of a changed function without dependencies, in any
// interpreted language.
const deployPromise = 500 * time.Millisecond

// greeting is the query of every call: most of the functions say hello.
const greeting = "?name=Ada"

// languageRows are in the order of the table.
var languageRows = []languageRow{
	{name: "Python, Lambda handler", folder: "python/lambda", needs: "python", edit: "app.py", comment: "#"},
	{name: "Node.js, Lambda handler", folder: "javascript/lambda", needs: "node", edit: "index.mjs", comment: "//"},
	{name: "TypeScript, Lambda handler", folder: "typescript/lambda", needs: "node", edit: "handler.ts", comment: "//"},
	{name: "Ruby, Lambda handler", folder: "ruby/lambda", needs: "ruby", p50: 15 * time.Millisecond,
		edit: "lambda_function.rb", comment: "#"},
	{name: "PHP, function", folder: "php/framework", needs: "php", edit: "index.php", comment: "//"},
	{name: "Java, Lambda handler", folder: "java/hello", needs: "java", p50: 25 * time.Millisecond},
	{name: "Kotlin, Lambda handler", folder: "kotlin/hello", needs: "java"},
	{name: "Scala, Lambda handler", folder: "scala/hello", needs: "java"},
	{name: "Clojure, Lambda handler", folder: "clojure/hello", needs: "java"},
	{name: "C#, Lambda handler", folder: "csharp/lambda", needs: "mono"},
	{name: "Go, Lambda Runtime API", folder: "go/lambda", needs: "go"},
	{name: "Rust, server", folder: "rust/web", needs: "rust"},
	{name: "Rust, Lambda Runtime API", folder: "rust/lambda", needs: "rust"},
	{name: "WebAssembly", folder: "wasm/ready", needs: "wasm", p50: time.Millisecond},
	{name: "sh, one process a call", folder: "shell/hello", needs: "native", edit: "run.sh", comment: "#"},
}

// languages measures cold starts in every language, and how long a deploy of changed
// code takes in those that are interpreted.
func (b *bench) languages(ctx context.Context) error {
	known, err := b.platform.client.Runtimes(ctx)
	if err != nil {
		return err
	}
	for _, l := range languageRows {
		has := func(r client.Runtime) bool { return r.Language == l.needs }
		if !slices.ContainsFunc(known, has) {
			b.report.skip(l.name, fmt.Errorf("the runtime %s is not on this machine", l.needs))
			continue
		}
		if err := b.language(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

func (b *bench) language(ctx context.Context, l languageRow) error {
	name := "language-" + filepath.Dir(l.folder)
	url, err := b.platform.install(ctx, filepath.Join("../../examples/languages", l.folder), name, client.Settings{})
	if err != nil {
		return err
	}
	url += greeting + "#" + caller.AnyBody
	if _, _, err := once(url); err != nil {
		return err
	}
	since := time.Now()
	times, err := b.coldStarts(ctx, name, url, max(20, b.colds/6))
	if err != nil {
		return err
	}
	row := b.report.spread("languages", groupDayfly, l.name+", cold start", times)
	if l.p50 > 0 {
		row.promise("p50", l.p50)
	}
	if err := b.noteKinds(ctx, row, since, []string{name}); err != nil {
		return err
	}
	if l.edit != "" {
		if err := b.redeploys(ctx, l); err != nil {
			return err
		}
	}
	return b.platform.client.Remove(ctx, ref(name))
}

// redeploys measures dayfly deploy of code that changed a little.
func (b *bench) redeploys(ctx context.Context, l languageRow) error {
	dir, err := os.MkdirTemp("", "dayfly-redeploy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder := filepath.Join(dir, "code")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("examples/languages", l.folder))); err != nil {
		return err
	}
	path := filepath.Join(folder, l.edit)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var times []time.Duration
	for i := range b.sources + 1 {
		fresh := fmt.Appendf(text[:len(text):len(text)], "%s %d %d\n", l.comment, i, time.Now().UnixNano())
		if err := os.WriteFile(path, fresh, 0o755); err != nil {
			return err
		}
		took, err := b.deployAndCall(ctx, folder, "language-"+filepath.Dir(l.folder), greeting)
		if err != nil {
			return err
		}
		if i > 0 { // the first is not incremental
			times = append(times, took)
		}
	}
	b.report.spread("languages", groupDayfly, l.name+", deploy of changed code and the first answer", times).
		promise("p50", deployPromise)
	return nil
}
