// SPDX-License-Identifier: Apache-2.0

package grpctest

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	_ "google.golang.org/grpc/encoding/gzip" // which clients may ask for
)

// What the metadata Do has the service do.
const (
	Do         = "do"
	DoDetails  = "details"  // fail with details
	DoWait     = "wait"     // answer nothing until the caller is gone
	DoDeadline = "deadline" // tell how many milliseconds are left
	DoEarly    = "early"    // end a stream that the caller goes on with
	DoGone     = "gone"     // tell on how many streams callers were waited for and went
	DoExit     = "exit"     // end the process
	DoSpeak    = "speak"    // print a line
)

// messageMax is larger than what gRPC allows by itself, so that another limit is met first.
const messageMax = 64 << 20

// Service is gRPC's own TestService.
type Service struct {
	grpc_testing.UnimplementedTestServiceServer
	// Exit ends the process.
	Exit func()
	gone atomic.Int64
}

// NewServer gives a server of s.
func NewServer(service *Service, options ...grpc.ServerOption) *grpc.Server {
	s := grpc.NewServer(append(options, grpc.MaxRecvMsgSize(messageMax))...)
	grpc_testing.RegisterTestServiceServer(s, service)
	return s
}

// wish gives what the caller wants done.
func wish(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if values := md.Get(Do); len(values) > 0 {
		return values[0]
	}
	return ""
}

// wait answers once the caller is gone.
func wait(ctx context.Context) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

// UnaryCall answers with a payload of the size that was asked for, and with the metadata of
// the request as header and trailer.
func (s *Service) UnaryCall(ctx context.Context, r *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	if said := r.GetResponseStatus(); said.GetCode() != 0 {
		return nil, status.Error(codes.Code(said.GetCode()), said.GetMessage())
	}
	body := make([]byte, r.GetResponseSize())
	switch wish(ctx) {
	case DoWait:
		return nil, wait(ctx)
	case DoExit:
		s.Exit()
	case DoSpeak:
		_, _ = io.WriteString(os.Stdout, "the service speaks\n")
	case DoDetails:
		refusal, err := status.New(codes.NotFound, "50% für alle\nfehlen").WithDetails(&grpc_testing.EchoStatus{Message: "a detail"})
		if err != nil {
			return nil, err
		}
		return nil, refusal.Err()
	case DoGone:
		body = strconv.AppendInt(nil, s.gone.Load(), 10)
	case DoDeadline:
		deadline, _ := ctx.Deadline()
		body = strconv.AppendInt(nil, time.Until(deadline).Milliseconds(), 10)
	}
	md, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-back", first(md.Get("x-there"))))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-last-bin", first(md.Get("x-there-bin"))))
	return &grpc_testing.SimpleResponse{Payload: &grpc_testing.Payload{Body: body}}, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// StreamingOutputCall answers with messages of the sizes that were asked for.
func (s *Service) StreamingOutputCall(
	r *grpc_testing.StreamingOutputCallRequest, out grpc_testing.TestService_StreamingOutputCallServer,
) error {
	if err := sendAll(r, out.Send); err != nil {
		return err
	}
	if wish(out.Context()) == DoWait {
		return wait(out.Context())
	}
	return nil
}

func sendAll(
	r *grpc_testing.StreamingOutputCallRequest, send func(*grpc_testing.StreamingOutputCallResponse) error,
) error {
	for _, p := range r.GetResponseParameters() {
		payload := &grpc_testing.Payload{Body: make([]byte, p.GetSize())}
		if err := send(&grpc_testing.StreamingOutputCallResponse{Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

// StreamingInputCall answers with how many bytes came.
func (s *Service) StreamingInputCall(in grpc_testing.TestService_StreamingInputCallServer) error {
	var sum int32
	for {
		r, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return in.SendAndClose(&grpc_testing.StreamingInputCallResponse{AggregatedPayloadSize: sum})
		}
		if err != nil {
			return err
		}
		sum += int32(len(r.GetPayload().GetBody()))
	}
}

// FullDuplexCall answers each message as StreamingOutputCall does.
func (s *Service) FullDuplexCall(both grpc_testing.TestService_FullDuplexCallServer) error {
	for {
		r, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := sendAll(r, both.Send); err != nil {
			return err
		}
		switch wish(both.Context()) {
		case DoEarly:
			return status.Error(codes.FailedPrecondition, "enough")
		case DoWait:
			defer s.gone.Add(1)
			return wait(both.Context())
		case DoExit: // not while what it has said is on its way
			if len(r.GetResponseParameters()) == 0 {
				s.Exit()
			}
		}
	}
}
