// SPDX-License-Identifier: Apache-2.0

// Dayfly runs functions: the node, and the command line that speaks to it.
//
//	main ─▶ airlock, when started as one ─▶ cli.Main ─▶ exit code
//
// What it can do is told by dayfly --help; internal/cli holds it.
package main

import (
	"context"
	"os"

	_ "github.com/dayfly-faas/dayfly/internal/airlock" // takes over before all else
	"github.com/dayfly-faas/dayfly/internal/cli"
	"github.com/dayfly-faas/dayfly/internal/config"
)

// version is set by the build.
var version = "dev"

func main() { os.Exit(run()) }

func run() int {
	return cli.Main(context.Background(), os.Args[1:], cli.World{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Env: config.Process(), Version: version})
}
