// SPDX-License-Identifier: Apache-2.0

package data

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// valueFileBytesMax ends reading a value that no node would keep.
const valueFileBytesMax = 1 << 20

func (a *app) kv() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "kv", Short: "Keep small values under keys", Args: term.Exactly(),
		Long: "Keep small values under keys, in buckets: any bytes, up to 512 KiB. A bucket is\n" +
			"there as long as it holds a value. Each change gives a value a new version.",
		Example: "  dayfly kv put settings theme dark\n" +
			"  dayfly kv get settings theme\n" +
			"  dayfly kv incr counters visits\n" +
			"  dayfly kv put sessions u17 --file session.json --ttl 30m",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the bucket (default \"default\")")
	for _, sub := range []*cobra.Command{a.kvGet(&project), a.kvPut(&project), a.kvDelete(&project),
		a.kvList(&project), a.kvIncr(&project), a.kvWatch(&project), a.kvBuckets(&project)} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

// valueAt names the value of BUCKET KEY and connects to its node.
func (a *app) valueAt(project *string, args []string) (*client.Client, client.ValueRef, error) {
	ref := client.ValueRef{Project: dayfly.ProjectName(*project), Bucket: dayfly.BucketName(args[0]), Key: args[1]}
	if err := dayfly.ValidateName("bucket", args[0]); err != nil {
		return nil, ref, err
	}
	if ref.Key == "" {
		return nil, ref, dayfly.Errorf(dayfly.KindInvalid, "the key is empty")
	}
	node, err := a.Connect()
	return node, ref, err
}

func (a *app) kvGet(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "get BUCKET KEY", Short: "Print a value, byte for byte", Args: term.Exactly("BUCKET", "KEY"),
		Long: "Print a value, byte for byte. With --json also its version, content type and when\n" +
			"it expires; the value is base64 then.",
		RunE: func(c *cobra.Command, args []string) error {
			node, ref, err := a.valueAt(project, args)
			if err != nil {
				return err
			}
			v, err := node.Value(c.Context(), ref)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(v)
			}
			last := &term.LastByte{To: a.Out}
			shown := &term.PlainWriter{To: a.Out}
			if a.Style.Terminal { // elsewhere, the bytes are to be what was put
				last.To = shown
			}
			_, err = last.Write(v.Value)
			if err = errors.Join(err, shown.Close()); err == nil && a.Style.Terminal && last.Last != '\n' {
				a.Printf("\n")
			}
			return err
		},
	}
}

func (a *app) kvPut(project *string) *cobra.Command {
	var file, ttl string
	var o client.PutValueOptions
	c := &cobra.Command{
		Use: "put BUCKET KEY [VALUE]", Short: "Keep a value",
		Long: "Keep a value in place of what was there: VALUE, what a --file holds, or stdin.",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 3 {
				return nil
			}
			return term.Exactly("BUCKET", "KEY")(c, args)
		},
	}
	flags := c.Flags()
	flags.StringVarP(&file, "file", "f", "", "the value is what this `FILE` holds; - is stdin")
	flags.StringVar(&ttl, "ttl", "", "keep it for this `SPAN` only: 90s, 12h, 7d")
	flags.StringVar(&o.ContentType, "type", "", "content `TYPE`: application/json")
	flags.Uint64Var(&o.Version, "version", 0, "only when it has this `VERSION` now")
	flags.BoolVar(&o.Create, "create", false, "only when there is no value yet")
	c.RunE = func(c *cobra.Command, args []string) error {
		value, err := a.valueFrom(args[2:], file)
		if err != nil {
			return err
		}
		if o.TTL, err = ttlOf("--ttl", ttl); err != nil {
			return err
		}
		node, ref, err := a.valueAt(project, args)
		if err != nil {
			return err
		}
		v, err := node.PutValue(c.Context(), ref, value, o)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(v)
		}
		a.Printf("%s/%s is at version %d%s\n", term.Plain(args[0]), term.Plain(args[1]), v.Version, a.until(v.Expires))
		return nil
	}
	return c
}

// valueFrom reads the value of a put from where it is.
func (a *app) valueFrom(args []string, file string) ([]byte, error) {
	if len(args) == 1 {
		if file != "" {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "a VALUE and --file are one value too many")
		}
		return []byte(args[0]), nil
	}
	in := a.In
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, dayfly.Errorf(dayfly.KindNotFound, "%s does not exist", file)
		}
		if err != nil {
			return nil, dayfly.Errorf(dayfly.KindInvalid, "open value: %w", err)
		}
		defer f.Close()
		in = f
	}
	value, err := io.ReadAll(io.LimitReader(in, valueFileBytesMax))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "read value: %w", err)
	}
	return value, nil
}

