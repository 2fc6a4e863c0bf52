// SPDX-License-Identifier: Apache-2.0

package login

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"

	"github.com/dayfly-faas/dayfly"
)

// The pages, by what their one button does.
const (
	pageLogout = `<h1>Log out?</h1>
<form method="post" action="{{.Path}}/logout"><button>Log out</button></form>
<p><a href="{{.Back}}">No, go back</a></p>`
	pageError = `<h1>This did not work</h1>
<p>{{.Message}}</p>
<p><a href="{{.Path}}/login">Log in again</a></p>`
	pageFrame = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Login</title>
<style>
:root { color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif }
body { max-width: 28rem; margin: 18vh auto; padding: 0 1.5rem }
button { font: inherit; padding: .5rem 1.2rem }
</style>
`
)

// writePage answers with a page that runs nothing and stands in no frame.
func writePage(w http.ResponseWriter, status int, page string, data map[string]string) {
	var out bytes.Buffer
	if err := template.Must(template.New("").Parse(pageFrame+page)).Execute(&out, data); err != nil {
		panic("bug: write a page: " + err.Error())
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // a browser that is gone needs no page
}

// fail answers with an error: a page for people, problem details (RFC 9457) for programs.
func (l *Login) fail(w http.ResponseWriter, r *http.Request, err error) {
	kind := dayfly.KindOf(err)
	message := "something went wrong on our side"
	var known *dayfly.Error
	if errors.As(err, &known) && kind != dayfly.KindInternal {
		message = known.Message
	}
	if status := kind.HTTPStatus(); status >= http.StatusInternalServerError {
		l.deps.Log.Warn("login failed", "project", l.deps.Project, "authenticator", l.name, "error", causes(err))
	}
	if wantsPage(r) {
		writePage(w, kind.HTTPStatus(), pageError, map[string]string{"Message": message, "Path": l.from.Path})
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(kind.HTTPStatus())
	_ = json.NewEncoder(w).Encode(map[string]any{
		"title": http.StatusText(kind.HTTPStatus()), "status": kind.HTTPStatus(), "detail": message,
	})
}

// causes gives what is behind an error whose message is for users.
func causes(err error) string {
	text := err.Error()
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		text += ": " + inner.Error()
	}
	return text
}
