// SPDX-License-Identifier: Apache-2.0

package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/recipe"
)

// resultFormat is part of every key: raise it when the same steps give another result.
const resultFormat = 1

// resultsMax bounds how many results are remembered, 64 bytes each; past it all are
// forgotten, which costs building again.
const resultsMax = 20_000

// resultKey names what a result depends on.
func (j *job) resultKey(steps []recipe.Step) string {
	key := struct {
		Format  int
		Source  dayfly.Digest
		Runtime string
		Steps   []recipe.Step
		Extra   map[string]string
		Env     []string
	}{
		resultFormat, j.request.Source, j.runtime.Path + " " + j.runtime.Version,
		steps, j.plan.Extra, j.cfg.Env,
	}
	text, err := json.Marshal(key)
	if err != nil {
		panic("bug: a key of plain values cannot be encoded: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// remembered gives the bundle that the same build gave before, if it is still kept.
func (j *job) remembered(ctx context.Context, key string) (dayfly.Digest, bool) {
	text, err := os.ReadFile(filepath.Join(j.cfg.Dir, "results", key))
	if err != nil {
		return "", false
	}
	digest := dayfly.Digest(strings.TrimSpace(string(text)))
	held, err := j.bundles.Has(ctx, digest)
	return digest, err == nil && held
}

// remember keeps the result for the next time. A cut file, after a crash, holds no
// digest and is passed over.
func (j *job) remember(key string, digest dayfly.Digest) {
	folder := filepath.Join(j.cfg.Dir, "results")
	if entries, err := os.ReadDir(folder); err == nil && len(entries) >= resultsMax {
		for _, entry := range entries {
			_ = os.Remove(filepath.Join(folder, entry.Name())) // the next one tries again
		}
	}
	if err := os.WriteFile(filepath.Join(folder, key), []byte(digest), 0o600); err != nil {
		j.log.Warn("result of a build was not remembered", "function", j.request.Function, "error", err)
	}
}
