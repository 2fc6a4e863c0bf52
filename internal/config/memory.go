// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"

	"github.com/dayfly-faas/dayfly"
)

// memoryFallback is assumed where the system does not say how much it has.
const memoryFallback = 1 << 30

// parseMemory reads "80%" of total, "12Gi", "512Mi", "500M" or plain bytes.
func parseMemory(v string, total int64) (int64, error) {
	wrong := dayfly.Errorf(dayfly.KindInvalid, "want a size such as 4Gi, or a share such as 80%%")
	if share, ok := strings.CutSuffix(v, "%"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err != nil || percent <= 0 || percent > 100 {
			return 0, wrong
		}
		return int64(float64(total) * percent / 100), nil
	}
	digits := strings.TrimRight(v, "KMGTikmgtBb")
	factor, ok := memoryUnits[strings.ToLower(v[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !ok || n <= 0 || n > (1<<62)/factor {
		return 0, wrong
	}
	return n * factor, nil
}

// memoryUnits are the suffixes of sizes, in lower case.
var memoryUnits = map[string]int64{
	"": 1, "b": 1,
	"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
	"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
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
