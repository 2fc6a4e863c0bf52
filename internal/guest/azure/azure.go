// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// pollPause is how often a starting handler is asked whether it answers.
	pollPause = 5 * time.Millisecond
	// pollTimeout bounds one such question.
	pollTimeout = time.Second
	// headTimeout bounds how long a request's head takes.
	headTimeout = 30 * time.Second
)

// server answers the platform's requests.
type server struct {
	app     *app
	handler string // the handler's address
	client  *http.Client
	stderr  io.Writer
}

// dirFlag names the program's working directory, when that is not the application's.
const dirFlag = "--dir"

// Main runs a custom handler's program, which is args after an optional --dir FOLDER, and
// serves on $PORT until it ends. It gives the exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	fmt.Fprintln(stderr, "dayfly guest azure:", run(args, stdout, stderr))
	return 1
}

// run never ends well: a handler serves until the box is ended around it.
func run(args []string, stdout, stderr io.Writer) error {
	dir := ""
	if len(args) > 2 && args[0] == dirFlag {
		dir, args = args[1], args[2:]
	}
	if len(args) == 0 {
		return errors.New("there is no program to run")
	}
	a, err := readApp(".")
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	program, err := command(dir, port, args)
	if err != nil {
		return err
	}
	program.Stdout, program.Stderr = stdout, stderr
	if err := program.Start(); err != nil {
		return fmt.Errorf("start %s: %w", args[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	s := &server{app: a, handler: "http://127.0.0.1:" + port, stderr: stderr,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}}
	if err := s.await(ended); err != nil {
		return err
	}
	return s.serve(ended)
}

// command is the handler's program, which is found from the application's folder.
func command(dir, port string, args []string) (*exec.Cmd, error) {
	var err error
	name := args[0]
	if strings.Contains(name, "/") {
		if name, err = filepath.Abs(name); err != nil {
			return nil, fmt.Errorf("find %s: %w", args[0], err)
		}
	}
	program := exec.Command(name, args[1:]...)
	program.Dir = dir
	program.Env = append(os.Environ(), handlerEnvironment(port)...)
	return program, nil
}

// serve answers on $PORT until the handler ends.
func (s *server) serve(ended <-chan error) error {
	listener, err := net.Listen("tcp", "127.0.0.1:"+servedPort())
	if err != nil {
		return fmt.Errorf("listen on $PORT: %w", err)
	}
	failed := make(chan error, 1)
	go func() {
		served := &http.Server{Handler: s, ReadHeaderTimeout: headTimeout}
		failed <- served.Serve(listener)
	}()
	select {
	case err = <-ended:
		return fmt.Errorf("the handler ended: %w", errors.Join(err, errEnded))
	case err = <-failed:
		return fmt.Errorf("serve on $PORT: %w", err)
	}
}

var errEnded = errors.New("it must serve until it is stopped")

// handlerEnvironment is what Azure's host sets for a handler.
func handlerEnvironment(port string) []string {
	folder, err := os.Getwd()
	if err != nil {
		folder = "."
	}
	return []string{
		"FUNCTIONS_CUSTOMHANDLER_PORT=" + port, "FUNCTIONS_HTTPWORKER_PORT=" + port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID=" + guid(), "FUNCTIONS_APP_ROOT_PATH=" + folder,
		"FUNCTIONS_WORKER_RUNTIME=custom",
	}
}

func servedPort() string {
	if port, err := strconv.Atoi(os.Getenv("PORT")); err == nil {
		return strconv.Itoa(port)
	}
	return "8080"
}

// freePort finds a port that nothing listens on; the box has a network of its own.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// await waits until the handler answers anything at all. The platform bounds how long.
func (s *server) await(ended <-chan error) error {
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("the handler ended before it answered: %w", errors.Join(err, errEnded))
		case <-tick.C:
		}
		if s.answers() {
			return nil
		}
	}
}

func (s *server) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), pollTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.handler+"/", nil)
	if err != nil {
		return false
	}
	response, err := s.client.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, bodyBytesMax))
	response.Body.Close()
	return true
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, params := s.app.find(r.Method, r.URL.EscapedPath())
	isEvent := f == nil
	if isEvent {
		f = s.app.findEvent(r)
	}
	if f == nil {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyBytesMax))
	if err != nil {
		http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	id := r.Header.Get("X-Dayfly-Invocation")
	r.Header.Del("X-Dayfly-Invocation")
	if id == "" {
		id = guid()
	}
	value := any(nil)
	if isEvent {
		value = eventOf(f, body)
	} else {
		value = requestOf(r, params, body)
	}
	result, err := s.invoke(r.Context(), f, id, value)
	if err == nil {
		err = s.answer(w, f, result)
	}
	if err != nil {
		fmt.Fprintf(s.stderr, "%s failed: %v\n", f.name, err)
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	}
}

// answer logs what the handler said, and sends on what it answered.
func (s *server) answer(w http.ResponseWriter, f *function, r *result) error {
	for _, line := range r.Logs {
		fmt.Fprintln(s.stderr, line)
	}
	for _, name := range f.others {
		if r.Outputs[name] != nil {
			fmt.Fprintf(s.stderr, "the output %s of %s is delivered nowhere here\n", name, f.name)
		}
	}
	if !f.isHTTP() {
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	made, err := answerOf(f, r)
	if err != nil {
		return err
	}
	for name, values := range made.header {
		w.Header()[name] = values
	}
	w.WriteHeader(made.status)
	_, _ = w.Write(made.body)
	return nil
}

var _ http.Handler = (*server)(nil)
