// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/dayfly-faas/dayfly/internal/build/detect"
	"github.com/dayfly-faas/dayfly/internal/manifest"
)

func TestHostileRubyAndPHPDoNotHurtTheNode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text string }{
		"many Ruby handlers":  {"app.rb", strings.Repeat("  def self.a(event:, context:)\n", 30_000)},
		"many Ruby classes":   {"app.rb", strings.Repeat("class A\n", 100_000) + "  def self.a(event:, context:)\n"},
		"an endless comment":  {"app.rb", "=begin\n" + strings.Repeat("=begin\n", 100_000)},
		"a class without run": {"handler.rb", strings.Repeat("class Handler\n", 70_000)},
		"many PHP functions":  {"index.php", "<?php\n" + strings.Repeat("function a(ServerRequestInterface $a\n", 25_000)},
		"comments in PHP":     {"index.php", "<?php\n" + strings.Repeat("/* /* ", 150_000)},
		"a PHP class":         {"src/Handler.php", "<?php\n" + strings.Repeat("class Handler ", 70_000)},
		"deep composer.json":  {"composer.json", strings.Repeat("[", 1<<20)},
		"a long Gemfile":      {"Gemfile", strings.Repeat("gem 'a'\n", 120_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := fstest.MapFS{c.file: {Data: []byte(c.text)}}
			start := time.Now()
			plan, err := detect.Source(source, manifest.Function{})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v: %+v, %v", took, plan, err)
			}
			if plan == nil && err == nil {
				t.Error("neither a plan nor an error")
			}
		})
	}
}
