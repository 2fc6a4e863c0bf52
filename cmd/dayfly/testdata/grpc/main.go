// SPDX-License-Identifier: Apache-2.0

// Command grpc is a server of gRPC that a test deploys as a function.
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/dayfly-faas/dayfly/internal/gateway/grpctest"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err == nil {
		err = grpctest.NewServer(&grpctest.Service{Exit: func() { os.Exit(3) }}).Serve(l)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
