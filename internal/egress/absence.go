// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// explainAbsence turns what went wrong while opening into words for the operator.
func explainAbsence(err error) *absence {
	switch {
	case errors.Is(err, unix.EROFS):
		return &absence{
			reason: fmt.Sprintf("kernel settings are read-only here (%v)", err),
			remedy: "run dayfly outside a container, or in a privileged one",
		}
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		return &absence{
			reason: "making network devices needs root",
			remedy: "run dayfly as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN",
		}
	case errors.Is(err, fs.ErrPermission):
		return &absence{
			reason: fmt.Sprintf("root lacks a privilege here (%v)", err),
			remedy: "give dayfly CAP_NET_ADMIN and CAP_SYS_ADMIN, or run it outside a container",
		}
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPROTONOSUPPORT),
		errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return &absence{
			reason: fmt.Sprintf("the kernel lacks network namespaces, veth or nftables (%v)", err),
			remedy: "load the modules: modprobe -a veth nf_tables nft_masq nft_ct nft_chain_nat",
		}
	}
	return &absence{reason: err.Error()}
}
