// SPDX-License-Identifier: Apache-2.0

//go:build linux

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// mapper lets a box write to folders of the host.
type mapper struct {
	driver *Driver
	ids    idRange
	script *script // closes what is kept
}

// share makes a writable source belong to the box's user, as the box sees it: by an
// id-mapped mount, so that the files stay their owner's on the host; where the file
// system has none, by giving the files to the box's id.
func (m mapper) share(source string, info os.FileInfo, attr *unix.MountAttr) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || m.ids.single() {
		return nil // the box's user is the driver's own
	}
	err := m.idmap(source, stat, attr)
	if err == nil {
		return nil
	}
	m.driver.log.Debug("id-mapped mount not possible, giving files away", "path", source, "error", err)
	*attr = unix.MountAttr{Attr_set: attr.Attr_set &^ unix.MOUNT_ATTR_IDMAP}
	return m.give(source)
}

// idmap points attr at a user namespace that maps the owner of the source to app, and
// tries it on a copy of the mount.
func (m mapper) idmap(source string, stat *syscall.Stat_t, attr *unix.MountAttr) error {
	ns, err := m.driver.userNamespace(stat, m.ids.app())
	if err != nil {
		return err
	}
	attr.Attr_set |= unix.MOUNT_ATTR_IDMAP
	attr.Userns_fd = uint64(ns.Fd())
	m.script.trees = append(m.script.trees, ns)
	probe, err := openTree(source, *attr)
	if err != nil {
		return err
	}
	return probe.Close()
}

// give changes the owner of everything in a folder.
func (m mapper) give(source string) error {
	id := int(m.ids.app())
	return filepath.WalkDir(source, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("give %s to the sandbox: %w", path, err)
		}
		return os.Lchown(path, id, id)
	})
}

// userNamespace makes a user namespace in which owner, on disk, is app, outside.
func (d *Driver) userNamespace(owner *syscall.Stat_t, app int64) (*os.File, error) {
	command, ours, err := socketPair("namespace")
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer command.Close()
	s := &script{}
	s.birthSteps(&plumbing{command: command})
	pid, err := d.spawner.spawn(s, unix.CLONE_NEWUSER, -1)
	if err != nil {
		return nil, err
	}
	defer end(pid) // it waits at its gate for nothing else
	uids := fmt.Appendf(nil, "%d %d 1\n", owner.Uid, app)
	gids := fmt.Appendf(nil, "%d %d 1\n", owner.Gid, app)
	err = errors.Join(writeFile(fmt.Sprintf("/proc/%d/uid_map", pid), uids),
		writeFile(fmt.Sprintf("/proc/%d/gid_map", pid), gids))
	if err != nil {
		return nil, err
	}
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", pid))
}
