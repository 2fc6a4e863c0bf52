// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"net"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/dayfly-faas/dayfly/internal/gateway"
	"github.com/dayfly-faas/dayfly/internal/gateway/grpctest"
)

// served runs s and gives its address.
func served(t *testing.T, s *grpc.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

// dialed gives a client of g that asks for the host shop.localhost.
func dialed(t *testing.T, g *gateway.Gateway) *grpc.ClientConn {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Config = g.Server()
	srv.Start()
	t.Cleanup(srv.Close)
	conn, err := grpc.NewClient(srv.Listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("shop.localhost"), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGRPCPassesToServers(t *testing.T) {
	t.Parallel()
	address := served(t, grpctest.NewServer(new(grpctest.Service)))
	g, _ := routed(t, answers, `{"routes": {"/{rest...}": {"url": "http://`+address+`"}}}`)
	t.Run("check", func(t *testing.T) { grpctest.Check(t, dialed(t, g)) })
}
