// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/pool"
)

// drawing answers with a draw of every random source that comes with Python.
const drawing = `
import os, random, secrets, tempfile, uuid, json
def handler(event, context):
    more = {}
    if event["rawPath"] == "/tls":  # dear to import
        import ssl
        more["ssl"] = ssl.RAND_bytes(16).hex()
    return json.dumps({**more,
        "random": repr(random.random()), "bits": str(random.getrandbits(64)),
        "own": repr(random.Random().random()), "system": repr(random.SystemRandom().random()),
        "secrets": secrets.token_hex(16), "urandom": os.urandom(16).hex(),
        "uuid4": str(uuid.uuid4()), "uuid1": str(uuid.uuid1()),
        "tempfile": tempfile.mktemp(),
        "shuffle": str(random.sample(range(1 << 40), 2))})
`

// untilForked makes cold starts until one is forked, and gives its answer.
func untilForked(t *testing.T, p *pool.Pool, rev *dayfly.Revision) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		p.Evict(rev.Function)
		rec, _, err := call(t.Context(), p, rev)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Cold == dayfly.ColdFork {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no call was forked, the last was %q; zygotes: %+v", rec.Cold, p.Zygotes())
		}
	}
}

func TestForksDrawDifferentRandomNumbers(t *testing.T) {
	t.Parallel()
	forks := 100
	if testing.Short() {
		forks = 20
	}
	p, dir := realPool(t, 0)
	rev := realRevision(t, dir, "drawing", map[string]string{"app.py": drawing}, nil)
	untilForked(t, p, rev)
	seen := map[string]bool{}
	made := 0
	for deadline := time.Now().Add(3 * time.Minute); made < forks; {
		p.Evict(rev.Function)
		path := "/"
		if made%20 == 0 {
			path = "/tls"
		}
		rec, body, err := callPath(t.Context(), p, rev, path)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Cold != dayfly.ColdFork { // between a zygote and its successor
			if time.Now().After(deadline) {
				t.Fatalf("only %d calls were forked", made)
			}
			continue
		}
		made++
		draws := map[string]string{}
		if err := json.Unmarshal([]byte(body), &draws); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for source, draw := range draws {
			if seen[source+draw] {
				t.Fatalf("fork %d drew %s from %s, which another had", made, draw, source)
			}
			seen[source+draw] = true
		}
	}
}

func TestEachProjectHasItsOwnZygote(t *testing.T) {
	t.Parallel()
	p, dir := realPool(t, 0)
	code := map[string]string{"app.py": "def handler(e, c): return 'ok'\n"}
	for _, project := range []dayfly.ProjectName{"one", "two"} {
		rev := realRevision(t, dir, "f-"+string(project), code, nil)
		rev.Function.Project = project
		untilForked(t, p, rev)
	}
	list := p.Zygotes()
	if len(list) != 2 || list[0].Project != "one" || list[1].Project != "two" {
		t.Errorf("zygotes are %+v, want one of each project", list)
	}
}

func TestWhatCannotBeForkedIsBooted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *fakeCall) { c.answer("ok") }) // a driver without zygotes
	p := newPool(t, w, nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rec, body, err := call(ctx, p, revision("f", nil))
	if err != nil || body != "ok" || rec.Cold != dayfly.ColdBoot {
		t.Errorf("cold %q, body %q, %v; want a boot", rec.Cold, body, err)
	}
}
