// SPDX-License-Identifier: Apache-2.0

package login_test

import (
	_ "github.com/go-jose/go-jose/v4"
	_ "github.com/zitadel/oidc/v3/example/server/exampleop"
	_ "github.com/zitadel/oidc/v3/example/server/storage"
)
