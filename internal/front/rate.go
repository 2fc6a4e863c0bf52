// SPDX-License-Identifier: Apache-2.0

package front

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dayfly-faas/dayfly/internal/quantity"
)

// countMax bounds the count of a rate: more than any door lets through in a month.
const countMax = 1e12

// Month, as the time of a rate, is the calendar's.
const Month = 30 * 24 * time.Hour

// Parse gives the count and the time in which it may be reached. Units are s, m, h, day and
// month, or a span: "100/10s".
func (r Rate) Parse() (count int64, per time.Duration, err error) {
	number, unit, found := strings.Cut(r.Limit, "/")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !found || err != nil || value < 1 || value > countMax || value != float64(int64(value)) {
		return 0, 0, fmt.Errorf("%.40q is not a rate: write it like 10/s, 100/m or 10000/day", r.Limit)
	}
	switch unit = strings.TrimSpace(unit); unit {
	case "s", "m", "h":
		per, _ = time.ParseDuration("1" + unit)
	case "min", "minute":
		per = time.Minute
	case "second", "hour":
		per, _ = time.ParseDuration("1" + unit[:1])
	case "d", "day":
		per = 24 * time.Hour
	case "month":
		per = Month
	default:
		if per, err = quantity.ParseDuration(unit); err != nil || per < time.Second || per > Month {
			return 0, 0, fmt.Errorf("%.40q is not a rate: the time is s, m, h, day, month or a span of a second to 30 days",
				r.Limit)
		}
	}
	return int64(value), per, nil
}
