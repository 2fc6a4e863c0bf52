// SPDX-License-Identifier: Apache-2.0

package entry_test

import (
	"strings"
	"testing"

	"github.com/dayfly-faas/dayfly/internal/api/apitest"
	"github.com/dayfly-faas/dayfly/internal/cli/clitest"
)

func TestKeysOnTheCommandLine(t *testing.T) {
	t.Parallel()
	n := apitest.Start(t)
	for _, tt := range []struct {
		args, in string
		code     int
		out, err string // parts
	}{
		{args: "key create partner --scope a --label plan=gold --expires 90d", out: "dfk_", err: "keep it"},
		{args: "key create partner", code: 4, err: "dayfly key rotate partner"},
		{args: "key create Partner", code: 2, err: "key name"},
		{args: "key create b --expires soon", code: 2, err: "--expires"},
		{args: "key list", out: "partner"},
		{args: "key list --json", out: `"plan":"gold"`},
		{args: "key list --project other", out: "KEY"},
		{args: "key rotate partner --grace 1h", out: "dfk_"},
		{args: "key rotate partner --grace 91d", code: 2, err: "grace"},
		{args: "key rotate nobody", code: 3, err: "no API key"},
		{args: "key revoke partner --project other", code: 3, err: "no API key"},
		{args: "key revoke partner", out: "partner revoked"},
		{args: "key revoke partner", code: 3, err: "no API key"},
		{args: "key hash", in: "correct horse\n", out: "$argon2id$v=19$m=19456,t=2,p=1$"},
		{args: "key hash --algorithm bcrypt", in: "correct horse", out: "$2a$10$"},
		{args: "key hash --algorithm md5", in: "correct horse", code: 2, err: "neither"},
		{args: "key hash", in: "short\n", code: 2, err: "5 bytes"},
	} {
		got := clitest.Run(t, n, tt.in, strings.Fields(tt.args)...)
		if got.Code != tt.code || !strings.Contains(got.Out, tt.out) || !strings.Contains(got.Err, tt.err) {
			t.Errorf("dayfly %s = %+v, want code %d with %q and %q", tt.args, got, tt.code, tt.out, tt.err)
		}
	}
}
