// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/build/recipe"
	"github.com/dayfly-faas/dayfly/internal/bundle"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// workPrefix begins the names of work folders.
const workPrefix = "work-"

// job is one build on its way.
type job struct {
	*Builder
	request  Request
	progress func(Event)

	folder   string   // of the source, never written to
	unpacked string   // work folder with the content of a zip file; "" when it is none
	below    string   // the only folder of the source, which is its root then
	root     *os.Root // of the source as it is looked at

	plan    *look.Plan
	runtime toolchain.Runtime

	place string // work folder
	code  string // the copy in it that steps change
}

// close removes the work. A box that used it has ended by now.
func (j *job) close() {
	if j.root != nil {
		j.root.Close()
	}
	for _, folder := range []string{j.unpacked, j.place} {
		if folder == "" {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			j.log.Warn("work of a build was not removed", "folder", folder, "error", err)
		}
	}
}

// open finds the source: the bundle's folder, or what the one zip file in it holds.
func (j *job) open(ctx context.Context) error {
	var err error
	if j.folder, err = j.bundles.Folder(ctx, j.request.Source); err != nil {
		return err
	}
	folder := j.folder
	if name, ok := only(folder, fs.ModeType); ok && strings.HasSuffix(strings.ToLower(name), ".zip") {
		if folder, err = j.unzip(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if j.root, err = os.OpenRoot(folder); err != nil {
		return fmt.Errorf("open source: %w", err)
	}
	return nil
}

// detect looks at the source, and, when there is nothing to call in it but one folder,
// at that: the archives of code hosts are so.
func (j *job) detect() error {
	plan, err := detect.Source(j.root.FS(), j.request.Settings)
	if err == nil {
		j.plan = plan
		return nil
	}
	name, ok := only(j.root.Name(), fs.ModeDir)
	if !ok || strings.HasPrefix(name, ".") {
		return err
	}
	inner, openErr := j.root.OpenRoot(name)
	if openErr != nil {
		return err
	}
	if plan, err = detect.Source(inner.FS(), j.request.Settings); err != nil {
		inner.Close()
		return err
	}
	j.root.Close()
	j.root, j.below, j.plan = inner, name, plan
	return nil
}

// only gives the name of the only entry of a folder, if it is of that type; for
// regular files that is fs.ModeType, none of whose bits is set.
func only(folder string, kind fs.FileMode) (string, bool) {
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		return "", false
	}
	if kind == fs.ModeType {
		return entries[0].Name(), entries[0].Type().IsRegular()
	}
	return entries[0].Name(), entries[0].IsDir()
}

func (j *job) unzip(file string) (string, error) {
	folder, err := os.MkdirTemp(j.cfg.Dir, workPrefix)
	if err != nil {
		return "", fmt.Errorf("make work folder: %w", err)
	}
	j.unpacked = folder
	if _, err := bundle.UnpackZip(file, folder, bundle.Limits{Bytes: j.cfg.DiskBytes}); err != nil {
		return "", err
	}
	return folder, nil
}

// work copies the source and runs the steps on the copy.
func (j *job) work(ctx context.Context, steps []recipe.Step) error {
	if err := j.copySource(ctx); err != nil {
		return err
	}
	for _, name := range sortedNames(j.plan.Extra) {
		if err := j.writeFile(name, j.plan.Extra[name]); err != nil {
			return err
		}
	}
	if len(steps) == 0 {
		return nil
	}
	select {
	case j.slots <- struct{}{}:
	default:
		j.say(StageInstall, "waiting for another build")
		select {
		case j.slots <- struct{}{}:
		case <-ctx.Done():
			return canceled(ctx)
		}
	}
	defer func() { <-j.slots }()
	done, err := j.useCache()
	if err != nil {
		return err
	}
	defer done()
	for _, step := range steps {
		if err := j.run(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// copySource makes the folder that steps may write to.
func (j *job) copySource(ctx context.Context) error {
	var err error
	if j.place, err = os.MkdirTemp(j.cfg.Dir, workPrefix); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	if j.unpacked != "" {
		j.code = filepath.Join(j.unpacked, j.below)
		return nil // it is a copy already
	}
	whole := filepath.Join(j.place, "code")
	if err := os.Mkdir(whole, 0o755); err != nil {
		return fmt.Errorf("make work folder: %w", err)
	}
	r, err := j.bundles.Open(ctx, j.request.Source)
	if err != nil {
		return err
	}
	defer r.Close()
	if _, _, err := bundle.Unpack(r, whole, bundle.Limits{Bytes: j.cfg.DiskBytes}); err != nil {
		return fmt.Errorf("copy source: %w", err)
	}
	j.code = filepath.Join(whole, j.below)
	return nil
}

// writeFile adds a file of ours to the code.
func (j *job) writeFile(name, content string) error {
	root, err := os.OpenRoot(j.code)
	if err != nil {
		return fmt.Errorf("open work folder: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid,
			"the source has a file where the build would make the folder of %s", name)
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid,
			"the source has a file %s already, which the build would write", name)
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// resultOptions leave out what the result does not need.
func (j *job) resultOptions() bundle.Options {
	ignore := []string{"/.git", "/node_modules/.cache", "/node_modules/.package-lock.json"}
	if j.plan.Install == look.InstallGo {
		ignore = append(ignore, "*.go", "/go.mod", "/go.sum", "/go.work", "/go.work.sum", "/vendor")
	}
	if j.plan.Install == look.InstallRust {
		ignore = append(ignore, "*.rs", "/src", "/target", "Cargo.toml", "Cargo.lock", "/.cargo",
			"rust-toolchain", "rust-toolchain.toml")
	}
	if j.plan.Install == look.InstallJava {
		ignore = append(ignore, recipe.JavaLeftovers(&j.plan.Java)...)
	}
	ignore = append(ignore, j.plan.Node.Drop...)
	if j.plan.Install == look.InstallDotNet {
		ignore = append(ignore, "*.cs", "*.csproj", "*.sln", "/bin", "obj", "/"+recipe.CompatDir)
	}
	return bundle.Options{
		Ignore: ignore, Limits: bundle.Limits{Bytes: j.cfg.DiskBytes},
	}
}

func sortedNames(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
