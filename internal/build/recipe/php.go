// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

// choosePHPServer lets PHP's development server answer a web application where the
// machine lacks both programs that speak FastCGI.
func (k *kitchen) choosePHPServer() {
	root := k.plan.PHP.Root
	if root == "" || k.besidePHP("php-cgi") != "" || k.besidePHP("../sbin/php-fpm") != "" {
		return
	}
	k.plan.Command, k.plan.Concurrency = manifest.SplitCommand("php -S 127.0.0.1:$PORT -t "+root), 1
	k.plan.Notices = append(k.plan.Notices, "php-cgi is not on this machine: PHP's development server "+
		"answers, one call at a time; install php-cgi for more")
}

// workersMax bounds the processes of a FastCGI program in one instance.
const workersMax = 64

// WithWorkers gives a FastCGI program as many processes as an instance gets calls.
func WithWorkers(command []string, concurrency int) []string {
	ours := look.FastCGI("")
	if len(command) <= len(ours) || !slices.Equal(command[:len(ours)], ours) ||
		slices.Contains(command, "--workers") || concurrency == look.FastCGIWorkers {
		return command
	}
	workers := strconv.Itoa(min(concurrency, workersMax))
	return slices.Insert(slices.Clone(command), len(ours), "--workers", workers)
}

// besidePHP finds another program of the runtime's: with the version in its name, as
// distributions have it, or without; "" for none.
func (k *kitchen) besidePHP(name string) string {
	for _, file := range []string{name + minorOf(k.runtime), name} {
		place := filepath.Join(k.runtime.Bin(), file)
		if info, err := os.Stat(place); err == nil && info.Mode().IsRegular() {
			return place
		}
	}
	return ""
}

// phpSteps install what composer.json requires.
func (k *kitchen) phpSteps(context.Context) ([]Step, error) {
	if !k.plan.PHP.Packages {
		return nil, nil
	}
	composer := k.composer()
	if composer == "" {
		return nil, dayfly.Errorf(dayfly.KindUnavailable,
			"this machine has no Composer, which composer.json needs").
			WithHint("install it, such as with the package composer")
	}
	return []Step{{
		Stage: StageInstall, Name: "composer install", Online: true,
		Mounts: append(slices.Clone(k.runtime.Prefixes), outsideUsr(composer)...),
		Argv: []string{
			k.runtime.Path, composer, "install", "--no-dev", "--no-interaction", "--no-progress",
			"--prefer-dist", "--optimize-autoloader", "--no-ansi",
		},
		Env: []string{
			"COMPOSER_HOME=/tmp/composer", "COMPOSER_CACHE_DIR=" + CacheDir + "/composer",
			"COMPOSER_ALLOW_SUPERUSER=1", "COMPOSER_NO_AUDIT=1", "COMPOSER_MIRROR_PATH_REPOS=1",
		},
	}}, nil
}

// composer finds Composer's script or archive; "" for none.
func (k *kitchen) composer() string {
	for _, place := range []string{
		filepath.Join(k.runtime.Bin(), "composer"), "/usr/local/bin/composer", "/usr/bin/composer",
		"/usr/local/bin/composer.phar", "/usr/share/composer/bin/composer",
	} {
		if real, err := filepath.EvalSymlinks(place); err == nil {
			return real
		}
	}
	return ""
}

// outsideUsr gives a program that boxes do not see by themselves.
func outsideUsr(program string) []string {
	if strings.HasPrefix(program, "/usr/") {
		return nil
	}
	return []string{program}
}
