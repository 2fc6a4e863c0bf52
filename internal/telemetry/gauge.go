// SPDX-License-Identifier: Apache-2.0

package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
)

// seriesMax bounds the series of one gauge: none has a natural need for more, and a
// reader that loops must not fill the memory.
const seriesMax = 1000

// Gauge is a value, or a family of them, that is read when someone scrapes.
type Gauge struct {
	// Name is the metric's name without the prefix "dayfly_", its unit last.
	Name string
	// Help is one sentence.
	Help string
	// Labels name what tells the family's members apart; none for a single value.
	Labels []string
	// Total marks a value that only grows: it is exposed as a counter.
	Total bool
	// Read calls set once a member, with one value for each label, in order. It may
	// run on any goroutine, several at once, and should return at once.
	Read func(set func(value float64, labels ...string))
}

// Gauge adds g to what is scraped. Two gauges of one name are an error.
func (t *Telemetry) Gauge(g Gauge) error {
	kind := prometheus.GaugeValue
	if g.Total {
		kind = prometheus.CounterValue
	}
	name := prometheus.BuildFQName("dayfly", "", g.Name)
	return t.registry.Register(&reader{
		desc: prometheus.NewDesc(name, g.Help, g.Labels, nil), kind: kind, read: g.Read,
	})
}

// reader makes a Gauge a collector.
type reader struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(set func(value float64, labels ...string))
}

// Describe tells the registry the one metric there is.
func (r *reader) Describe(out chan<- *prometheus.Desc) { out <- r.desc }

// Collect reads the values.
func (r *reader) Collect(out chan<- prometheus.Metric) {
	left := seriesMax
	r.read(func(value float64, labels ...string) {
		if left--; left < 0 {
			return
		}
		m, err := prometheus.NewConstMetric(r.desc, r.kind, value, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(r.desc, err)
		}
		out <- m
	})
}
