// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
)

// Deploy a folder and call the function once.
func Example() {
	ctx := context.Background()
	c, err := client.New(client.Options{URL: "http://127.0.0.1:8081",
		Token: os.Getenv("DAYFLY_TOKEN")})
	if err != nil {
		slog.Error("no client", "error", err)
		return
	}
	source, err := client.OpenSource("./thumbnail")
	if err != nil {
		slog.Error("no source", "error", err)
		return
	}
	defer source.Close()
	if _, err := c.Upload(ctx, source); err != nil {
		slog.Error("not uploaded", "error", err)
		return
	}
	f := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "thumbnail"}
	outcome, err := c.Deploy(ctx, client.DeployRequest{Function: f, Source: source.Digest,
		Settings: client.Settings{Memory: "512Mi"}},
		func(e client.DeployEvent) { fmt.Println(e.Stage, e.Text) })
	if err != nil {
		slog.Error("not deployed", "error", err)
		return
	}
	fmt.Println("live at", outcome.URL)
}

// Tell a failure of the function from an error of the platform.
func ExampleClient_Invoke() {
	c, err := client.New(client.Options{URL: "http://127.0.0.1:8081", Token: "…"})
	if err != nil {
		slog.Error("no client", "error", err)
		return
	}
	f := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "hello"}
	answer, err := c.Invoke(context.Background(), f, strings.NewReader(`{"name": "Ada"}`))
	var failure *dayfly.Failure
	switch {
	case errors.As(err, &failure):
		fmt.Println("its code failed:", failure.Type, failure.Message)
		return
	case err != nil:
		fmt.Println("not called:", dayfly.KindOf(err), err)
		return
	}
	defer answer.Body.Close()
	_, _ = io.Copy(os.Stdout, answer.Body)
}

// Follow what a function prints.
func ExampleClient_Logs() {
	c, err := client.New(client.Options{URL: "http://127.0.0.1:8081", Token: "…"})
	if err != nil {
		slog.Error("no client", "error", err)
		return
	}
	f := dayfly.FunctionRef{Project: dayfly.DefaultProject, Name: "hello"}
	query := client.LogQuery{Function: f, Follow: true}
	for line, err := range c.Logs(context.Background(), query) {
		if err != nil {
			slog.Error("no more lines", "error", err)
			return
		}
		fmt.Println(line.Invocation, line.Text)
	}
}
