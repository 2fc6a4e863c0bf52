// SPDX-License-Identifier: Apache-2.0

package entry

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/cli/term"
)

// pemFileMax bounds a file of certificates or a key: those that exist have a few kilobytes.
const pemFileMax = 64 << 10

const trustHelp = `Print the root certificate of the local authority, which vouches for hosts when the
node runs with --tls-local or --dev; its key stays with the node. Programs on this
machine trust it after:

  dayfly certificate trust > dayfly-root.pem
  curl --cacert dayfly-root.pem https://shop.localhost:8443/

or, for the whole system:

  Debian   sudo cp dayfly-root.pem /usr/local/share/ca-certificates/dayfly.crt
           sudo update-ca-certificates
  Fedora   sudo trust anchor dayfly-root.pem
  macOS    sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain \
             dayfly-root.pem
  Windows  certutil -addstore Root dayfly-root.pem

Firefox has a store of its own: Settings, Certificates, Import. Node.js reads
NODE_EXTRA_CA_CERTS.`

func (a *app) certificate() *cobra.Command {
	c := &cobra.Command{
		Use: "certificate", Short: "Add certificates of hosts, and trust the local authority", Args: term.Exactly(),
		Example: "  dayfly certificate add shop.example.com --cert chain.pem --key key.pem\n" +
			"  dayfly certificate trust > dayfly-root.pem",
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.certificateAdd(), a.certificateList(), a.certificateRemove(), a.certificateTrust())
	return c
}

func (a *app) certificateAdd() *cobra.Command {
	var chain, key string
	c := &cobra.Command{
		Use: "add HOST", Short: "Serve a certificate of your own for a host", Args: term.Exactly("HOST"),
		Long: "Serve a certificate of your own for a host, or for *.example.com, from the next\n" +
			"connection on. It takes the place of the one there was.",
	}
	c.Flags().StringVar(&chain, "cert", "", "`FILE` of certificates in PEM, the host's first")
	c.Flags().StringVar(&key, "key", "", "`FILE` of the key in PEM")
	c.RunE = func(c *cobra.Command, args []string) error {
		if chain == "" || key == "" {
			return dayfly.Errorf(dayfly.KindInvalid, "--cert and --key are needed")
		}
		chainText, err := readPEM("--cert", chain)
		if err != nil {
			return err
		}
		keyText, err := readPEM("--key", key)
		if err != nil {
			return err
		}
		node, err := a.Connect()
		if err != nil {
			return err
		}
		made, err := node.PutCertificate(c.Context(), args[0], chainText, keyText)
		if err != nil {
			return err
		}
		if a.JSON {
			return a.PrintJSON(made)
		}
		a.Printf("%s has a certificate of %s until %s\n", term.Plain(made.Host), term.Plain(made.Issuer), never(made.NotAfter))
		return nil
	}
	return c
}

// readPEM reads the file of a flag.
func readPEM(flag, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", flag, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, pemFileMax+1))
	if err != nil {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %w", flag, err)
	}
	if len(text) > pemFileMax {
		return nil, dayfly.Errorf(dayfly.KindInvalid, "%s: %s is larger than %s", flag, path, dayfly.FormatBytes(pemFileMax))
	}
	return text, nil
}

func (a *app) certificateList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the certificates of the node", Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			list, err := node.Certificates(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(list)
			}
			t := term.NewTable("HOST", "KIND", "ISSUER", "EXPIRES", "FINGERPRINT")
			for _, k := range list {
				t.Add(a.Style.Bold(term.Plain(k.Host)), term.Plain(k.Kind), term.Plain(k.Issuer), never(k.NotAfter),
					term.Plain(k.Fingerprint[:min(len(k.Fingerprint), 16)]))
			}
			t.Write(a.Out, a.Style)
			return nil
		},
	}
}

func (a *app) certificateRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove HOST", Aliases: []string{"rm"}, Short: "Forget the certificate that was added for a host",
		Args: term.Exactly("HOST"),
		RunE: func(c *cobra.Command, args []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			if err := node.RemoveCertificate(c.Context(), args[0]); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"removed": args[0]})
			}
			a.Printf("%s removed\n", term.Plain(args[0]))
			return nil
		},
	}
}

func (a *app) certificateTrust() *cobra.Command {
	return &cobra.Command{
		Use: "trust", Short: "Print the root certificate of the local authority", Long: trustHelp, Args: term.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			node, err := a.Connect()
			if err != nil {
				return err
			}
			root, err := node.CertificateRoot(c.Context())
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"certificate": root})
			}
			if _, err := io.WriteString(a.Out, root); err != nil {
				return err
			}
			a.Notef("dayfly certificate trust --help says how to install it\n")
			return nil
		},
	}
}
