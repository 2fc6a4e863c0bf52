// SPDX-License-Identifier: Apache-2.0

package data

import (
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

func (a *app) object() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "object", Short: "Put, get and list objects of buckets", Args: term.Exactly(),
		Long: "Put, get and list objects of buckets. An object is named BUCKET/KEY; a key may\n" +
			"have slashes. S3's own clients do more: see dayfly bucket keys.",
		Example: "  dayfly object put photo.png uploads/2026/photo.png\n" +
			"  dayfly object ls uploads/2026/\n" +
			"  dayfly object url uploads/2026/photo.png --expires 1h",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the bucket (default \"default\")")
	for _, sub := range []*cobra.Command{a.objectList(&project), a.objectPut(&project), a.objectGet(&project),
		a.objectRemove(&project), a.objectURL(&project)} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

// objectAt reads BUCKET/KEY and connects to its node.
func (a *app) objectAt(project, text string) (*client.Client, client.BucketRef, string, error) {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(text, "s3://"), "/")
	ref := bucketAt(project, bucket)
	if !ok || bucket == "" || key == "" {
		return nil, ref, "", dayfly.Errorf(dayfly.KindInvalid, "%q does not name an object", text).
			WithHint("an object is BUCKET/KEY: uploads/photo.png")
	}
	node, err := a.Connect()
	return node, ref, key, err
}

func (a *app) objectList(project *string) *cobra.Command {
	var recursive bool
	c := &cobra.Command{
		Use: "ls BUCKET[/PREFIX]", Aliases: []string{"list"}, Short: "List objects", Args: term.Exactly("BUCKET[/PREFIX]"),
		Long: "List the objects of a bucket whose keys begin with PREFIX. What has a further slash\n" +
			"is told once, as a folder would be; -r lists it all.",
	}
	c.Flags().BoolVarP(&recursive, "recursive", "r", false, "list every object below")
	c.RunE = func(c *cobra.Command, args []string) error {
		bucket, prefix, _ := strings.Cut(strings.TrimPrefix(args[0], "s3://"), "/")
		node, err := a.Connect()
		if err != nil {
			return err
		}
		q := client.ObjectQuery{Bucket: bucketAt(*project, bucket), Prefix: prefix, Delimiter: "/"}
		if recursive {
			q.Delimiter = ""
		}
		all := client.ObjectPage{Objects: []client.Object{}, Prefixes: []string{}}
		t := term.NewTable(">BYTES", "MODIFIED", "KEY")
		for page, err := range node.ObjectPages(c.Context(), q) {
			if err != nil {
				return err
			}
			all.Objects, all.Prefixes = append(all.Objects, page.Objects...), append(all.Prefixes, page.Prefixes...)
		}
		if a.JSON {
			return a.PrintJSON(all)
		}
		if len(all.Prefixes)+len(all.Objects) == 0 {
			a.Notef("%s holds no such objects\n", term.Plain(args[0]))
			return nil
		}
		for _, p := range all.Prefixes {
			t.Add("-", "", a.Style.Bold(term.Plain(p)))
		}
		for _, o := range all.Objects {
			t.Add(strconv.FormatInt(o.Bytes, 10), a.Ago(o.Modified), term.Plain(o.Key))
		}
		t.Write(a.Out, a.Style)
		return nil
	}
	return c
}

func (a *app) objectPut(project *string) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use: "put FILE BUCKET/[KEY]", Short: "Put a file, whole or not at all", Args: term.Exactly("FILE", "BUCKET/[KEY]"),
		Long: "Put a file under a key, in place of what was there; a key that is empty or ends with\n" +
			"a slash gets the file's name. FILE may be - for stdin. The file is there whole when\n" +
			"this ends well. Files above 5 GiB are for S3's clients, which send them in parts.",
	}
	c.Flags().StringVar(&kind, "type", "", "content `TYPE` (default: by the name)")
	c.RunE = func(c *cobra.Command, args []string) error {
		target := args[1]
		if strings.HasSuffix(target, "/") && args[0] != "-" {
			target += filepath.Base(args[0])
		}
		node, bucket, key, err := a.objectAt(*project, target)
		if err != nil {
			return err
		}
		data, bytes, err := a.objectData(args[0])
		if err != nil {
			return err
		}
		defer data.Close()
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(key))
		}
		err = node.PutObject(c.Context(), bucket, key, data, client.PutObjectOptions{ContentType: kind, Bytes: bytes})
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]any{"bucket": bucket.Name, "key": key, "bytes": bytes})
		}
		a.Printf("%s/%s is stored, %s\n", term.Plain(string(bucket.Name)), term.Plain(key), term.Size(bytes))
		return nil
	}
	return c
}

