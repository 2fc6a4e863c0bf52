// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dayfly-faas/dayfly"
)

const (
	// Document is the name under which a configuration is kept with its bucket.
	Document = "notification"
	// rulesMax bounds the rules of a bucket, as AWS does: each costs a cursor.
	rulesMax = 100
	// idBytesMax and valueBytesMax bound an id and a filter's value, as AWS does.
	idBytesMax    = 255
	valueBytesMax = 1024
	// eventsMax is how many events there are to name.
	eventsMax = 16
	namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
)

// Configuration is S3's notification configuration of a bucket.
type Configuration struct {
	XMLName   xml.Name `xml:"NotificationConfiguration" json:"-"`
	Functions []Rule   `xml:"CloudFunctionConfiguration" json:"functions,omitempty"`
	Queues    []Rule   `xml:"QueueConfiguration" json:"queues,omitempty"`
	Topics    []Rule   `xml:"TopicConfiguration" json:"topics,omitempty"`
	Others    []other  `xml:",any" json:"-"`
}

// other is an element that a configuration should not have.
type other struct{ XMLName xml.Name }

// Rule says which changes are told to one target. One of the three targets is set: an ARN,
// or a name of ours.
type Rule struct {
	ID       string   `xml:"Id" json:"id"`
	Function string   `xml:"CloudFunction,omitempty" json:"function,omitempty"`
	Queue    string   `xml:"Queue,omitempty" json:"queue,omitempty"`
	Topic    string   `xml:"Topic,omitempty" json:"topic,omitempty"`
	Events   []string `xml:"Event" json:"events"`
	Filter   *Filter  `xml:"Filter" json:"filter,omitempty"`
	Others   []other  `xml:",any" json:"-"`
}

// Filter chooses keys.
type Filter struct {
	Rules []FilterRule `xml:"S3Key>FilterRule" json:"rules,omitempty"`
}

// FilterRule is a prefix or a suffix.
type FilterRule struct {
	Name  string `xml:"Name" json:"name"`
	Value string `xml:"Value" json:"value"`
}

// Malformed is the fault of a document that is not what it should be.
type Malformed struct{ Reason string }

// Error says what.
func (m *Malformed) Error() string { return "malformed notification configuration: " + m.Reason }

// Unsupported is the fault of one that asks for what is not there.
type Unsupported struct{ Reason string }

// Error says what.
func (u *Unsupported) Error() string { return u.Reason }

// Parse reads a configuration as clients send it and checks all of it that can be known
// without looking at functions and queues.
func Parse(text []byte) (*Configuration, error) {
	c := &Configuration{}
	d := xml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(c); err != nil {
		return nil, &Malformed{err.Error()}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &Malformed{"something follows the document"}
	}
	if len(c.Others) > 0 {
		name := c.Others[0].XMLName.Local
		if name == "EventBridgeConfiguration" {
			return nil, &Unsupported{"There is no EventBridge here: name functions or queues."}
		}
		return nil, &Malformed{"unknown element " + name}
	}
	c.Others = nil
	return c, c.check()
}

// Decode reads a configuration as it is kept.
func Decode(kept []byte) (*Configuration, error) {
	c := &Configuration{}
	if len(kept) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(kept, c); err != nil {
		return nil, fmt.Errorf("read notification configuration: %w", err)
	}
	return c, nil
}

// Encode writes it as it is kept; one without rules is nothing.
func (c *Configuration) Encode() ([]byte, error) {
	if len(c.all()) == 0 {
		return nil, nil
	}
	return json.Marshal(c)
}

// XML writes it as clients read it.
func (c *Configuration) XML() ([]byte, error) {
	out := *c
	out.XMLName = xml.Name{Space: namespace, Local: "NotificationConfiguration"}
	text, err := xml.Marshal(&out)
	if err != nil {
		return nil, fmt.Errorf("write notification configuration: %w", err)
	}
	return append([]byte(xml.Header), text...), nil
}

// all gives every rule.
func (c *Configuration) all() []*Rule {
	var list []*Rule
	for _, rules := range [][]Rule{c.Functions, c.Queues, c.Topics} {
		for i := range rules {
			list = append(list, &rules[i])
		}
	}
	return list
}

