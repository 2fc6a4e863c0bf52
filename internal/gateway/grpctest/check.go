// SPDX-License-Identifier: Apache-2.0

package grpctest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// patience is how long anything may take on a machine that is busy.
const patience = time.Minute

// Client is a caller of a Service, for a test.
type Client struct {
	grpc_testing.TestServiceClient
	conn grpc.ClientConnInterface
}

// NewClient gives a caller over conn.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{grpc_testing.NewTestServiceClient(conn), conn}
}

// Context gives a context for calls that have the service do something.
func Context(t testing.TB, do string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return metadata.AppendToOutgoingContext(ctx, Do, do)
}

// Want fails the test unless err has that code.
func Want(t testing.TB, err error, want codes.Code) *status.Status {
	t.Helper()
	s, _ := status.FromError(err)
	if s.Code() != want {
		t.Errorf("the call ended with %v, want %s", err, want)
	}
	return s
}

// Check asks everything.
func Check(t *testing.T, conn grpc.ClientConnInterface) {
	t.Helper()
	c := NewClient(conn)
	for name, check := range map[string]func(*testing.T){
		"unary": c.unary, "large": c.large, "compressed": c.compressed, "statuses": c.statuses, "details": c.details,
		"unknown": c.unknown, "output": c.output, "input": c.input, "duplex": c.duplex, "empty": c.empty,
		"deadline": c.deadline, "given up": c.givenUp, "early end": c.early,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t)
		})
	}
}

// unary: metadata goes there and comes back, in head and trailer.
func (c *Client) unary(t *testing.T) {
	ctx := metadata.AppendToOutgoingContext(Context(t, ""), "x-there", "a b", "x-there-bin", "\x00\xff")
	var header, trailer metadata.MD
	r, err := c.UnaryCall(ctx, &grpc_testing.SimpleRequest{ResponseSize: 5},
		grpc.Header(&header), grpc.Trailer(&trailer))
	if Want(t, err, codes.OK); len(r.GetPayload().GetBody()) != 5 {
		t.Errorf("the answer is %v", r)
	}
	if first(header.Get("x-back")) != "a b" || first(trailer.Get("x-last-bin")) != "\x00\xff" {
		t.Errorf("the head is %v, the trailer %v", header, trailer)
	}
}

// large: messages of megabytes pass both ways.
func (c *Client) large(t *testing.T) {
	const size = 3 << 20
	r, err := c.UnaryCall(Context(t, ""), &grpc_testing.SimpleRequest{ResponseSize: size,
		Payload: &grpc_testing.Payload{Body: make([]byte, size)}})
	if Want(t, err, codes.OK); len(r.GetPayload().GetBody()) != size {
		t.Errorf("%d bytes came", len(r.GetPayload().GetBody()))
	}
}

// compressed: messages that gRPC itself has compressed pass as they are.
func (c *Client) compressed(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 100_000)
	r, err := c.UnaryCall(Context(t, ""), &grpc_testing.SimpleRequest{ResponseSize: 100_000,
		Payload: &grpc_testing.Payload{Body: body}}, grpc.UseCompressor(gzip.Name))
	if Want(t, err, codes.OK); len(r.GetPayload().GetBody()) != len(body) {
		t.Errorf("%d bytes came", len(r.GetPayload().GetBody()))
	}
}

// statuses: answers without a message end with the status that the server gave.
func (c *Client) statuses(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		_, err := c.UnaryCall(Context(t, ""), &grpc_testing.SimpleRequest{
			ResponseStatus: &grpc_testing.EchoStatus{Code: int32(code), Message: code.String()}})
		if s := Want(t, err, code); s.Message() != code.String() {
			t.Errorf("%s says %q", code, s.Message())
		}
	}
}

// details: a status has more than a code.
func (c *Client) details(t *testing.T) {
	_, err := c.UnaryCall(Context(t, DoDetails), &grpc_testing.SimpleRequest{})
	s := Want(t, err, codes.NotFound)
	if s.Message() != "50% für alle\nfehlen" || len(s.Details()) != 1 {
		t.Fatalf("the status is %q, %v", s.Message(), s.Details())
	}
	if detail, ok := s.Details()[0].(*grpc_testing.EchoStatus); !ok || detail.GetMessage() != "a detail" {
		t.Errorf("the detail is %v", s.Details()[0])
	}
}

// unknown: what the server has not is its to say.
func (c *Client) unknown(t *testing.T) {
	_, err := c.UnimplementedCall(Context(t, ""), &grpc_testing.Empty{})
	Want(t, err, codes.Unimplemented)
}

