// SPDX-License-Identifier: Apache-2.0

package recipe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/look"
	"github.com/dayfly-faas/dayfly/internal/toolchain"
)

func TestPHPWithoutFastCGI(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beside []string
		want   string
	}{
		"php-cgi":              {[]string{"bin/php-cgi"}, "dayfly guest fastcgi --root public php-cgi"},
		"php-cgi of a version": {[]string{"bin/php-cgi8.2"}, "dayfly guest fastcgi --root public php-cgi"},
		"php-fpm":              {[]string{"sbin/php-fpm8.2"}, "dayfly guest fastcgi --root public php-cgi"},
		"neither":              {nil, "/bin/sh -c exec php -S 127.0.0.1:$PORT -t public"},
	} {
		prefix := t.TempDir()
		for _, file := range append(c.beside, "bin/php") {
			path := filepath.Join(prefix, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		k := &kitchen{runtime: toolchain.Runtime{Language: toolchain.PHP, Version: "8.2.1", Path: filepath.Join(prefix, "bin/php")}}
		k.plan = &look.Plan{Contract: dayfly.ContractHTTP, Command: look.FastCGI("public", "php-cgi"),
			PHP: look.PHPPlan{Root: "public"}}
		k.choosePHPServer()
		if got := strings.Join(k.plan.Command, " "); got != c.want {
			t.Errorf("%s: command %q, want %q", name, got, c.want)
		}
		if told := len(k.plan.Notices) > 0; told != (c.beside == nil) {
			t.Errorf("%s: notices %q", name, k.plan.Notices)
		}
	}
}

func TestWithWorkers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		command     string
		concurrency int
		want        string
	}{
		{"dayfly guest fastcgi --root . php-cgi", 4, "dayfly guest fastcgi --root . php-cgi"},
		{"dayfly guest fastcgi --root . php-cgi", 9, "dayfly guest fastcgi --workers 9 --root . php-cgi"},
		{"dayfly guest fastcgi ./a.fcgi", 1000, "dayfly guest fastcgi --workers 64 ./a.fcgi"},
		{"dayfly guest fastcgi --workers 2 ./a.fcgi", 9, "dayfly guest fastcgi --workers 2 ./a.fcgi"},
		{"dayfly guest static public", 9, "dayfly guest static public"},
		{"php -S x", 9, "php -S x"},
	} {
		if diff := cmp.Diff(strings.Fields(c.want), WithWorkers(strings.Fields(c.command), c.concurrency)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.command, diff)
		}
	}
}

func TestMissingPackageTools(t *testing.T) {
	t.Parallel()
	k := &kitchen{runtime: toolchain.Runtime{Name: "ruby3.3", Language: toolchain.Ruby, Version: "3.3.0",
		Path: filepath.Join(t.TempDir(), "ruby")}, plan: &look.Plan{}}
	_, err := k.rubySteps(t.Context())
	if dayfly.KindOf(err) != dayfly.KindUnavailable || !strings.Contains(err.Error(), "ruby3.3 on this machine has no Bundler") {
		t.Errorf("error = %v", err)
	}
}