// ttlOf reads how long; nothing is 0.
func ttlOf(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := quantity.ParseDuration(text)
	if err != nil {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", flag, err)
	}
	if d == 0 {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "%s is no time at all", flag)
	}
	return d, nil
}

// until tells when a value expires.
func (a *app) until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", until " + t.Local().Format(time.DateTime)
}

func (a *app) kvDelete(project *string) *cobra.Command {
	var version uint64
	var all bool
	c := &cobra.Command{
		Use: "delete BUCKET KEY", Aliases: []string{"rm"}, Short: "Delete a value",
		Long: "Delete a value. With --all instead of a KEY, every value of the bucket.",
		Args: func(c *cobra.Command, args []string) error {
			if all && len(args) == 1 {
				return nil
			}
			return term.Exactly("BUCKET", "KEY")(c, args)
		},
	}
	c.Flags().Uint64Var(&version, "version", 0, "only when it has this `VERSION` now")
	c.Flags().BoolVar(&all, "all", false, "delete every value of the bucket")
	c.RunE = func(c *cobra.Command, args []string) error {
		if all {
			if len(args) != 1 || version != 0 {
				return dayfly.Errorf(dayfly.KindInvalid, "--all stands alone, without KEY and --version")
			}
			return a.removeBucket(c, *project, args[0])
		}
		node, ref, err := a.valueAt(project, args)
		if err != nil {
			return err
		}
		if err := node.DeleteValue(c.Context(), ref, version); err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]string{"deleted": ref.Key})
		}
		a.Printf("%s/%s deleted\n", term.Plain(args[0]), term.Plain(args[1]))
		return nil
	}
	return c
}

func (a *app) removeBucket(c *cobra.Command, project, bucket string) error {
	if err := dayfly.ValidateName("bucket", bucket); err != nil {
		return err
	}
	node, err := a.Connect()
	if err != nil {
		return err
	}
	n, err := node.RemoveValueBucket(c.Context(), dayfly.ProjectName(project), dayfly.BucketName(bucket))
	if err != nil {
		return err
	}
	if a.JSON {
		return a.PrintJSON(map[string]int{"removed": n})
	}
	a.Printf("%s deleted with %s\n", term.Plain(bucket), term.Plural(n, "value"))
	return nil
}

func (a *app) kvList(project *string) *cobra.Command {
	q := client.ValueQuery{}
	limit := 0
	c := &cobra.Command{
		Use: "list BUCKET", Aliases: []string{"ls"}, Short: "List the values of a bucket", Args: term.Exactly("BUCKET"),
		Long: "List the values of a bucket in the order of their keys. --json gives a value a line.",
	}
	c.Flags().StringVar(&q.Prefix, "prefix", "", "those whose key begins with `TEXT`")
	c.Flags().StringVar(&q.After, "after", "", "those after this `KEY`")
	c.Flags().IntVarP(&limit, "limit", "n", 0, "at most `N`; all when not given")
	c.Flags().BoolVar(&q.Values, "values", false, "with the values themselves")
	c.RunE = func(c *cobra.Command, args []string) error {
		q.Project, q.Bucket = dayfly.ProjectName(*project), dayfly.BucketName(args[0])
		if err := dayfly.ValidateName("bucket", args[0]); err != nil {
			return err
		}
		if limit < 0 {
			return dayfly.Errorf(dayfly.KindInvalid, "--limit %d is not a number of values", limit)
		}
		return a.printValues(c, q, limit)
	}
	return c
}

// listPage is how many values one question of a list asks for.
const listPage = 1000

// printValues lists up to limit values, all when that is 0, page by page.
func (a *app) printValues(c *cobra.Command, q client.ValueQuery, limit int) error {
	node, err := a.Connect()
	if err != nil {
		return err
	}
	head := []string{"KEY", ">VERSION", ">BYTES", "EXPIRES"}
	if q.Values {
		head = append(head, "VALUE")
	}
	t, count := term.NewTable(head...), 0
	for more := true; more; {
		q.Limit = listPage
		if limit > 0 {
			q.Limit = min(listPage, limit-count)
		}
		page, err := node.Values(c.Context(), q)
		if err != nil {
			return err
		}
		for _, v := range page.Values {
			if err := a.listValue(t, v, q.Values); err != nil {
				return err
			}
		}
		count += len(page.Values)
		q.After, more = page.Next, page.Next != "" && (limit == 0 || count < limit)
	}
	switch {
	case a.JSON:
	case count == 0:
		a.Notef("there are no such values in bucket %s\n", term.Plain(string(q.Bucket)))
	default:
		t.Write(a.Out, a.Style)
	}
	return nil
}

