// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/dayfly-faas/dayfly"
	"github.com/dayfly-faas/dayfly/internal/blob"
)

// Target is who is told: a function or a queue of the bucket's project.
type Target struct {
	Function dayfly.FunctionName
	Queue    dayfly.QueueName
}

// Entry is a rule of a bucket as a trigger.
type Entry struct {
	Bucket  blob.BucketRef
	Target  Target
	Trigger dayfly.Trigger
}

// partitions are what ARNs begin with: AWS's, and that of minio's clients.
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "minio", "dayfly"}

// digits are what AWS names accounts by.
var digits = regexp.MustCompile(`^[0-9]{0,20}$`)

// targetOf reads a rule's target.
func (r *Rule) targetOf(project dayfly.ProjectName) (Target, error) {
	switch {
	case r.Function != "":
		name, err := resource(r.Function, "lambda", project)
		return Target{Function: dayfly.FunctionName(name)}, err
	case r.Queue != "":
		name, err := resource(r.Queue, "sqs", project)
		return Target{Queue: dayfly.QueueName(name)}, err
	}
	name, err := resource(r.Topic, "sns", project)
	return Target{Queue: dayfly.QueueName(name)}, err
}

// Said is what the client called the target.
func (r *Rule) Said() string { return r.Function + r.Queue + r.Topic }

// resource gives the name that an ARN of a service, or a name of ours, means.
func resource(text, service string, project dayfly.ProjectName) (string, error) {
	bad := func(why string) (string, error) {
		return "", invalid("The ARN could not be parsed: %.200q %s.", text, why)
	}
	name := text
	if strings.HasPrefix(text, "arn:") {
		parts := strings.SplitN(text, ":", 6)
		switch {
		case len(parts) < 6 || !slices.Contains(partitions, parts[1]):
			return bad("is none")
		case parts[2] != service:
			return bad("is none of " + service)
		case !digits.MatchString(parts[4]) && parts[4] != string(project):
			return bad("is not of this project")
		}
		name = parts[5]
		if service == "lambda" {
			var alias string
			var ok bool
			if name, ok = strings.CutPrefix(name, "function:"); !ok {
				return bad("names no function")
			}
			name, alias, ok = strings.Cut(name, ":")
			if ok && alias != "$LATEST" && alias != string(dayfly.LiveAlias) {
				return bad("names an alias that there is not")
			}
		}
	} else if own, ok := strings.CutSuffix(name, "."+string(project)); ok {
		name = own
	}
	if err := dayfly.ValidateName("target", name); err != nil {
		return bad("names nothing of this project")
	}
	return name, nil
}

// Entries gives the rules of a bucket as triggers. A rule whose target cannot be is an error.
func (c *Configuration) Entries(ref blob.BucketRef) ([]Entry, error) {
	var list []Entry
	for _, r := range c.all() {
		target, err := r.targetOf(ref.Project)
		if err != nil {
			return nil, err
		}
		events := make([]string, len(r.Events))
		for i, event := range r.Events {
			events[i] = strings.TrimPrefix(event, "s3:")
		}
		list = append(list, Entry{Bucket: ref, Target: target, Trigger: dayfly.Trigger{
			Name: nameOf(ref.Name, r.ID),
			Object: &dayfly.ObjectTrigger{Bucket: dayfly.BucketName(ref.Name), Events: events,
				Prefix: r.prefix(), Suffix: r.suffix(), Configuration: r.ID}}})
	}
	return list, nil
}

// plainID are ids that are told as they are; of all others, whose subjects would be long,
// their sum is.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// nameOf gives the trigger's name. No manifest can give it: it has colons.
func nameOf(bucket, id string) dayfly.TriggerName {
	if !plainID.MatchString(id) {
		sum := sha256.Sum256([]byte(id))
		id = hex.EncodeToString(sum[:16])
	}
	return dayfly.TriggerName("s3:" + bucket + ":" + id)
}
