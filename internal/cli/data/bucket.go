// SPDX-License-Identifier: Apache-2.0

package data

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

func (a *app) bucket() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "bucket", Short: "Keep buckets of objects", Args: term.Exactly(),
		Long: "Keep buckets of objects: files of any size under keys. S3's own clients work on\n" +
			"them, with the keys that this command tells; dayfly object does what is needed daily.",
		Example: "  dayfly bucket create uploads\n" +
			"  eval \"$(dayfly bucket keys)\"\n" +
			"  aws s3 cp photo.png s3://uploads/",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the bucket (default \"default\")")
	for _, sub := range []*cobra.Command{a.bucketList(&project), a.bucketCreate(&project),
		a.bucketRemove(&project), a.bucketKeys(&project)} {
		sub.Flags().SortFlags = false
		c.AddCommand(sub)
	}
	return c
}

func (a *app) bucketList(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List buckets", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			list, err := node.Buckets(c.Context(), dayfly.ProjectName(*project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(list)
			}
			if len(list) == 0 {
				a.Notef("there are no buckets yet; make one with: dayfly bucket create NAME\n")
				return nil
			}
			t := term.NewTable("BUCKET", "VERSIONS", "CREATED")
			for _, b := range list {
				versions := "latest only"
				if b.Versions {
					versions = "all"
				}
				t.Add(a.Style.Bold(term.Plain(string(b.Name))), versions, a.Ago(b.Created))
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}

func (a *app) bucketCreate(project *string) *cobra.Command {
	var versions bool
	c := &cobra.Command{Use: "create BUCKET", Short: "Make a bucket", Args: term.Exactly("BUCKET")}
	c.Flags().BoolVar(&versions, "versions", false, "keep every version of an object")
	c.RunE = func(c *cobra.Command, args []string) error {
		node, err := a.Connect()
		if err != nil {
			return err
		}
		var want *bool
		if c.Flags().Changed("versions") {
			want = &versions
		}
		b, err := node.PutBucket(c.Context(), bucketAt(*project, args[0]), want)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(b)
		}
		kept := ""
		if b.Versions {
			kept = ", and keeps every version of an object"
		}
		a.Printf("bucket %s is ready%s\n", term.Plain(args[0]), kept)
		return nil
	}
	return c
}

func (a *app) bucketRemove(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove BUCKET", Aliases: []string{"rm"}, Short: "Remove an empty bucket", Args: term.Exactly("BUCKET"),
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			if err := node.RemoveBucket(c.Context(), bucketAt(*project, args[0])); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"removed": args[0]})
			}
			a.Printf("bucket %s removed\n", term.Plain(args[0]))
			return nil
		},
	}
}

func (a *app) bucketKeys(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "Tell S3's clients where the buckets are and how to get in", Args: term.Exactly(),
		Long: "Tell S3's clients where the buckets are and how to get in, as lines for a shell.\n" +
			"The key opens every bucket of the project; keep it as you keep the node's token.",
		Example: "  eval \"$(dayfly bucket keys)\"",
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			access, err := node.S3(c.Context(), dayfly.ProjectName(*project))
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(access)
			}
			a.Printf("export AWS_ENDPOINT_URL_S3=%s\n", shellQuote(access.Endpoint))
			a.Printf("export AWS_REGION=%s\n", shellQuote(access.Region))
			a.Printf("export AWS_ACCESS_KEY_ID=%s\n", shellQuote(access.AccessKeyID))
			a.Printf("export AWS_SECRET_ACCESS_KEY=%s\n", shellQuote(access.SecretAccessKey))
			return nil
		},
	}
}

func bucketAt(project, name string) client.BucketRef {
	return client.BucketRef{Project: dayfly.ProjectName(project), Name: dayfly.BucketName(name)}
}

// shellQuote writes a word so that a shell takes it as it is.
func shellQuote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
