// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

// bundleInstall takes the gems that the machine has, when they are all that is needed
// and as they are locked; else it installs them into the code.
const bundleInstall = `bundle() { "$RUBY" "$BUNDLER" "$@"; }
bundle config set --local without development:test >/dev/null &&
if bundle check >/tmp/local.log 2>&1; then
	echo "every gem is on this machine"
else
	bundle config set --local path vendor/bundle >/dev/null &&
	bundle install --jobs 2 --retry 2 &&
	rm -rf vendor/bundle/ruby/*/cache
fi`

// railsFolders are what Rails makes at its start when they are not there; the code of an
// instance cannot be written to.
const railsFolders = `for folder in tmp/cache tmp/pids tmp/sockets log; do
	mkdir -p $folder && : >>$folder/.keep
done`

// rubySteps install the gems of a Gemfile.
func (k *kitchen) rubySteps(context.Context) ([]Step, error) {
	bundler, err := k.bundler()
	if err != nil {
		return nil, err
	}
	env := []string{
		"RUBY=" + k.runtime.Path, "BUNDLER=" + bundler,
		"BUNDLE_USER_HOME=" + CacheDir + "/bundle", "BUNDLE_GLOBAL_GEM_CACHE=true",
		"BUNDLE_SILENCE_ROOT_WARNING=true", "BUNDLE_DISABLE_VERSION_CHECK=true",
		"BUNDLE_SUPPRESS_INSTALL_USING_MESSAGES=true", "BUNDLE_APP_CONFIG=" + TaskDir + "/.bundle",
	}
	if k.plan.Ruby.Locked {
		env = append(env, "BUNDLE_FROZEN=true")
	}
	shell := func(stage, name, script string) Step {
		return Step{
			Stage: stage, Name: name, Env: env, Mounts: k.runtime.Prefixes, Online: true,
			Argv: []string{"/bin/sh", "-c", script},
		}
	}
	var list []Step
	if k.plan.Ruby.Gems {
		list = append(list, shell(StageInstall, "bundle install", bundleInstall))
	}
	if k.plan.Ruby.Rails {
		list = append(list, shell(StageInstall, "folders of Rails", railsFolders))
	}
	if k.plan.Ruby.Assets {
		assets := shell(StageCompile, "rails assets:precompile", `"$RUBY" "$BUNDLER" exec rails assets:precompile`)
		assets.Env = append(slices.Clone(env), "RAILS_ENV=production", "SECRET_KEY_BASE_DUMMY=1",
			"SECRET_KEY_BASE=only-for-this-build")
		list = append(list, assets)
	}
	return list, nil
}

// bundler finds Bundler's script beside the runtime's program.
func (k *kitchen) bundler() (string, error) {
	version := minorOf(k.runtime)
	for _, name := range []string{"bundle" + version, "bundle"} {
		place := filepath.Join(k.runtime.Bin(), name)
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place, nil
		}
	}
	return "", dayfly.Errorf(dayfly.KindUnavailable, "%s on this machine has no Bundler, which the Gemfile needs",
		k.runtime.Name).WithHint("install it with gem install bundler, or with the package bundler")
}

// minorOf gives the first two numbers of a runtime's version.
func minorOf(r toolchain.Runtime) string {
	parts := strings.SplitN(r.Version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}