// check reports the first fault, and gives rules without an id one.
func (c *Configuration) check() error {
	list := c.all()
	if len(list) > rulesMax {
		return invalid("There are %d configurations, at most %d are allowed.", len(list), rulesMax)
	}
	for i := range c.Functions {
		if c.Functions[i].Function == "" {
			return &Malformed{"a CloudFunctionConfiguration has no CloudFunction"}
		}
	}
	for i := range c.Queues {
		if c.Queues[i].Queue == "" {
			return &Malformed{"a QueueConfiguration has no Queue"}
		}
	}
	for i := range c.Topics {
		if c.Topics[i].Topic == "" {
			return &Malformed{"a TopicConfiguration has no Topic"}
		}
	}
	ids := map[string]bool{}
	for i, r := range list {
		if err := r.check(); err != nil {
			return err
		}
		if ids[r.ID] {
			return invalid("Same ID used for multiple configurations. IDs must be unique.")
		}
		ids[r.ID] = true
		for _, before := range list[:i] {
			if r.overlaps(before) {
				return invalid("Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules " +
					"if the prefixes are overlapping for the same event type.")
			}
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return dayfly.Errorf(dayfly.KindInvalid, format, args...)
}

// Events that there are, as clients name them.
var families = map[string][]string{
	"s3:ObjectCreated:": {"*", "Put", "Post", "Copy", "CompleteMultipartUpload"},
	"s3:ObjectRemoved:": {"*", "Delete", "DeleteMarkerCreated"},
}

// family gives what an event is of, "s3:ObjectCreated:", and which of it, "Put" or "*".
func family(event string) (of, which string, ok bool) {
	at := strings.LastIndexByte(event, ':') + 1
	of, which = event[:at], event[at:]
	return of, which, slices.Contains(families[of], which)
}

func (r *Rule) check() error {
	targets := 0
	for _, t := range []string{r.Function, r.Queue, r.Topic} {
		if t != "" {
			targets++
		}
	}
	switch {
	case len(r.Others) > 0:
		return &Malformed{"unknown element " + r.Others[0].XMLName.Local}
	case targets != 1:
		return &Malformed{"a configuration has several targets"}
	case len(r.Events) == 0:
		return &Malformed{"a configuration has no Event"}
	case len(r.Events) > eventsMax:
		return invalid("There are %d events in one configuration, at most %d are allowed.", len(r.Events), eventsMax)
	case len(r.ID) > idBytesMax || !utf8.ValidString(r.ID):
		return invalid("An ID has at most %d bytes.", idBytesMax)
	}
	for _, event := range r.Events {
		if _, _, ok := family(event); !ok {
			return invalid("The event '%.100s' is not supported for notifications.", event)
		}
	}
	if err := r.Filter.check(); err != nil {
		return err
	}
	if r.ID == "" {
		// The same for the same rule, so that a tool that sends its document once more
		// changes nothing.
		sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q", r.Function, r.Queue, r.Topic, r.Events,
			r.prefix(), r.suffix()))
		r.ID = hex.EncodeToString(sum[:16])
	}
	return nil
}

func (f *Filter) check() error {
	if f == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, rule := range f.Rules {
		name := strings.ToLower(rule.Name)
		switch {
		case name != "prefix" && name != "suffix":
			return invalid("filter rule name must be either prefix or suffix")
		case seen[name]:
			return invalid("Cannot specify more than one %s rule in a filter.", name)
		case len(rule.Value) > valueBytesMax:
			return invalid("Size of filter rule value cannot exceed %d bytes in UTF-8 representation", valueBytesMax)
		}
		seen[name] = true
	}
	return nil
}

func (r *Rule) prefix() string { return r.Filter.value("prefix") }

func (r *Rule) suffix() string { return r.Filter.value("suffix") }

func (f *Filter) value(name string) string {
	if f == nil {
		return ""
	}
	for _, rule := range f.Rules {
		if strings.EqualFold(rule.Name, name) {
			return rule.Value
		}
	}
	return ""
}

// overlaps tells whether some change of some key would be told to both.
func (r *Rule) overlaps(o *Rule) bool {
	p, q := r.prefix(), o.prefix()
	s, t := r.suffix(), o.suffix()
	if !strings.HasPrefix(p, q) && !strings.HasPrefix(q, p) || !strings.HasSuffix(s, t) && !strings.HasSuffix(t, s) {
		return false
	}
	for _, a := range r.Events {
		for _, b := range o.Events {
			ofA, whichA, _ := family(a)
			ofB, whichB, _ := family(b)
			if ofA == ofB && (whichA == whichB || whichA == "*" || whichB == "*") {
				return true
			}
		}
	}
	return false
}
