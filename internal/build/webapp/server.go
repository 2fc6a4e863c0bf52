// SPDX-License-Identifier: Apache-2.0

package webapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/dayfly-faas/dayfly"
)

const packageFile = "package.json"

// packageBytesMax bounds a package.json; those of large applications have 20 KiB.
const packageBytesMax = 1 << 20

// Gather copies what the server needs from the folder dir to the folder into. It is built
// already: the scripts that would build it again, from a source that does not come along,
// are left out of its package.json.
func (s *Server) Gather(dir, into string) error {
	if err := Gather(dir, s.Parts, into); err != nil {
		return err
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		return fmt.Errorf("open folder %s: %w", into, err)
	}
	defer root.Close()
	file, err := root.Open(packageFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", packageFile, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, packageBytesMax+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", packageFile, err)
	}
	if len(text) > packageBytesMax {
		return dayfly.Errorf(dayfly.KindInvalid, "%s has more than %d bytes", packageFile, packageBytesMax)
	}
	if text, err = withoutBuild(text); err != nil {
		return dayfly.Errorf(dayfly.KindInvalid, "%s: %w", packageFile, err)
	}
	if err := root.WriteFile(packageFile, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", packageFile, err)
	}
	return nil
}

// withoutBuild takes away the scripts of a package.json that need its source.
func withoutBuild(text []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var scripts map[string]json.RawMessage
	if all["scripts"] != nil {
		if err := json.Unmarshal(all["scripts"], &scripts); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"prebuild", "build", "postbuild", "prepare"} {
		delete(scripts, name)
	}
	kept, err := json.Marshal(scripts)
	if err != nil {
		return nil, err
	}
	if delete(all, "scripts"); len(scripts) > 0 {
		all["scripts"] = kept
	}
	return json.MarshalIndent(all, "", "  ")
}
