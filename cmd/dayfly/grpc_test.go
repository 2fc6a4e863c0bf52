// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"

	"github.com/dayfly-faas/dayfly/internal/gateway/grpctest"
)

// grpcManifest has a server of gRPC that is a function, reached by its own address and by a
// route, and two that are elsewhere.
const grpcManifest = `
project: rpc
direct: true
auth:
  partners: {keys: {}}
functions:
  server: {source: ./server, command: ./server, contract: http, request_limit: 4MiB, response_limit: 4MiB}
  hasty: {source: ./server, command: ./server, contract: http, timeout: 2s}
  script: {source: ./script}
routes:
  /{rest...}: {function: server}
  POST /grpc.testing.TestService/HalfDuplexCall: {function: script}
  POST /grpc.testing.TestService/CacheableUnaryCall: {function: server, auth: partners}
`

// TestGRPC: gRPC's own client and server speak through a whole node.
func TestGRPC(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts a whole node")
	}
	skipUnlessAble(t)
	w := &grpcWorld{crashWorld: &crashWorld{t: t, dir: t.TempDir(), http: &http.Client{Timeout: time.Minute},
		more: []string{"--tls", "127.0.0.1:0", "--tls-local", "--tls-redirect", "off"}}}
	w.deployAll()
	t.Run("function", func(t *testing.T) { grpctest.Check(t, w.plain(t, "rpc.localhost")) })
	t.Run("own address", func(t *testing.T) { grpctest.Check(t, w.plain(t, "server.rpc.localhost")) })
	t.Run("TLS door", func(t *testing.T) { grpctest.Check(t, w.secure(t, "rpc.localhost")) })
	t.Run("server", func(t *testing.T) { grpctest.Check(t, w.plain(t, "near.localhost")) })
	t.Run("TLS server", func(t *testing.T) { grpctest.Check(t, w.plain(t, "far.localhost")) })
	t.Run("failures", w.failures)
}

// grpcWorld is a node before servers of gRPC.
type grpcWorld struct{ *crashWorld }

// deployAll starts the servers and the node, and deploys what leads to them.
func (w *grpcWorld) deployAll() {
	w.t.Helper()
	certified := httptest.NewTLSServer(nil)
	w.t.Cleanup(certified.Close)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certified.Certificate().Raw})
	w.write("root.pem", string(root))
	w.env = []string{"SSL_CERT_FILE=" + filepath.Join(w.dir, "root.pem")}
	w.start()
	build := exec.Command("go", "build", "-o", filepath.Join(w.dir, "app/server/server"), "./testdata/grpc")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("build the function: %v\n%s", err, out)
	}
	w.write("app/script/server.py", doorWeb)
	w.write("app/dayfly.yaml", grpcManifest)
	near := w.serve()
	far := w.serve(grpc.Creds(credentials.NewServerTLSFromCert(&certified.TLS.Certificates[0])))
	w.write("near.yaml", "project: near\nroutes:\n  /{rest...}: {url: \"http://"+near+"\"}\n")
	w.write("far.yaml", "project: far\nroutes:\n  /{rest...}: {url: \"https://"+far+"\"}\n")
	for _, what := range []string{"app", "near.yaml", "far.yaml"} {
		w.dayfly("deploy", filepath.Join(w.dir, what))
	}
}

func (w *grpcWorld) write(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	w.check(os.MkdirAll(filepath.Dir(path), 0o755))
	w.check(os.WriteFile(path, []byte(text), 0o644))
}

// serve runs a server and gives its address.
func (w *grpcWorld) serve(options ...grpc.ServerOption) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.check(err)
	s := grpctest.NewServer(new(grpctest.Service), options...)
	go func() { _ = s.Serve(l) }()
	w.t.Cleanup(s.Stop)
	return l.Addr().String()
}

// plain connects to the public door, for a host.
func (w *grpcWorld) plain(t *testing.T, host string) *grpc.ClientConn {
	t.Helper()
	return w.dial(t, strings.TrimPrefix(w.gateway, "http://"), host, insecure.NewCredentials())
}

// secure connects to the door with TLS.
func (w *grpcWorld) secure(t *testing.T, host string) *grpc.ClientConn {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(w.dir, "up.log"))
	w.check(err)
	said := regexp.MustCompile(`"TLS door opened".*address=(\S+)`).FindSubmatch(log)
	if said == nil {
		t.Fatalf("the log tells no address of the TLS door:\n%s", log)
	}
	return w.dial(t, string(said[1]), host, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
}

func (w *grpcWorld) dial(t *testing.T, address, host string, by credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(by), grpc.WithAuthority(host), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// failures: what goes wrong with a function is told as gRPC tells it, and its owner.
func (w *grpcWorld) failures(t *testing.T) {
	c := grpctest.NewClient(w.plain(t, "rpc.localhost"))
	_, err := c.UnaryCall(grpctest.Context(t, grpctest.DoExit), &grpc_testing.SimpleRequest{})
	grpctest.Want(t, err, codes.Unavailable)
	half, err := c.HalfDuplexCall(grpctest.Context(t, ""))
	if err == nil {
		_, err = half.Recv()
	}
	grpctest.Want(t, err, codes.Internal) // of a program that does not speak HTTP/2
	_, err = c.CacheableUnaryCall(grpctest.Context(t, ""), &grpc_testing.SimpleRequest{})
	grpctest.Want(t, err, codes.Unauthenticated)
	large := &grpc_testing.Payload{Body: make([]byte, 5<<20)}
	_, err = c.UnaryCall(grpctest.Context(t, ""), &grpc_testing.SimpleRequest{Payload: large})
	grpctest.Want(t, err, codes.ResourceExhausted)
	_, err = c.UnaryCall(grpctest.Context(t, ""), &grpc_testing.SimpleRequest{ResponseSize: 5 << 20})
	grpctest.Want(t, err, codes.ResourceExhausted)
	stream := c.Duplex(t, grpctest.DoExit)
	grpctest.Ping(t, stream, 1)
	w.check(stream.Send(&grpc_testing.StreamingOutputCallRequest{}))
	_, err = stream.Recv()
	grpctest.Want(t, err, codes.Unavailable)
	hasty := grpctest.NewClient(w.plain(t, "hasty.rpc.localhost"))
	stream = hasty.Duplex(t, grpctest.DoWait) // its time is over after a message
	grpctest.Ping(t, stream, 1)
	_, err = stream.Recv()
	grpctest.Want(t, err, codes.DeadlineExceeded)
	for until := time.Now().Add(time.Minute); hasty.Gone(t) != 1; {
		if time.Now().After(until) {
			t.Fatal("a stream on which the caller was silent ended the function's process")
		}
	}
	_, err = hasty.UnaryCall(grpctest.Context(t, grpctest.DoWait), &grpc_testing.SimpleRequest{})
	grpctest.Want(t, err, codes.DeadlineExceeded) // of the function alone, which is ended
	if hasty.Gone(t) != 0 {
		t.Error("a function that did not answer goes on")
	}
	_, err = c.UnaryCall(grpctest.Context(t, grpctest.DoSpeak), &grpc_testing.SimpleRequest{})
	grpctest.Want(t, err, codes.OK)
	for until := time.Now().Add(time.Minute); !strings.Contains(w.dayfly("logs", "server.rpc"), "the service speaks"); {
		if time.Now().After(until) {
			t.Fatal("the log of the function has no line of the service")
		}
	}
}
