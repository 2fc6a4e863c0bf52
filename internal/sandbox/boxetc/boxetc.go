// SPDX-License-Identifier: Apache-2.0

//go:build linux

package boxetc

import (
	"fmt"
	"os"
	"path/filepath"
)

// bundleBytesMax bounds the host's CA bundle; a usual one has 220 KiB.
const bundleBytesMax = 8 << 20

// caBundles are where distributions keep the certificates that they trust.
func caBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // SUSE
		"/etc/ssl/cert.pem",                                 // Alpine
	}
}

// Folders are the folders of the host's /etc that programs in /usr need and that
// hold no secrets: links of alternatives, certificates, configuration of runtimes.
func Folders() []string {
	var out []string
	for _, pattern := range []string{
		"/etc/alternatives", "/etc/ssl/certs", "/etc/pki/ca-trust/extracted", "/etc/pki/tls/certs",
		"/etc/crypto-policies", "/etc/ld.so.conf.d", "/etc/java*", "/etc/fonts", "/etc/python3*",
		"/etc/dotnet", "/etc/mono", "/etc/perl", "/etc/php*",
	} {
		found, _ := filepath.Glob(pattern)
		for _, dir := range found {
			if info, err := os.Lstat(dir); err == nil && info.IsDir() {
				out = append(out, dir)
			}
		}
	}
	return out
}

// etcFiles are files of the host's /etc that are copied when they are there.
func etcFiles() []string {
	return []string{
		"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/mime.types", "/etc/protocols",
		"/etc/services", "/etc/gai.conf", "/etc/localtime", "/etc/timezone",
		"/etc/ssl/openssl.cnf", "/etc/os-release", "/etc/ld-musl-x86_64.path",
	}
}

// Write makes the boxes' /etc in dir: a few files of ours, a few of the host's, and
// mount points for Folders. appID is the user and the group that code runs as.
func Write(dir, hostName string, appID int) error {
	own := map[string]string{
		"passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n" +
			fmt.Sprintf("app:x:%d:%d:app:/tmp:/bin/sh\n", appID, appID) +
			"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		"group": fmt.Sprintf("root:x:0:\napp:x:%d:\nnogroup:x:65534:\n", appID),
		// localhost is the IPv4 one alone: what listens on it must be found there.
		"hosts": "127.0.0.1 localhost " + hostName + "\n::1 ip6-localhost ip6-loopback\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n" +
			"networks: files\nprotocols: files\nservices: files\n",
		"hostname":  hostName + "\n",
		"host.conf": "multi on\n",
	}
	for name, content := range own {
		if err := put(dir, name, []byte(content)); err != nil {
			return err
		}
	}
	for _, folder := range Folders() {
		if err := os.MkdirAll(dir+folder[len("/etc"):], 0o755); err != nil {
			return fmt.Errorf("make boxes' /etc: %w", err)
		}
	}
	for _, source := range etcFiles() {
		b, err := os.ReadFile(source)
		if err != nil || len(b) > bundleBytesMax {
			continue // not every distribution has each
		}
		if err := put(dir, source[len("/etc/"):], b); err != nil {
			return err
		}
	}
	// The one file that differs between boxes lies outside.
	if err := os.Symlink("/run/resolv.conf", filepath.Join(dir, "resolv.conf")); err != nil &&
		!os.IsExist(err) {
		return fmt.Errorf("make boxes' /etc: %w", err)
	}
	return writeBundles(dir)
}

// writeBundles puts the host's CA bundle at every place where programs look for it.
func writeBundles(dir string) error {
	var bundle []byte
	for _, source := range caBundles() {
		if b, err := os.ReadFile(source); err == nil && len(b) <= bundleBytesMax {
			bundle = b
			break
		}
	}
	if bundle == nil {
		return nil
	}
	first := ""
	for _, target := range caBundles() {
		name := filepath.Join(dir, target[len("/etc/"):])
		if first != "" && os.MkdirAll(filepath.Dir(name), 0o755) == nil && os.Link(first, name) == nil {
			continue
		}
		if err := put(dir, target[len("/etc/"):], bundle); err != nil {
			return err
		}
		first = name
	}
	return nil
}

func put(dir, name string, content []byte) error {
	target := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("make boxes' /etc: %w", err)
	}
	if err := os.WriteFile(target, content, 0o644); err != nil {
		return fmt.Errorf("make boxes' /etc: %w", err)
	}
	return nil
}
