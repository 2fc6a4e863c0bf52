// SPDX-License-Identifier: Apache-2.0

package password_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func parse(t testing.TB, text string) *password.Hash {
	t.Helper()
	h, err := password.Parse(text)
	if err != nil {
		t.Fatalf("parse %s: %v", text, err)
	}
	return h
}

func TestHashesOfOtherProgramsAreChecked(t *testing.T) {
	t.Parallel()
	c := password.New(time.Now)
	for name, text := range map[string]string{
		"argon2 -id":       "$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHQxMjM0$XzoMVFBkA1ObEyX30PVwxaMszE6IQqRlwrk7E/FFKPM",
		"argon2 -id -l 16": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQxMjM0$taR2AF21kKFh3UaH683DFg",
		"htpasswd -B":      "$2y$04$WVmZO0FlsGLOnYIMptMuUeh8G6EwdAtMDN73IIa.XV3YDkeSAkO3i",
		"crypt(3)":         "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	} {
		h := parse(t, text)
		for range 2 { // the second time it is remembered
			if ok, err := c.Check(t.Context(), h, "correct horse", "a"); !ok || err != nil {
				t.Errorf("%s: the password gives %v, %v", name, ok, err)
			}
			for _, wrong := range []string{"", "correct horsE", "correct horse ", "correct horse\x00", strings.Repeat("a", 100), strings.Repeat("a", 5000)} {
				if ok, err := c.Check(t.Context(), h, wrong, "a"); ok || err != nil {
					t.Errorf("%s: %.20q gives %v, %v", name, wrong, ok, err)
				}
			}
		}
	}
}

