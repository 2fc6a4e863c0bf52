// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dayfly-faas/dayfly"
	host "github.com/dayfly-faas/dayfly/internal/guest"
)

func TestClojureFunctions(t *testing.T) {
	t.Parallel()
	anyJDK(t)
	lib := library(t, coreJar,
		"org/clojure/clojure/1.11.1/"+
			"clojure-1.11.1.jar@2381b6e9423ab465151455944903d13a56243d6006b9194afc1bf4f8710cb4de",
		"org/clojure/spec.alpha/0.3.218/"+
			"spec.alpha-0.3.218.jar@67ec898eb55c66a957a55279dd85d1376bb994bd87668b2b0de1eb3b97e8aae0",
		"org/clojure/core.specs.alpha/0.2.62/"+
			"core.specs.alpha-0.2.62.jar@06eea8c070bbe45c158567e443439681bc8c46e9123414f81bfa32ba42d6cbc8",
	)
	bundle := filepath.Dir(lib)
	if err := os.CopyFS(bundle, os.DirFS("testdata/clojure")); err != nil {
		t.Fatal(err)
	}
	for entry, row := range map[string]struct{ event, want string }{
		"my.shop/handler": {`{"name":"é","numbers":[1,2]}`, `200 {"greeting":"hello é","id":"call-1",` +
			`"list":[1,2.5,null,true,"word",0.5],"nested":{"a":[2,3]}}`},
		"my.shop/alone": {`{"a":1,"b":2}`, "200 2"},
	} {
		m := serve(t, spec{entry: entry, task: bundle})
		if got := m.event(row.event).String(); got != row.want || m.ready.Dialect != dayfly.DialectLambda {
			t.Errorf("%s: %s (%s), want %s", entry, got, m.ready.Dialect, row.want)
		}
	}
	m := serve(t, spec{entry: "my.shop/failing", task: bundle, dialect: "lambda"})
	if a := m.event(`{}`); a.failure == nil || a.failure.Type != "clojure.lang.ExceptionInfo" || a.failure.Message != "no" {
		t.Errorf("failing: %s, want an ExceptionInfo", a)
	}
	_, err := start(t, spec{entry: "my.shop/absent", task: bundle})
	if failure, ok := host.FailureOf(err); !ok || failure.Message != "the namespace my.shop has no absent" {
		t.Errorf("absent var: %v", err)
	}
}
