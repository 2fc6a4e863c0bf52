// SPDX-License-Identifier: Apache-2.0

package site

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/dayfly-faas/dayfly"
)

// readRules reads the files of rules that the site has.
func (s *Site) readRules() error {
	text, err := s.text(headersFile)
	if err != nil {
		return err
	}
	if s.headers, err = parseHeaders(text); err != nil {
		return err
	}
	if text, err = s.text(redirectsFile); err != nil {
		return err
	}
	s.redirect, err = parseRedirects(text)
	return err
}

// text reads a file of rules; nothing when there is none.
func (s *Site) text(name string) (string, error) {
	file, err := os.OpenInRoot(s.dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("open %s: %w", name, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, rulesBytesMax+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > rulesBytesMax {
		return "", dayfly.Errorf(dayfly.KindInvalid, "%s has more than %d bytes", name, rulesBytesMax)
	}
	return string(text), nil
}
