// SPDX-License-Identifier: Apache-2.0

package java_test

import (
	"testing"
	"time"
)

func TestHello(t *testing.T) {
	anyJDK(t)
	for _, jdk := range jdks() {
		began := time.Now()
		m := serve(t, spec{entry: "app.Hello", dialect: "lambda", jdk: jdk})
		t.Logf("%s: ready after %s", jdk.Version, time.Since(began))
		if got := m.event(`{"name":"you"}`).String(); got != `200 "hello you"` {
			t.Errorf("%s: answer = %s", jdk.Version, got)
		}
	}
}
