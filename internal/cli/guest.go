// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/build/jars"
	"github.com/dayfly-faas/dayfly/internal/build/typescript"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/guest/azure"
	"github.com/dayfly-faas/dayfly/internal/guest/cgibin"
	"github.com/dayfly-faas/dayfly/internal/guest/fastcgi"
	"github.com/dayfly-faas/dayfly/internal/guest/lambda"
	"github.com/dayfly-faas/dayfly/internal/guest/relay"
	"github.com/dayfly-faas/dayfly/internal/guest/static"
	"github.com/dayfly-faas/dayfly/internal/guest/stdio"
	"github.com/dayfly-faas/dayfly/internal/guest/wasi"
)

// guest runs the code of ours that lives inside a sandbox. It is no command for
// people: help does not show it, and it does not pass through cobra, which would cost
// every cold start a millisecond.
func guest(args []string, world World) int {
	if len(args) > 0 {
		switch args[0] {
		case "lambda":
			return lambda.Main()
		case "relay":
			return relay.Main(args[1:])
		case "stdio":
			return stdio.Main()
		case "wasm":
			return wasi.Main()
		case "wasm-compile":
			return wasi.Compile(args[1:], world.Out, world.Err)
		case "azure":
			return azure.Main(args[1:], world.Out, world.Err)
		case "cgi":
			return cgibin.Main(args[1:], world.Err)
		case "fastcgi":
			return fastcgi.Main(args[1:], world.Err)
		case "static":
			return static.Main(args[1:], world.Err)
		case "jars":
			return jars.Main(args[1:], world.Out, world.Err)
		case "typescript":
			return typescript.Main(args[1:], world.Out, world.Err)
		}
	}
	fmt.Fprintf(world.Err, "error: dayfly guest runs inside a sandbox only\n")
	return term.ExitCodes[dayfly.KindInvalid]
}
