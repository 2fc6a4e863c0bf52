// SPDX-License-Identifier: Apache-2.0

package examples_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// browser drives a page of a headless Chromium.
type browser struct{ context.Context }

// openBrowser starts one that ends with the test, or skips the test where there is none.
func openBrowser(t *testing.T) browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("NOT TESTED: there is no Chromium here; scripts/setup languages installs one")
	}
	bounded, cancel := context.WithTimeout(t.Context(), 2*eventually)
	t.Cleanup(cancel)
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.WindowSize(1280, 900),
		chromedp.WSURLReadTimeout(eventually)}
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root with its own
	}
	page, cancel := chromedp.NewContext(bounded, chromedp.WithAllocatorOptions(options...))
	t.Cleanup(cancel)
	return browser{page}
}

func (b browser) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(b, steps...); err != nil {
		t.Fatalf("%v; the page:\n%s", err, b.text(`document.body.innerText`))
	}
}

// text evaluates an expression of the page, an error included.
func (b browser) text(expression string) string {
	text, err := chromedp.Run(b, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return err.Error()
	}
	return text
}

// sees waits until what an element shows holds want.
func (b browser) sees(t *testing.T, selector, want string) {
	t.Helper()
	expression := fmt.Sprintf(`(e => e && e.checkVisibility() ? e.innerText : "")(document.querySelector(%q))`, selector)
	await(t, selector+" shows "+want, true, func() bool { return strings.Contains(b.text(expression), want) })
}

// write replaces what an input holds, by keys as a person would.
func (b browser) write(t *testing.T, selector, text string) {
	t.Helper()
	if got := b.text(fmt.Sprintf(`document.querySelector(%q).value = ""`, selector)); got != "" {
		t.Fatalf("empty %s: %s", selector, got)
	}
	b.do(t, chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (b browser) click(t *testing.T, selector string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(selector), chromedp.NodeEnabled))
}

// startIssuer runs the example's own issuer, and gives its URL and a token of it.
func startIssuer(t *testing.T) (issuer, token string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "shop/issuer/issuer.mjs", "ann", "0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("NOT TESTED: the issuer of the example needs Node.js: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // or the context did
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for token == "" && lines.Scan() {
		switch what, value, _ := strings.Cut(lines.Text(), " "); what {
		case "issuer":
			issuer = value
		case "token":
			token = value
		}
	}
	if issuer == "" || token == "" {
		t.Fatalf("the issuer told %q and a token of %d bytes", issuer, len(token))
	}
	return issuer, token
}

