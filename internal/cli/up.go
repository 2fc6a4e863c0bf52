// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/client"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
	"github.com/dayfly-faas/dayfly/internal/config"
	"github.com/dayfly-faas/dayfly/internal/gateway/journal"
	"github.com/dayfly-faas/dayfly/internal/node"
	"github.com/dayfly-faas/dayfly/internal/sandbox/process"
)

// bannerTimeout bounds what the banner waits for the node to tell of its host.
const bannerTimeout = 2 * time.Second

const upHelp = `Run a node: the gateway that answers callers, the management API, and everything
between. It runs until it gets SIGTERM or Ctrl-C, then ends the calls in flight; a
second signal ends it at once.

Each setting can also stand in the environment (DAYFLY_STEMS for --stems) or in the
file config.yaml of the data folder (stems: 4). Flags win over the environment, which
wins over the file.`

func (a *app) up() *cobra.Command {
	c := &cobra.Command{Use: "up", Short: "Run a node", Long: upHelp, Args: term.Exactly()}
	for _, s := range config.Settings() {
		if s.Switch {
			c.Flags().Bool(s.Name, false, s.Usage)
		} else {
			c.Flags().String(s.Name, "", s.Usage+defaultText(s))
		}
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		flags := map[string]string{}
		for _, s := range config.Settings() {
			if c.Flags().Changed(s.Name) {
				flags[s.Name] = c.Flags().Lookup(s.Name).Value.String()
			}
		}
		cfg, err := config.Load(flags, a.Env)
		if err != nil {
			return err
		}
		if process.NeedsUserNamespace() {
			return a.again()
		}
		return a.runNode(c.Context(), cfg)
	}
	return c
}

func defaultText(s config.Setting) string {
	if s.Default == "" {
		return ""
	}
	return " (default " + s.Default + ")"
}

// runNode runs a node until a signal, or the end of ctx.
func (a *app) runNode(ctx context.Context, cfg config.Config) error {
	log := newLogger(a.Err, cfg)
	adopt(log)
	settings := nodeConfig(cfg)
	settings.Version = a.Version
	began := a.Now()
	noted := false
	settings.Started = func(gatewayURL, apiURL string) {
		if err := config.WriteEndpoint(cfg.DataDir, apiURL); err != nil {
			log.Warn("endpoint was not noted", "error", err)
		}
		noted = true
		a.printBanner(ctx, cfg, gatewayURL, apiURL, a.Now().Sub(began))
	}
	if cfg.AccessLog != "" {
		reopen := make(chan os.Signal, 1)
		signal.Notify(reopen, syscall.SIGHUP)
		defer signal.Stop(reopen)
		settings.AccessLog = journal.Config{File: cfg.AccessLog, Format: journal.Format(cfg.AccessLogFormat),
			Out: a.Out, Reopen: reopen, SizeMax: cfg.AccessLogSize, Keep: cfg.AccessLogKeep}
	}
	n, err := node.New(settings, log)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() {
		log.Info("stopping: calls in flight are waited for; a second signal ends them")
	})()
	err = n.Run(ctx)
	if !noted {
		return err // the note there may be is of another node
	}
	if removeErr := config.RemoveEndpoint(cfg.DataDir); removeErr != nil {
		log.Warn("endpoint was not removed", "error", removeErr)
	}
	return err
}

// again runs this program once more as root of a user namespace, and gives the status
// with which that one ended.
func (a *app) again() error {
	if err := config.PinDataDir(a.Env); err != nil {
		return err
	}
	status, err := process.EnterUserNamespace()
	if err != nil {
		return err
	}
	return term.ExitStatus(status)
}

func newLogger(w io.Writer, cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// adopt has what libraries print to the process's own logger go to log, for those who
// look into details: net/http quotes there what a function sent that it should not have.
func adopt(log *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelDebug)
	slog.SetDefault(log)
}

// nodeConfig hands on what was set.
func nodeConfig(c config.Config) node.Config {
	n := node.DefaultConfig()
	n.DataDir, n.Listen, n.API, n.S3 = c.DataDir, c.Listen, c.API, c.S3
	n.SyncInterval, n.SyncAlways = c.SyncInterval, c.SyncInterval == 0
	n.MemoryBytes, n.StemsPerRuntime, n.DrainTimeout = c.MemoryBytes, c.Stems, c.DrainTimeout
	n.ZygotesMax = c.Zygotes
	n.StartsMax, n.LogLevel, n.BuildEnv = c.Starts, c.LogLevel, c.BuildEnv
	n.Connections, n.ConnectionsPerAddress = c.Connections, c.ConnectionsPerAddress
	n.Dev = c.Dev
	n.TLS = node.TLS(c.TLS)
	n.Homes, n.Path, n.CallbackAllow = c.Homes, c.Path, c.CallbackAllow
	n.TraceEndpoint, n.TraceSampleRatio = c.TraceEndpoint, c.TraceSample
	return n
}

// printBanner says where everything is, once it is there.
func (a *app) printBanner(
	ctx context.Context, cfg config.Config, gatewayURL, apiURL string, took time.Duration,
) {
	if a.JSON {
		_ = a.PrintJSON(map[string]string{"gateway_url": gatewayURL, "api_url": apiURL,
			"data": cfg.DataDir}) // nobody reads stdout: the node runs all the same
		return
	}
	ctx, cancel := context.WithTimeout(ctx, bannerTimeout)
	defer cancel()
	buckets, isolation := a.ownReport(ctx, cfg.DataDir, apiURL)
	a.Printf("%s %s is up after %s\n", a.Style.Bold("dayfly"), a.Version, term.Span(took))
	term.WriteRows(a.Out, a.Style, [][2]string{
		{"functions", gatewayURL + "/function/NAME"},
		{"management", apiURL},
		{"buckets", buckets},
		{"data", cfg.DataDir},
		{"isolation", isolation},
		{"next", "dayfly deploy PATH"},
	})
}

// ownReport tells where the buckets are and what isolation this host gives, as the node's
// own API has it.
func (a *app) ownReport(ctx context.Context, dir, apiURL string) (buckets, isolation string) {
	var c *client.Client
	token, err := config.Token(dir)
	if err == nil {
		c, err = client.New(client.Options{URL: apiURL, Token: token})
	}
	if err != nil {
		return "not known: " + err.Error(), "not known: " + err.Error()
	}
	buckets = "for functions only: --s3 is off"
	if access, err := c.S3(ctx, dayfly.DefaultProject); err == nil {
		buckets = access.Endpoint + ", S3; keys: dayfly bucket keys"
	}
	return buckets, a.isolation(ctx, c)
}

// isolation sums up what this host gives.
func (a *app) isolation(ctx context.Context, c *client.Client) string {
	features, err := c.Features(ctx)
	if err != nil {
		return "not known: " + err.Error()
	}
	var missing []string
	for _, f := range features {
		if !f.Given {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) == 0 {
		return a.Style.Green("complete") + ", " + term.Plural(len(features), "mechanism")
	}
	return a.Style.Yellow("without "+strings.Join(missing, ", ")) + "; see: dayfly doctor"
}