func TestHashesThatAreMadeAreChecked(t *testing.T) {
	t.Parallel()
	c := password.New(time.Now)
	for _, a := range []password.Algorithm{password.Argon2id, password.Bcrypt} {
		first, err := password.Make("correct horse", a)
		if err != nil {
			t.Fatal(err)
		}
		second, err := password.Make("correct horse", a)
		if err != nil || second == first {
			t.Errorf("%s: two hashes of a password are %s and %s, %v", a, first, second, err)
		}
		if ok, err := c.Check(t.Context(), parse(t, first), "correct horse", "a"); !ok || err != nil {
			t.Errorf("%s: %v, %v", a, ok, err)
		}
	}
	for name, err := range map[string]error{
		"short": second(password.Make("1234567", password.Argon2id)), "long": second(password.Make(strings.Repeat("a", 1025), password.Argon2id)),
		"long for bcrypt": second(password.Make(strings.Repeat("a", 73), password.Bcrypt)), "algorithm": second(password.Make("12345678", "md5")),
	} {
		if dayfly.KindOf(err) != dayfly.KindInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func second(_ string, err error) error { return err }

// TestPasswordsThatBcryptWouldCutAreRefused: bcrypt ignores what follows the 72nd byte.
func TestPasswordsThatBcryptWouldCutAreRefused(t *testing.T) {
	t.Parallel()
	text, err := password.Make(strings.Repeat("a", 72), password.Bcrypt)
	if err != nil {
		t.Fatal(err)
	}
	c := password.New(time.Now)
	if ok, err := c.Check(t.Context(), parse(t, text), strings.Repeat("a", 72), "a"); !ok || err != nil {
		t.Errorf("the password: %v, %v", ok, err)
	}
	if ok, _ := c.Check(t.Context(), parse(t, text), strings.Repeat("a", 73), "a"); ok {
		t.Error("a longer password was taken")
	}
}

func TestCostlyAndBrokenHashesAreRefused(t *testing.T) {
	t.Parallel()
	const tail = "$c29tZXNhbHQxMjM0$taR2AF21kKFh3UaH683DFg"
	for name, text := range map[string]string{
		"bcrypt of a minute":    "$2y$20$WVmZO0FlsGLOnYIMptMuUeh8G6EwdAtMDN73IIa.XV3YDkeSAkO3i",
		"bcrypt cut":            "$2y$04$WVmZO0FlsGLOnYIMptMuUeh8G6EwdAtMDN73IIa.XV3YDkeSAkO3",
		"bcrypt of another age": "$3y$04$WVmZO0FlsGLOnYIMptMuUeh8G6EwdAtMDN73IIa.XV3YDkeSAkO3i",
		"argon2 of a gigabyte":  "$argon2id$v=19$m=1048576,t=1,p=1" + tail, "argon2 of many passes": "$argon2id$v=19$m=65536,t=10,p=1" + tail,
		"argon2i": "$argon2i$v=19$m=8,t=1,p=1" + tail, "argon2 of old": "$argon2id$v=16$m=8,t=1,p=1" + tail,
		"no lanes": "$argon2id$v=19$m=8,t=1,p=0" + tail, "257 lanes": "$argon2id$v=19$m=4096,t=1,p=257" + tail,
		"no memory": "$argon2id$v=19$m=0,t=1,p=1" + tail, "no time": "$argon2id$v=19$m=8,t=0,p=1" + tail,
		"another order": "$argon2id$v=19$t=1,m=8,p=1" + tail, "negative": "$argon2id$v=19$m=8,t=-1,p=1" + tail,
		"no digest": "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQxMjM0$", "no salt": "$argon2id$v=19$m=8,t=1,p=1$$taR2AF21kKFh3UaH683DFg",
		"plain": "secret", "empty": "", "long": "$argon2id$" + strings.Repeat("a", 500), "md5": "$apr1$x$y",
	} {
		if h, err := password.Parse(text); err == nil {
			t.Errorf("%s: Parse(%q) = %v", name, text, h)
		}
	}
}

// costly is a hash that takes long: forty milliseconds and more.
func costly(t testing.TB) *password.Hash {
	return parse(t, "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHQxMjM0$taR2AF21kKFh3UaH683DFg")
}

func TestAFloodOfGuessesIsBoundedAndKnownUsersPass(t *testing.T) {
	t.Parallel()
	c := password.New(time.Now)
	h := parse(t, "$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHQxMjM0$XzoMVFBkA1ObEyX30PVwxaMszE6IQqRlwrk7E/FFKPM")
	if ok, err := c.Check(t.Context(), h, "correct horse", "user"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	slow := costly(t)
	var flood sync.WaitGroup
	var refused atomic.Int64
	for i := range 400 {
		flood.Go(func() {
			_, err := c.Check(ctx, slow, fmt.Sprint("guess", i), fmt.Sprint("address", i%20))
			if dayfly.KindOf(err) == dayfly.KindExhausted {
				refused.Add(1)
			}
		})
	}
	reach(t, &refused, 300)
	if ok, err := c.Check(t.Context(), h, "correct horse", "user"); !ok || err != nil {
		t.Errorf("a known user in a flood: %v, %v", ok, err)
	}
	cancel()
	flood.Wait()
	if ok, err := c.Check(t.Context(), h, "another horse", "user"); ok || err != nil {
		t.Errorf("after the flood: %v, %v, want wrong", ok, err)
	}
}

func TestOneAddressDoesNotFillTheLine(t *testing.T) {
	t.Parallel()
	c := password.New(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	slow := costly(t)
	var flood sync.WaitGroup
	var refused atomic.Int64
	for i := range 100 {
		flood.Go(func() {
			if _, err := c.Check(ctx, slow, fmt.Sprint("guess", i), "one"); dayfly.KindOf(err) == dayfly.KindExhausted {
				refused.Add(1)
			}
		})
	}
	reach(t, &refused, 50)
	quick := parse(t, "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQxMjM0$taR2AF21kKFh3UaH683DFg")
	if ok, err := c.Check(t.Context(), quick, "correct horse", "another"); !ok || err != nil {
		t.Errorf("another address: %v, %v", ok, err)
	}
	cancel()
	flood.Wait()
}

// reach waits until as many are refused: of those at once, all that the line has no room for.
func reach(t *testing.T, refused *atomic.Int64, want int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); refused.Load() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d were refused, want %d", refused.Load(), want)
		}
	}
}

func TestVerdictsAreForgotten(t *testing.T) {
	t.Parallel()
	var now atomic.Int64
	c := password.New(func() time.Time { return time.Unix(0, now.Load()) })
	slow := costly(t)
	check := func() time.Duration {
		begin := time.Now()
		if ok, err := c.Check(t.Context(), slow, "guess", "a"); ok || err != nil {
			t.Fatal(ok, err)
		}
		return time.Since(begin)
	}
	first, known := check(), check()
	now.Store(int64(5 * time.Minute))
	if again := check(); known > first/10 || again < first/10 {
		t.Errorf("a guess took %s, %s when it was remembered, %s after five minutes", first, known, again)
	}
}

func BenchmarkKnownPassword(b *testing.B) {
	c := password.New(time.Now)
	h := parse(b, "$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHQxMjM0$XzoMVFBkA1ObEyX30PVwxaMszE6IQqRlwrk7E/FFKPM")
	for b.Loop() {
		if ok, _ := c.Check(b.Context(), h, "correct horse", "a"); !ok {
			b.Fatal("wrong")
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=1024,t=2,p=2$c29tZXNhbHQxMjM0$XzoMVFBkA1ObEyX30PVwxaMszE6IQqRlwrk7E/FFKPM")
	f.Add("$2y$04$WVmZO0FlsGLOnYIMptMuUeh8G6EwdAtMDN73IIa.XV3YDkeSAkO3i")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = password.Parse(text) })
}