func (a *app) listValue(t *term.Table, v client.Value, data bool) error {
	if a.JSON {
		return a.PrintJSON(v)
	}
	expires := "never"
	if !v.Expires.IsZero() {
		expires = v.Expires.Local().Format(time.DateTime)
	}
	cells := []string{a.Style.Bold(term.Plain(v.Key)), strconv.FormatUint(v.Version, 10),
		strconv.Itoa(v.Bytes), expires}
	if data {
		cells = append(cells, glance(v.Value))
	}
	t.Add(cells...)
	return nil
}

// glanceBytes is how much of a value stands in a line.
const glanceBytes = 60

// glance shows a value in a line.
func glance(value []byte) string {
	if !utf8.Valid(value) {
		return strconv.Itoa(len(value)) + " bytes that are no text"
	}
	text := string(bytes.TrimSpace(value))
	if len(text) > glanceBytes {
		cut := glanceBytes
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return term.Plain(text)
}

func (a *app) kvIncr(project *string) *cobra.Command {
	var ttl string
	var by int64
	c := &cobra.Command{
		Use: "incr BUCKET KEY", Short: "Add to a counter, and print the sum", Args: term.Exactly("BUCKET", "KEY"),
		Long: "Add to a counter, and print the sum. A counter that is not there begins at 0.",
	}
	c.Flags().Int64Var(&by, "by", 1, "add `N`, which may be negative")
	c.Flags().StringVar(&ttl, "ttl", "", "keep a counter that begins now for this `SPAN`")
	c.RunE = func(c *cobra.Command, args []string) error {
		keep, err := ttlOf("--ttl", ttl)
		if err != nil {
			return err
		}
		node, ref, err := a.valueAt(project, args)
		if err != nil {
			return err
		}
		sum, err := node.IncrementValue(c.Context(), ref, by, keep)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(map[string]int64{"sum": sum})
		}
		a.Printf("%d\n", sum)
		return nil
	}
	return c
}

func (a *app) kvWatch(project *string) *cobra.Command {
	q := client.ValueWatch{}
	c := &cobra.Command{
		Use: "watch BUCKET", Short: "Follow the changes of a bucket", Args: term.Exactly("BUCKET"),
		Long: "Follow the changes of a bucket, until interrupted. --after continues where an\n" +
			"earlier watch ended.",
	}
	c.Flags().StringVar(&q.Prefix, "prefix", "", "those of keys that begin with `TEXT`")
	c.Flags().Uint64Var(&q.After, "after", 0, "those after this `VERSION`")
	c.Flags().BoolVar(&q.All, "all", false, "begin with every value there is")
	c.RunE = func(c *cobra.Command, args []string) error {
		q.Project, q.Bucket = dayfly.ProjectName(*project), dayfly.BucketName(args[0])
		if err := dayfly.ValidateName("bucket", args[0]); err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		for change, err := range node.WatchValues(c.Context(), q) {
			if dayfly.KindOf(err) == dayfly.KindCanceled {
				return nil // Ctrl-C is how one stops to follow
			}
			if err != nil {
				return err
			}
			if err := a.printChange(change); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func (a *app) printChange(change client.ValueChange) error {
	switch {
	case a.JSON:
		return a.PrintJSON(change)
	case change.Op == "opened":
		a.Notef("watching; changes after version %d follow\n", change.Version)
	case change.Op == "put":
		a.Printf("%d put %s %s\n", change.Version, a.Style.Bold(term.Plain(change.Key)), glance(change.Value.Value))
	case change.Expired:
		a.Printf("%d expired %s\n", change.Version, a.Style.Bold(term.Plain(change.Key)))
	default:
		a.Printf("%d %s %s\n", change.Version, change.Op, a.Style.Bold(term.Plain(change.Key)))
	}
	return nil
}

func (a *app) kvBuckets(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "buckets", Short: "List the buckets of values", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			list, err := node.ValueBuckets(c.Context(), dayfly.ProjectName(*project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(list)
			}
			if len(list) == 0 {
				a.Notef("there are no values yet; keep one with: dayfly kv put BUCKET KEY VALUE\n")
				return nil
			}
			t := term.NewTable("BUCKET", ">VALUES", ">SIZE")
			for _, b := range list {
				t.Add(a.Style.Bold(term.Plain(string(b.Name))), strconv.Itoa(b.Keys), dayfly.FormatBytes(b.Bytes))
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}
