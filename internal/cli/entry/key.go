// SPDX-License-Identifier: Apache-2.0

package entry

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/auth/password"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// app has all commands of this package.
type app struct{ *term.Session }

// Commands gives the commands of a session.
func Commands(s *term.Session) []*cobra.Command {
	a := &app{s}
	return []*cobra.Command{a.key(), a.certificate()}
}

func (a *app) key() *cobra.Command {
	var project string
	c := &cobra.Command{
		Use: "key", Short: "Make, rotate and revoke API keys", Args: term.Exactly(),
		Example: "  dayfly key create partner --scope orders:read --expires 90d\n" +
			"  dayfly key rotate partner --grace 1h\n" +
			"  dayfly key hash < password.txt",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&project, "project", "", "`PROJECT` of the key (default \"default\")")
	c.AddCommand(a.create(&project), a.list(&project), a.rotate(&project), a.revoke(&project), a.hash())
	return c
}

func (a *app) create(project *string) *cobra.Command {
	var scopes []string
	var labels map[string]string
	var expires string
	c := &cobra.Command{Use: "create KEY", Short: "Make a key and print its text, once", Args: term.Exactly("KEY")}
	c.Flags().StringArrayVar(&scopes, "scope", nil, "give it this `SCOPE`; may be repeated")
	c.Flags().StringToStringVar(&labels, "label", nil, "give it a label `NAME=TEXT`; may be repeated")
	c.Flags().StringVar(&expires, "expires", "", "end it after this `SPAN`: 90d (default never)")
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := span("--expires", expires)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		key, text, err := node.CreateKey(c.Context(), dayfly.ProjectName(*project),
			client.NewKey{Name: args[0], Scopes: scopes, Labels: labels, ExpiresIn: in})
		if err != nil {
			return err
		}
		return a.told(key, text)
	}
	return c
}

// span reads a flag that may be empty.
func span(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := quantity.ParseDuration(text)
	if err != nil {
		return 0, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", flag, err)
	}
	return d, nil
}

func (a *app) told(key client.Key, text string) error {
	if a.JSON {
		return a.PrintJSON(map[string]any{"key": key, "text": text})
	}
	a.Printf("%s\n", term.Plain(text))
	a.Notef("keep it: the node does not have it, only its digest\n")
	return nil
}

func (a *app) list(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the keys of a project", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			keys, err := node.Keys(c.Context(), dayfly.ProjectName(*project))
			if err != nil || a.JSON {
				if err != nil {
					return err
				}
				return a.PrintJSON(keys)
			}
			t := term.NewTable("KEY", "ID", "SCOPES", "CREATED", "EXPIRES", "USED")
			for _, k := range keys {
				t.Add(term.Plain(k.Name), term.Plain(k.ID), term.Plain(strings.Join(k.Scopes, " ")), a.Ago(k.Created),
					never(k.Expires), never(used(k)))
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}

func used(k client.Key) (last time.Time) {
	for _, s := range k.Secrets {
		if s.Used.After(last) {
			last = s.Used
		}
	}
	return last
}

func never(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func (a *app) rotate(project *string) *cobra.Command {
	var grace string
	c := &cobra.Command{Use: "rotate KEY", Short: "Give a key another text and print it, once", Args: term.Exactly("KEY")}
	c.Flags().StringVar(&grace, "grace", "24h", "let the text before be valid for this `SPAN`: 0s to 90d")
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := span("--grace", grace)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		key, text, err := node.RotateKey(c.Context(), dayfly.ProjectName(*project), args[0], d)
		if err != nil {
			return err
		}
		return a.told(key, text)
	}
	return c
}

func (a *app) revoke(project *string) *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEY", Short: "End a key, given by name or identity, for ever", Args: term.Exactly("KEY"),
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			key, err := node.RevokeKey(c.Context(), dayfly.ProjectName(*project), args[0])
			if err != nil || a.JSON {
				if err != nil {
					return err
				}
				return a.PrintJSON(key)
			}
			a.Printf("%s revoked\n", term.Plain(key.Name))
			return nil
		},
	}
}

func (a *app) hash() *cobra.Command {
	var algorithm string
	c := &cobra.Command{Use: "hash", Short: "Hash a password of standard input, for basic authentication", Args: term.Exactly()}
	c.Flags().StringVar(&algorithm, "algorithm", "argon2id", "use this `ALGORITHM`: argon2id or bcrypt")
	c.RunE = func(*cobra.Command, []string) error {
		text, err := io.ReadAll(io.LimitReader(a.In, password.PasswordBytesMax+3))
		if err != nil {
			return dayfly.Errorf(dayfly.KindInvalid, "read the password: %w", err)
		}
		line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
		hash, err := password.Make(line, password.Algorithm(algorithm))
		if err != nil {
			return err
		}
		a.Printf("%s\n", hash)
		return nil
	}
	return c
}