// prepareShop copies the example with that issuer and that second origin in its manifest.
func prepareShop(t *testing.T, issuer, origin string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shop")
	if err := os.CopyFS(folder, os.DirFS("shop")); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(folder, "dayfly.yaml")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"http://127.0.0.1:9400": issuer, "http://localhost:5173": origin} {
		if strings.Count(string(text), from) != 1 {
			t.Fatalf("the manifest names %s not once", from)
		}
		text = []byte(strings.Replace(string(text), from, to, 1))
	}
	if err := os.WriteFile(manifest, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// blank serves an empty page: the front end of somebody else.
func blank(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestShop buys something in a browser: from the shelf over faults of the order to the books
// of the suppliers.
func TestShop(t *testing.T) {
	t.Parallel()
	if shared == nil {
		t.Skip("-short: the example is built with go and shown in a browser")
	}
	page := openBrowser(t)
	issuer, token := startIssuer(t)
	friend, stranger := blank(t), blank(t)
	shared.deployAll(t, prepareShop(t, issuer, friend))
	gateway, err := url.Parse(shared.gateway)
	if err != nil {
		t.Fatal(err)
	}
	shop := "http://shop.localhost:" + gateway.Port()

	page.do(t, chromedp.Navigate(shop))
	page.sees(t, "#products", "Moon Jar")
	page.click(t, `[data-kind="tea"]`)
	await(t, "teas alone", "3", func() string { return page.text(`String(document.querySelectorAll(".product").length)`) })
	if again := page.text(`fetch("/api/products").then(a => a.headers.get("Cache-Status"))`); !strings.Contains(again, "hit") {
		t.Errorf("the list of products is not cached: %q", again)
	}
	page.click(t, `[data-kind=""]`)
	page.click(t, `[data-product="moon-jar"]`)
	page.sees(t, "#total", "64.00")

	page.click(t, "#buy")
	page.sees(t, "#notice", "Please sign in")
	page.write(t, "#token", "e30.e30.e30")
	page.click(t, "#buy")
	page.sees(t, "#notice", "Please sign in")
	page.write(t, "#token", token)
	page.sees(t, "#who", "ann")

	shopOrders(t, page)
	shopSales(t, page)
	shopOrigins(t, page, shop, map[string]bool{friend: true, stranger: false})
}

// shopOrders places an order with faults, one without, and more than are let through.
func shopOrders(t *testing.T, page browser) {
	page.write(t, "#email", "ann at home")
	page.write(t, "#postcode", "SW1A 1AA")
	page.write(t, `[data-field="/items/0/quantity"]`, "dozens")
	page.click(t, "#buy")
	page.sees(t, `[data-fault="/customer/name"]`, "at least 1 character")
	page.sees(t, `[data-fault="/customer/email"]`, "format email")
	page.sees(t, `[data-fault="/items/0"]`, "integer")
	page.sees(t, "#notice", "what is marked")
	page.sees(t, "#left", "5 of 6")
	marked := page.text(`[...document.querySelectorAll("[aria-invalid]")].map(e => e.dataset.field).sort().join(" ")`)
	if want := "/customer/email /customer/name /items/0/quantity"; marked != want {
		t.Errorf("marked are %q, want %q", marked, want)
	}

	page.write(t, "#name", "Ann")
	page.write(t, "#email", "ann@example.com")
	page.write(t, `[data-field="/items/0/quantity"]`, "2")
	page.click(t, "#buy")
	page.sees(t, "#notice", "Thank you, ann.")
	page.sees(t, "#notice", "128.00")
	if left := page.text(`String(document.querySelectorAll("#order [aria-invalid]").length)`); left != "0" {
		t.Errorf("%s fields are marked after the order went through", left)
	}

	status := page.text(`(async () => {
		const seen = [];
		while (seen.length < 30 && seen.at(-1) !== 429) {
			const answer = await fetch("/api/orders", {method: "POST", body: "{}",
				headers: {"Content-Type": "application/json", Authorization: "Bearer " + document.querySelector("#token").value}});
			seen.push(answer.status);
		}
		return seen.join(" ");
	})()`)
	if !strings.HasPrefix(status, "400") || !strings.HasSuffix(status, "429") {
		t.Errorf("orders one after another were answered %s, want 400s and then 429", status)
	}
}

// shopSales looks at the books without a key, with one for something else, and with the right
// one.
func shopSales(t *testing.T, page browser) {
	page.click(t, "#report button")
	page.sees(t, "#refusal", "opens nothing")
	for scope, opens := range map[string]bool{"sales:write": false, "sales:read": true} {
		made := shared.must(t, "key", "create", strings.ReplaceAll(scope, ":", "-"), "--scope", scope, "--project", "shop", "--json")
		var key struct{ Text string }
		if err := json.Unmarshal([]byte(made), &key); err != nil || key.Text == "" {
			t.Fatalf("dayfly key create told %s (%v)", made, err)
		}
		page.write(t, "#key", key.Text)
		page.click(t, "#report button")
		if opens {
			page.sees(t, "#sales", "Moon Jar\t2")
		} else {
			page.sees(t, "#refusal", "opens nothing")
		}
	}
}

// shopOrigins asks for the products from pages of other origins.
func shopOrigins(t *testing.T, page browser, shop string, origins map[string]bool) {
	for origin, welcome := range origins {
		page.do(t, chromedp.Navigate(origin))
		got := page.text(`fetch("` + shop + `/api/products").then(a => a.json()).then(a => a.length + " products", e => e.name)`)
		want := map[bool]string{true: "6 products", false: "TypeError"}[welcome]
		if got != want {
			t.Errorf("a page of %s got %q, want %q", origin, got, want)
		}
		// With credentials a preflight goes before; the answer to it is a refusal of the token,
		// which only a page that is welcome sees.
		got = page.text(`fetch("` + shop + `/api/orders", {method: "POST", headers: {Authorization: "Bearer x"}})` +
			`.then(a => "status " + a.status, e => e.name)`)
		if want := map[bool]string{true: "status 401", false: "TypeError"}[welcome]; got != want {
			t.Errorf("an order from a page of %s: %q, want %q", origin, got, want)
		}
	}
}