func sizes(all ...int32) *grpc_testing.StreamingOutputCallRequest {
	r := &grpc_testing.StreamingOutputCallRequest{}
	for _, size := range all {
		r.ResponseParameters = append(r.ResponseParameters, &grpc_testing.ResponseParameters{Size: size})
	}
	return r
}

// output: a stream of messages comes back, and then its end.
func (c *Client) output(t *testing.T) {
	all := []int32{31415, 0, 2653, 589790}
	stream, err := c.StreamingOutputCall(Context(t, ""), sizes(all...))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range all {
		if r, err := stream.Recv(); err != nil || len(r.GetPayload().GetBody()) != int(size) {
			t.Fatalf("%d bytes came, %v; want %d", len(r.GetPayload().GetBody()), err, size)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}

// input: a stream of messages goes there.
func (c *Client) input(t *testing.T) {
	stream, err := c.StreamingInputCall(Context(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{27182, 8, 1828, 459040} {
		payload := &grpc_testing.Payload{Body: make([]byte, size)}
		if err := stream.Send(&grpc_testing.StreamingInputCallRequest{Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := stream.CloseAndRecv()
	if Want(t, err, codes.OK); r.GetAggregatedPayloadSize() != 488058 {
		t.Errorf("%d bytes went there", r.GetAggregatedPayloadSize())
	}
}

// Duplex opens a stream that goes both ways.
func (c *Client) Duplex(t testing.TB, do string) grpc_testing.TestService_FullDuplexCallClient {
	t.Helper()
	stream, err := c.FullDuplexCall(Context(t, do))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// Ping has a message of that size sent back.
func Ping(t testing.TB, stream grpc_testing.TestService_FullDuplexCallClient, size int32) {
	t.Helper()
	if err := stream.Send(sizes(size)); err != nil {
		t.Fatal(err)
	}
	if r, err := stream.Recv(); err != nil || len(r.GetPayload().GetBody()) != int(size) {
		t.Fatalf("%d bytes came, %v; want %d", len(r.GetPayload().GetBody()), err, size)
	}
}

// duplex: each message is answered before the next one goes out.
func (c *Client) duplex(t *testing.T) {
	stream := c.Duplex(t, "")
	for _, size := range []int32{3, 70_000, 0, 9} {
		Ping(t, stream, size)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}

// empty: a stream without messages ends well.
func (c *Client) empty(t *testing.T) {
	stream := c.Duplex(t, "")
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}

// deadline: the server knows how long its caller waits, and the caller does not wait longer.
func (c *Client) deadline(t *testing.T) {
	r, err := c.UnaryCall(Context(t, DoDeadline), &grpc_testing.SimpleRequest{})
	Want(t, err, codes.OK)
	left, _ := strconv.Atoi(string(r.GetPayload().GetBody()))
	if left <= 0 || left > int(patience.Milliseconds()) {
		t.Errorf("the server was told of %d ms, the caller waits %s", left, patience)
	}
	ctx, cancel := context.WithTimeout(Context(t, DoWait), 50*time.Millisecond)
	defer cancel()
	_, err = c.UnaryCall(ctx, &grpc_testing.SimpleRequest{})
	Want(t, err, codes.DeadlineExceeded)
}

// givenUp: the server hears of a caller who gives up, also one that is quiet.
func (c *Client) givenUp(t *testing.T) {
	before := c.Gone(t)
	ctx, cancel := context.WithCancel(Context(t, DoWait))
	defer cancel()
	stream, err := c.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	Ping(t, stream, 1)
	cancel()
	_, err = stream.Recv()
	Want(t, err, codes.Canceled)
	for until := time.Now().Add(patience); c.Gone(t) == before; {
		if time.Now().After(until) {
			t.Fatal("the server was not told that its caller went")
		}
	}
}

// Gone tells on how many streams the server has waited for a caller that went.
func (c *Client) Gone(t *testing.T) int {
	t.Helper()
	r, err := c.UnaryCall(Context(t, DoGone), &grpc_testing.SimpleRequest{})
	Want(t, err, codes.OK)
	n, _ := strconv.Atoi(string(r.GetPayload().GetBody()))
	return n
}

// early: a server may end a stream that its caller has not ended.
func (c *Client) early(t *testing.T) {
	stream := c.Duplex(t, DoEarly)
	Ping(t, stream, 1)
	_, err := stream.Recv()
	if s := Want(t, err, codes.FailedPrecondition); s.Message() != "enough" {
		t.Errorf("the status says %q", s.Message())
	}
}
