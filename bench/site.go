// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/bench/caller"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/front"
)

const (
	// siteRatio is how many times as many files of a site nginx may send.
	siteRatio = 1.5
	// siteConns are the connections that ask for files at once.
	siteConns = 16
	sitePath  = "/bench-site/"
)

// siteFiles are asked for: a page that fits a packet or two, a picture, a film.
var siteFiles = []struct {
	name, size string
	bytes      int
}{
	{"page.bin", "4 KiB", 4 << 10},
	{"picture.bin", "256 KiB", 256 << 10},
	{"film.bin", "8 MiB", 8 << 20},
}

// site has files served by the platform and by nginx, in turns and from the same disk.
func (b *bench) site(ctx context.Context) error {
	dir, err := os.MkdirTemp(b.platform.dir, "site-")
	if err != nil {
		return err
	}
	contents := map[string][]byte{}
	for _, f := range siteFiles {
		data := make([]byte, f.bytes)
		_, _ = rand.Read(data)
		contents[f.name] = data
		if err := os.WriteFile(filepath.Join(dir, f.name), data, 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { // nginx gives up its rights
		return err
	}
	if err := b.platform.publishSite(ctx, dir); err != nil {
		return err
	}
	floor, stop, err := b.startNginx(ctx, dir)
	if err != nil {
		say("SKIPPED the comparison with nginx: %v", err)
		b.report.skip("nginx", err)
	} else {
		defer stop()
	}
	for _, f := range siteFiles {
		if err := b.siteFile(ctx, f.size, floor+"/"+f.name, f.name, contents[f.name]); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// siteFile measures one file. The best round of each counts.
func (b *bench) siteFile(ctx context.Context, size, peer, name string, content []byte) error {
	urls := []string{b.platform.gateway + sitePath + name}
	if peer[0] != '/' {
		urls = append(urls, peer)
	}
	best := make([]*tally, len(urls))
	for range b.rounds {
		for i, url := range urls {
			to, err := caller.NewTarget(url)
			if err != nil {
				return err
			}
			to.Want = content
			closedLoop(ctx, to, siteConns, warmUp)
			t := closedLoop(ctx, to, siteConns, b.effort.load)
			if err := errors.Join(context.Cause(ctx), t.clean()); err != nil {
				return fmt.Errorf("%s: %w", url, err)
			}
			if best[i] == nil || t.perSecond() > best[i].perSecond() {
				best[i] = t
			}
		}
	}
	row := b.report.load("site", groupDayfly, "file of "+size, best[0])
	if len(best) > 1 {
		nginx := b.report.load("site", groupPeer, "nginx, file of "+size, best[1])
		row.Ratio = nginx.PerSecond / row.PerSecond
		row.note(fmt.Sprintf("nginx ≤ %.1f × as many", siteRatio), row.Ratio <= siteRatio)
	}
	return nil
}

// publishSite has the platform serve a folder below sitePath.
func (p *platform) publishSite(ctx context.Context, dir string) error {
	source, err := client.OpenSource(dir)
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := p.client.Upload(ctx, source); err != nil {
		return fmt.Errorf("upload site: %w", err)
	}
	site := client.Route{Site: &front.Site{Source: dir, Digest: source.Digest}}
	settings := client.FrontSettings{Routes: map[string]client.Route{sitePath + "{path...}": site}}
	if _, err := p.client.PublishFront(ctx, dayfly.DefaultProject, &settings); err != nil {
		return fmt.Errorf("publish site: %w", err)
	}
	return nil
}

// nginxConfig is how nginx is commonly set up to be fast; what it keeps is in dir.
const nginxConfig = `daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  types { text/html html; }
  default_type application/octet-stream;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s;
  uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server { listen %[2]s; root %[3]s; }
}
`

// startNginx has nginx serve a folder.
func (b *bench) startNginx(ctx context.Context, folder string) (url string, stop func(), err error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return "", nil, fmt.Errorf("nginx is not installed (apt-get install nginx-light): %w", err)
	}
	dir, err := os.MkdirTemp("", "dayfly-bench-nginx-") // all the way open to nginx's own user
	if err != nil {
		return "", nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return "", nil, err
	}
	root := filepath.Join(dir, "root")
	if err := errors.Join(os.Chmod(dir, 0o755), os.CopyFS(root, os.DirFS(folder))); err != nil {
		return "", nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, addr, root), 0o644); err != nil {
		return "", nil, err
	}
	p, err := spawn(dir, nil, program, "-p", dir, "-c", config, "-e", "stderr")
	if err != nil {
		return "", nil, err
	}
	stop = func() {
		p.stop()
		_ = os.RemoveAll(dir)
	}
	url = "http://" + addr
	if err := p.awaitAnswer(ctx, func() error { _, _, err := once(url + "/" + siteFiles[0].name + "#" + caller.AnyBody); return err }); err != nil {
		stop()
		return "", nil, err
	}
	return url, stop, nil
}