// objectData opens what is to be put, and tells its size. What comes by stdin goes to a
// file first: S3 wants to know the size before.
func (a *app) objectData(name string) (*os.File, int64, error) {
	var f *os.File
	var err error
	if name == "-" {
		f, err = a.spool()
	} else {
		f, err = os.Open(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", name)
	}
	if err != nil {
		return nil, 0, dayfly.Errorf(dayfly.KindInvalid, "read data: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, 0, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", name, err)
	}
	return f, info.Size(), nil
}

// spool keeps stdin in a file without a name.
func (a *app) spool() (*os.File, error) {
	f, err := os.CreateTemp("", "dayfly-object-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // it lives as long as it is open
	if _, err = io.Copy(f, a.In); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (a *app) objectGet(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "get BUCKET/KEY [FILE]", Short: "Get an object, to a file or stdout",
		Long: "Get an object, byte for byte: to FILE, which appears when it is whole; without\n" +
			"one, and where it is -, to stdout.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return term.Exactly("BUCKET/KEY")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			node, bucket, key, err := a.objectAt(*project, args[0])
			if err != nil {
				return err
			}
			data, _, err := node.Object(c.Context(), bucket, key)
			if err != nil {
				return err
			}
			defer data.Close()
			if len(args) == 1 || args[1] == "-" {
				_, err := io.Copy(a.Out, data)
				return err
			}
			return writeWhole(args[1], data)
		},
	}
}

// writeWhole writes a file that appears under its name when it is complete.
func writeWhole(name string, data io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "write %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = io.Copy(f, data)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return dayfly.Errorf(dayfly.KindUnavailable, "write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

func (a *app) objectRemove(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "rm BUCKET/KEY", Aliases: []string{"remove"}, Short: "Remove an object", Args: term.Exactly("BUCKET/KEY"),
		RunE: func(c *cobra.Command, args []string) error {
			node, bucket, key, err := a.objectAt(*project, args[0])
			if err != nil {
				return err
			}
			if err := node.RemoveObject(c.Context(), bucket, key); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"removed": string(bucket.Name) + "/" + key})
			}
			a.Printf("%s/%s removed\n", term.Plain(string(bucket.Name)), term.Plain(key))
			return nil
		},
	}
}

func (a *app) objectURL(project *string) *cobra.Command {
	var put bool
	var expires string
	c := &cobra.Command{
		Use: "url BUCKET/KEY", Short: "Make a URL by which others get or put one object", Args: term.Exactly("BUCKET/KEY"),
		Long: "Make a URL by which whoever has it gets this object, or puts it, for a time. It cannot\n" +
			"be taken back before it expires.",
		Example: "  curl \"$(dayfly object url uploads/photo.png)\"\n" +
			"  curl -T photo.png \"$(dayfly object url uploads/photo.png --put)\"",
	}
	c.Flags().BoolVar(&put, "put", false, "a URL that puts the object")
	c.Flags().StringVar(&expires, "expires", "15m", "it is good for this `TIME`, up to 7d")
	c.RunE = func(c *cobra.Command, args []string) error {
		node, bucket, key, err := a.objectAt(*project, args[0])
		if err != nil {
			return err
		}
		method := http.MethodGet
		if put {
			method = http.MethodPut
		}
		span, err := quantity.ParseDuration(expires)
		if err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "--expires: %w", err)
		}
		signed, err := node.SignObject(c.Context(), bucket, key, method, span)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]string{"url": signed, "method": method})
		}
		a.Printf("%s\n", signed)
		return nil
	}
	return c
}
