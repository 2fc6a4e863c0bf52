// SPDX-License-Identifier: Apache-2.0

package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	aws "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/guest/frame"
)

// The test binary is also a program on AWS's own client: this variable says which.
const programVariable = "LAMBDA_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if program := programs()[os.Getenv(programVariable)]; program != nil {
		program()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// half is a stream that breaks off.
type half struct{ sent bool }

func (h *half) Read(p []byte) (int, error) {
	if h.sent {
		return 0, errors.New("broke off")
	}
	h.sent = true
	return copy(p, "half"), nil
}

func programs() map[string]func() {
	return map[string]func(){
		"echo": func() { aws.Start(func(e json.RawMessage) (json.RawMessage, error) { return e, nil }) },
		"context": func() {
			aws.Start(func(ctx context.Context) (any, error) {
				lc, _ := lambdacontext.FromContext(ctx)
				deadline, _ := ctx.Deadline()
				return map[string]any{"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "deadline": deadline.UnixMilli(),
					"trace": ctx.Value("x-amzn-trace-id"), "name": lambdacontext.FunctionName}, nil //nolint:staticcheck // AWS's key
			})
		},
		"error":  func() { aws.Start(func() error { return errors.New("boom") }) },
		"panic":  func() { aws.Start(func() { panic("boom") }) },
		"reader": func() { aws.Start(func() (io.Reader, error) { return strings.NewReader("bytes"), nil }) },
		"half":   func() { aws.Start(func() (io.Reader, error) { return &half{}, nil }) },
		"url": func() {
			aws.Start(func(r events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
				return &events.LambdaFunctionURLStreamingResponse{StatusCode: 418, Cookies: []string{"a=1"},
					Headers: map[string]string{"x-path": r.RawPath}, Body: strings.NewReader("tea")}, nil
			})
		},
		"sigterm": func() {
			aws.StartWithOptions(func(e string) (string, error) { return e, nil },
				aws.WithEnableSIGTERM(func() { _ = os.WriteFile(os.Getenv("TOLD"), []byte("bye"), 0o644) }))
		},
		"slow": func() {
			aws.Start(func(e string) (string, error) { time.Sleep(50 * time.Millisecond); return e, nil })
		},
	}
}

// program makes a ready guest of one of them.
func program(t *testing.T, name string, change func(*frame.SpecialiseHead)) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, []string{self}, func(h *frame.SpecialiseHead) {
		h.Env[programVariable] = name
		if change != nil {
			change(h)
		}
	})
	if failure := w.specialise(); failure != nil {
		t.Fatal(failure)
	}
	return w
}

func TestAWSClientIsServed(t *testing.T) {
	t.Parallel()
	const event, web = dayfly.RequestEvent, dayfly.RequestHTTP
	for _, row := range []struct {
		program, event, want string
		kind                 dayfly.RequestKind
	}{
		{"echo", `{"a": [1, "é"]}`, `200 application/json {"a":[1,"é"]}`, event},
		{"error", `1`, `exception errorString {"errorMessage":"boom","errorType":"errorString"}`, event},
		{"reader", `1`, "200 application/octet-stream bytes", event},
		{"reader", `1`, "200 application/octet-stream bytes", web},
		{"half", `1`, `exception errorString {"errorMessage":"broke off","errorType":"errorString"}`, event},
		{"url", `{}`, "418 application/json tea", web},
	} {
		w := program(t, row.program, nil)
		for range 2 {
			if got, _ := w.exchange(t.Context(), invocation(row.kind, row.event)); got != row.want {
				t.Errorf("%s: %s\nwant %s", row.program, got, row.want)
			}
		}
	}
}

func TestAWSClientKnowsItsContext(t *testing.T) {
	t.Parallel()
	w := program(t, "context", nil)
	inv := invocation(dayfly.RequestEvent, "{}")
	got, _ := w.exchange(t.Context(), inv)
	want := fmt.Sprintf(`200 application/json {"arn":"arn:aws:lambda:eu-west-1:000000000000:function:fn",`+
		`"deadline":1900000000123,"id":"%s","name":"fn",`+
		`"trace":"Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"}`, inv.ID)
	if got != want {
		t.Errorf("context = %s\nwant %s", got, want)
	}
}

func TestAWSClientThatPanicsTellsAndEnds(t *testing.T) {
	t.Parallel()
	w := program(t, "panic", nil)
	got, _ := w.exchange(t.Context(), invocation(dayfly.RequestEvent, "1"))
	if !strings.HasPrefix(got, `exception string {"errorMessage":"boom","errorType":"string","stackTrace":[{"path":`) {
		t.Errorf("call = %s", got)
	}
	wait(t, w.ended, "end of the guest")
	if w.status == 0 {
		t.Error("the guest ended well, though its program did not")
	}
}

func TestAWSClientTakesManyEventsAtOnce(t *testing.T) {
	t.Parallel()
	const many = 8
	w := program(t, "slow", func(h *frame.SpecialiseHead) {
		h.Concurrency, h.Env["AWS_LAMBDA_MAX_CONCURRENCY"] = many, fmt.Sprint(many)
	})
	began := time.Now()
	var calls []chan outcome
	for i := range 4 * many {
		calls = append(calls, w.call(invocation(dayfly.RequestEvent, fmt.Sprintf(`"%d"`, i))))
	}
	for i, call := range calls {
		if o := wait(t, call, "answer"); o.text != fmt.Sprintf(`200 application/json "%d"`, i) {
			t.Errorf("call %d = %s", i, o.text)
		}
	}
	if took := time.Since(began); took > 4*many*50*time.Millisecond {
		t.Errorf("%d calls of 50 ms took %s: one after the other", 4*many, took)
	}
}
