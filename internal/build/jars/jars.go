// SPDX-License-Identifier: Apache-2.0

package jars

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Central is where files come from when no other repository is named.
const Central = "https://repo.maven.apache.org/maven2"

// Bounds of a download.
const (
	fileBytesMax = 256 << 20 // a Kotlin compiler has 60 MB
	fileTimeout  = 5 * time.Minute
	attemptsMax  = 3
	filesMax     = 64
)

// options are the command line's.
type options struct {
	repository, cache, to, unpack string
	files                         []string
}

// Main is the command `dayfly guest jars`; args are those after its name. It gives the
// exit status.
func Main(args []string, out, errOut io.Writer) int {
	var o options
	set := flag.NewFlagSet("jars", flag.ContinueOnError)
	set.SetOutput(errOut)
	set.StringVar(&o.repository, "repository", Central, "address of the repository")
	set.StringVar(&o.cache, "cache", "", "folder to keep downloads in")
	set.StringVar(&o.to, "to", "", "folder to copy the files to")
	set.StringVar(&o.unpack, "unpack", "", "folder to unpack the archives below")
	if err := set.Parse(args); err != nil {
		return 2
	}
	if o.files = set.Args(); o.cache == "" || len(o.files) == 0 || len(o.files) > filesMax {
		fmt.Fprintf(errOut, "error: jars needs --cache and 1 to %d files\n", filesMax)
		return 2
	}
	if err := o.run(context.Background(), out); err != nil {
		fmt.Fprintln(errOut, "error:", err)
		return 1
	}
	return 0
}

func (o options) run(ctx context.Context, out io.Writer) error {
	for _, folder := range []string{o.cache, o.to} {
		if folder == "" {
			continue
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	for _, file := range o.files {
		if err := o.file(ctx, file, out); err != nil {
			return err
		}
	}
	return nil
}

// file brings one file where it belongs. One that begins with "?" is only wanted when
// no other version of it is in the folder or beside it in lib.
func (o options) file(ctx context.Context, file string, out io.Writer) error {
	file, isOptional := strings.CutPrefix(file, "?")
	name, sum, ok := strings.Cut(file, "@")
	if !ok || len(sum) != 2*sha256.Size {
		return fmt.Errorf("%q is not PATH@SHA256", file)
	}
	if isOptional && o.brought(name) {
		return nil
	}
	cached := filepath.Join(o.cache, path.Base(name))
	if !same(cached, sum) {
		fmt.Fprintln(out, "downloading", path.Base(name))
		if err := o.download(ctx, name, sum, cached); err != nil {
			return err
		}
	}
	switch {
	case o.unpack != "":
		return unpack(cached, o.unpack)
	case o.to != "":
		return copyFile(cached, filepath.Join(o.to, path.Base(name)))
	}
	return nil
}

// brought tells whether the user's own build has some version of an artifact.
func (o options) brought(name string) bool {
	artifact := path.Base(path.Dir(path.Dir(name)))
	for _, folder := range []string{o.to, "lib"} {
		if found, _ := filepath.Glob(filepath.Join(folder, artifact+"-[0-9]*.jar")); len(found) > 0 {
			return true
		}
	}
	return false
}

func same(file, sum string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	return err == nil && hex.EncodeToString(hash.Sum(nil)) == sum
}

func (o options) download(ctx context.Context, name, sum, target string) error {
	address := strings.TrimSuffix(o.repository, "/") + "/" + name
	var err error
	for range attemptsMax {
		if err = fetch(ctx, address, sum, target); err == nil {
			return nil
		}
		if errors.Is(err, errOther) {
			break
		}
	}
	return fmt.Errorf("download %s: %w", address, err)
}

// errOther is what the repository has in the place of the file.
var errOther = errors.New("the repository has another file there")

func fetch(ctx context.Context, address, sum, target string) error {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the repository answers %s", answer.Status)
	}
	temp, err := os.CreateTemp(filepath.Dir(target), ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already when it was renamed
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(temp, hash), io.LimitReader(answer.Body, fileBytesMax))
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return fmt.Errorf("%w: its SHA-256 is %s, not %s", errOther, got, sum)
	}
	return os.Rename(temp.Name(), target)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
