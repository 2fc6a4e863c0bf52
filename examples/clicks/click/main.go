// SPDX-License-Identifier: Apache-2.0

// Command click redirects short links and puts each click on a queue.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	// fresh is how long a link that was looked up is used without looking again.
	fresh = 10 * time.Second
	// linkBytes bounds a link.
	linkBytes = 8 << 10
)

// link is where a short link leads to.
type link struct {
	to    string
	until time.Time
}

// platform is what the platform gives to this function: a store of values and a queue.
type platform struct{ base, token string }

var (
	own   = platform{os.Getenv("DAYFLY_URL"), os.Getenv("DAYFLY_TOKEN")}
	links sync.Map // code → link
)

func main() {
	http.HandleFunc("GET /r/{code}", redirect)
	http.HandleFunc("PUT /r/{code}", shorten)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

// redirect answers once the click is safely on the queue.
func redirect(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("code")
	to, err := lookUp(code)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	if to == "" {
		http.NotFound(w, r)
		return
	}
	click, err := json.Marshal(map[string]any{"code": code, "at": time.Now().UTC(),
		"from": r.Header.Get("X-Forwarded-For"), "agent": r.UserAgent(), "referer": r.Referer()})
	if err == nil {
		_, err = own.do(http.MethodPost, "/queues/clicks/messages", click)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// shorten keeps where a code leads to.
func shorten(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, linkBytes))
	to, bad := url.Parse(strings.TrimSpace(string(body)))
	if err != nil || bad != nil || to.Scheme != "https" && to.Scheme != "http" {
		http.Error(w, "the body is no http or https URL", http.StatusBadRequest)
		return
	}
	code := r.PathValue("code")
	if _, err := own.do(http.MethodPut, "/kv/links/"+url.PathEscape(code), []byte(to.String())); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	links.Delete(code)
	w.WriteHeader(http.StatusNoContent)
}

// lookUp gives where a code leads to, "" when it is unknown.
func lookUp(code string) (string, error) {
	if known, ok := links.Load(code); ok && time.Now().Before(known.(link).until) {
		return known.(link).to, nil
	}
	to, err := own.do(http.MethodGet, "/kv/links/"+url.PathEscape(code), nil)
	if err != nil {
		return "", err
	}
	links.Store(code, link{string(to), time.Now().Add(fresh)})
	return string(to), nil
}

// do asks the platform; what is not there is nil.
func (p platform) do(method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequest(method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == http.StatusNotFound:
		return nil, nil
	case res.StatusCode >= 300:
		return nil, fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return answer, nil
}
