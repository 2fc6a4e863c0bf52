// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// memoryFallback is assumed where the system does not say how much it has.
const memoryFallback = 1 << 30

// parseMemory reads "80%" of total, "12Gi", "512Mi" or "500M".
func parseMemory(v string, total int64) (int64, error) {
	if share, ok := strings.CutSuffix(v, "%"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err != nil || percent <= 0 || percent > 100 {
			return 0, dayfly.Errorf(dayfly.KindInvalid, "want a size such as 4Gi, or a share such as 80%%")
		}
		return int64(float64(total) * percent / 100), nil
	}
	return quantity.ParseBytes(v)
}

// machineMemory is what this process may use at most: the machine's memory, or the
// limit of the cgroup at the root of what it sees, whichever is less.
func machineMemory() int64 {
	total := int64(memoryFallback)
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		total = memTotal(data, total)
	}
	limits := []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}
	for _, path := range limits {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64)
		if err == nil && limit > 0 && limit < total {
			total = limit
		}
	}
	return total
}

func memTotal(meminfo []byte, fallback int64) int64 {
	lines := bufio.NewScanner(bytes.NewReader(meminfo))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			if kib, err := strconv.ParseInt(fields[1], 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	return fallback
}
